//! What is not as it was. Pure: two descriptions in, the differences out.
//!
//! Not a difference is what Billet and the agents do by themselves (a boot override to the network for once, or to the disk
//! for good), an address that comes from DHCP, a part that is not there (that is the disks' check), an account that neither
//! let anybody in nor does, and whatever was not told at enrolment.

use billet_proto::link::{
    Baseline, BmcFacts, BmcSetting, BmcUser, BootVariables, DiskCapacity, FirmwareVersion, LoadOption, LoadOrder,
};
use std::fmt;

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Difference {
    /// What differs.
    pub(super) field: String,
    /// As it was recorded.
    pub(super) was: String,
    /// As it was seen last.
    pub(super) is: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, was, is } = self;
        write!(f, "{field} was {was}, is {is}")
    }
}

const NOT_TOLD: &str = "not told";
const NONE: &str = "none";
/// Overrides that an agent sets by itself, by how they begin.
const OUR_OVERRIDES: [&str; 3] = [NONE, "network once", "disk continuous"];
/// What comes from a DHCP server, where the BMC asks one.
const LEASED: [&str; 4] = ["address", "netmask", "gateway", "backup-gateway"];

/// Everything in which `is` is not as `was`.
pub(super) fn differences(was: &Baseline, is: &Baseline) -> Vec<Difference> {
    let mut found = Found(Vec::new());
    found.versions(&was.versions, &is.versions);
    found.capacities(&was.capacities, &is.capacities);
    let word = |on: bool| if on { "on" } else { "off" };
    found.text("Secure Boot", word(was.secure_boot), word(is.secure_boot));
    match (&was.boot_variables, &is.boot_variables) {
        (Some(was), Some(is)) => found.boot_variables(was, is),
        (Some(_), None) => found.add("firmware's boot entries", "told", NOT_TOLD),
        (None, _) => {}
    }
    match (&was.bmc, &is.bmc) {
        (Some(was), Some(is)) => found.bmc(was, is),
        (Some(_), None) => found.add("BMC", "told", NOT_TOLD),
        (None, _) => {}
    }
    found.0
}

struct Found(Vec<Difference>);

impl Found {
    fn add(&mut self, field: impl Into<String>, was: impl Into<String>, is: impl Into<String>) {
        self.0.push(Difference { field: field.into(), was: was.into(), is: is.into() });
    }

    fn text(&mut self, field: &str, was: &str, is: &str) {
        if was != is {
            self.add(field, was, is);
        }
    }

    fn versions(&mut self, was: &[FirmwareVersion], is: &[FirmwareVersion]) {
        for FirmwareVersion { part, version } in was.iter().filter(|was| !was.version.is_empty()) {
            let field = format!("firmware of {part}");
            match is.iter().find(|is| is.part == *part) {
                Some(is) => self.text(&field, version, told(&is.version)),
                // Whether the disks are there is another check.
                None if part.starts_with("disk ") => {}
                None => self.add(field, version, NOT_TOLD),
            }
        }
    }

    /// A disk with a part of it hidden (HPA, a smaller namespace) keeps there what a tenant wrote.
    fn capacities(&mut self, was: &[DiskCapacity], is: &[DiskCapacity]) {
        let of = |all: &[DiskCapacity], disk: &str| {
            let mut sizes: Vec<u64> = all.iter().filter(|one| one.disk == disk).map(|one| one.size_bytes).collect();
            sizes.sort_unstable();
            sizes
        };
        let shown = |sizes: &[u64]| sizes.iter().map(|size| format!("{size} bytes")).collect::<Vec<_>>().join(" and ");
        let mut disks: Vec<&str> = was.iter().map(|one| one.disk.as_str()).collect();
        disks.sort_unstable();
        disks.dedup();
        for disk in disks {
            let (was, is) = (of(was, disk), of(is, disk));
            // Whether it is there is another check.
            if !is.is_empty() && was != is {
                self.add(format!("capacity of disk {disk}"), shown(&was), shown(&is));
            }
        }
    }

    fn boot_variables(&mut self, was: &BootVariables, is: &BootVariables) {
        let named = |options: &[LoadOption], name: &str| options.iter().find(|option| option.name == name).cloned();
        let shown = |option: &Option<LoadOption>| option.as_ref().map_or(NONE.to_owned(), LoadOption::shown);
        let mut names: Vec<&str> = was.options.iter().chain(&is.options).map(|option| option.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let (was, is) = (named(&was.options, name), named(&is.options, name));
            let is_known = was.as_ref().is_none_or(|was| !was.not_whole || !was.content.is_empty());
            if was != is && is_known {
                self.add(name, shown(&was), shown(&is));
            }
        }
        let listed = |orders: &[LoadOrder], name: &str| match orders.iter().find(|order| order.name == name) {
            None => NONE.to_owned(),
            Some(order) if order.not_whole => NOT_TOLD.to_owned(),
            Some(order) => order.options.join(" "),
        };
        let mut names: Vec<&str> = was.orders.iter().chain(&is.orders).map(|order| order.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let was = listed(&was.orders, name);
            if was != NOT_TOLD {
                self.text(name, &was, &listed(&is.orders, name));
            }
        }
        if !is.next.is_empty() {
            self.add("BootNext", NONE, &is.next);
        }
    }

    fn bmc(&mut self, was: &BmcFacts, is: &BmcFacts) {
        if !was.firmware_version.is_empty() {
            self.text("firmware of the BMC", &was.firmware_version, told(&is.firmware_version));
        }
        for was in &was.users {
            match is.users.iter().find(|is| is.slot == was.slot) {
                Some(is) if is != was && (was.lets_in() || is.lets_in()) => {
                    self.add(format!("BMC account {}", was.slot), was.shown(), is.shown());
                }
                Some(_) => {}
                None => self.add(format!("BMC account {}", was.slot), was.shown(), NOT_TOLD),
            }
        }
        // Where none was told, none could be known: that is told by itself. One slot alone that lets somebody in now may be the
        // tenant's, whatever it was.
        let is_known = |slot: u32| was.users.is_empty() || was.users.iter().any(|was| was.slot == slot);
        for is in is.users.iter().filter(|is| is.lets_in() && !is_known(is.slot)) {
            self.add(format!("BMC account {}", is.slot), NOT_TOLD, is.shown());
        }
        let leases = value(&was.lan, "address-source") == "dhcp" && value(&is.lan, "address-source") == "dhcp";
        let is_left_out = |setting: &BmcSetting| leases && LEASED.contains(&setting.name.as_str());
        for BmcSetting { name, value: was } in was.lan.iter().filter(|setting| !is_left_out(setting)) {
            self.text(&format!("BMC {name}"), was, value(&is.lan, name));
        }
        if !is.boot_override.is_empty() && !OUR_OVERRIDES.iter().any(|ours| is.boot_override.starts_with(ours)) {
            self.add("BMC boot override", NONE, &is.boot_override);
        }
    }
}

fn told(text: &str) -> &str {
    if text.is_empty() { NOT_TOLD } else { text }
}

fn value<'a>(settings: &'a [BmcSetting], name: &str) -> &'a str {
    settings.iter().find(|setting| setting.name == name).map_or(NOT_TOLD, |setting| &setting.value)
}

/// How a part is named where it differs.
trait Shown {
    fn shown(&self) -> String;
}

impl Shown for LoadOption {
    fn shown(&self) -> String {
        if self.not_whole && self.content.is_empty() {
            return NOT_TOLD.to_owned();
        }
        format!("'{}' (path {})", self.description, self.device_path_sha256.get(..8).unwrap_or_default())
    }
}

impl Shown for BmcUser {
    fn shown(&self) -> String {
        let state = if self.lets_in() { format!("with privilege {}", self.privilege) } else { "without access".into() };
        match &self.name {
            Some(name) => format!("'{name}' {state}"),
            None => format!("(name not told) {state}"),
        }
    }
}

#[cfg(test)]
mod tests;
