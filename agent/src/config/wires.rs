//! How a server's ports are wired: VLAN tags, bonds, and ports that are an accelerator's own. Nobody else knows it: towards
//! the controller a bond is one port, by the name of its first MAC.

use super::{Nic, Server};
use billet_proto::{
    MacAddr,
    link::{self, NicConfig, Wiring},
};
use serde::Deserialize;
use std::collections::HashSet;

/// More links than any bond has.
const MAX_MEMBERS: usize = 8;

/// Several NICs that are one port.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bond {
    /// How its links share the work.
    pub mode: BondMode,
    /// 2 to 8 of the server's NICs; the first is the port's name, and with `active-backup` the link that is preferred.
    pub macs: Vec<MacAddr>,
    /// 802.1Q tag of the tenant's network on the bond.
    pub vlan: Option<u16>,
}

/// How a bond's links share the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum BondMode {
    /// One link works, the others wait; the switch needs to know nothing.
    #[serde(rename = "active-backup")]
    ActiveBackup,
    /// LACP (IEEE 802.3ad, now 802.1AX).
    #[serde(rename = "802.3ad")]
    Lacp,
}

/// Whose own port it is: the accelerator's firmware has the address, and the operating system no NIC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Accelerator {
    /// Huawei's Ascend; `/etc/hccn.conf` tells its addresses.
    Ascend,
}

impl Accelerator {
    fn word(self) -> &'static str {
        match self {
            Self::Ascend => "ascend",
        }
    }
}

impl Server {
    fn bond(&self, port: MacAddr) -> Option<&Bond> {
        self.bonds.iter().find(|bond| bond.macs.first() == Some(&port))
    }

    /// The ports in their order, each by its first MAC.
    #[must_use]
    pub fn ports(&self) -> Vec<MacAddr> {
        let follows = |mac: &MacAddr| self.bonds.iter().any(|bond| bond.macs.iter().skip(1).any(|other| other == mac));
        self.nics.iter().map(|nic| nic.mac).filter(|mac| !follows(mac)).collect()
    }

    /// The NICs of a port: a bond's members, or the one.
    #[must_use]
    pub fn members(&self, port: MacAddr) -> Vec<MacAddr> {
        self.bond(port).map_or_else(|| vec![port], |bond| bond.macs.clone())
    }

    /// The tag of the tenant's network on a port.
    #[must_use]
    pub fn vlan(&self, port: MacAddr) -> Option<u16> {
        match self.bond(port) {
            Some(bond) => bond.vlan,
            None => self.nics.iter().find(|nic| nic.mac == port)?.vlan,
        }
    }

    /// The NICs that the machine itself has, accelerators' own not among them.
    pub fn visible_nics(&self) -> impl Iterator<Item = MacAddr> {
        self.nics.iter().filter(|nic| nic.accelerator.is_none()).map(|nic| nic.mac)
    }

    /// Completes an order's NICs by how their ports are wired.
    pub fn wire(&self, nics: &mut [NicConfig]) {
        for nic in nics {
            let Ok(port) = nic.mac.parse::<MacAddr>() else { continue };
            let bond = self.bond(port);
            let own = self.nics.iter().find(|known| known.mac == port).and_then(|known| known.accelerator);
            let bond_mode = match bond.map(|bond| bond.mode) {
                None => link::BondMode::None,
                Some(BondMode::ActiveBackup) => link::BondMode::ActiveBackup,
                Some(BondMode::Lacp) => link::BondMode::Lacp,
            };
            nic.wiring = Some(Wiring {
                vlan: self.vlan(port).map(u32::from).unwrap_or_default(),
                bond_mode: bond_mode.into(),
                members: bond.map(|bond| bond.macs.iter().map(ToString::to_string).collect()).unwrap_or_default(),
                accelerator: own.map(Accelerator::word).unwrap_or_default().into(),
            });
        }
    }

    /// What is wrong with the wiring.
    pub(super) fn wiring_problems(&self) -> Vec<String> {
        let id = self.id;
        let mut problems = Vec::new();
        let tags = self.nics.iter().map(|nic| (nic.mac, nic.vlan));
        let bonds = self.bonds.iter().filter_map(|bond| Some((*bond.macs.first()?, bond.vlan)));
        for (mac, tag) in tags.chain(bonds) {
            if let Some(tag) = tag.filter(|tag| !(1..=4094).contains(tag)) {
                problems.push(format!("server {id}: {mac}: vlan is 1 to 4094, not {tag}"));
            }
        }
        let mut bonded = HashSet::new();
        for bond in &self.bonds {
            if !(2..=MAX_MEMBERS).contains(&bond.macs.len()) {
                problems.push(format!("server {id}: a bond has 2 to {MAX_MEMBERS} macs, not {}", bond.macs.len()));
            }
            for mac in &bond.macs {
                if !bonded.insert(*mac) {
                    problems.push(format!("server {id}: {mac} stands twice in its bonds"));
                }
                match self.nics.iter().find(|nic| nic.mac == *mac) {
                    None => problems.push(format!("server {id}: {mac} of a bond is none of its nics")),
                    Some(Nic { accelerator: Some(_), .. }) => {
                        problems.push(format!("server {id}: {mac} is an accelerator's own port, and in no bond"));
                    }
                    Some(Nic { vlan: Some(_), .. }) => {
                        problems.push(format!("server {id}: {mac} is in a bond: the tag is the bond's vlan"));
                    }
                    Some(_) => {}
                }
            }
        }
        for nic in self.nics.iter().filter(|nic| nic.accelerator.is_some()) {
            if nic.vlan.is_some() || nic.provisioning_address.is_some() {
                let mac = nic.mac;
                problems
                    .push(format!("server {id}: {mac} is an accelerator's own port: no vlan, nothing boots from it"));
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Config, *};

    const SAMPLE: &str = include_str!("../../../packaging/config/agent.toml");

    fn with(nics: &str, bonds: &str) -> Result<Server, Vec<String>> {
        let start = SAMPLE.find("\nnics = ").unwrap();
        let end = start + 1 + SAMPLE[start + 1..].find('\n').unwrap();
        let text = format!("{}\nnics = [{nics}]\nbonds = [{bonds}]{}", &SAMPLE[..start], &SAMPLE[end..]);
        Config::parse(&text).map(|config| config.servers[0].clone()).map_err(|errors| errors.0)
    }
    fn nic(last: u8, more: &str) -> String {
        format!("{{ mac = \"52:54:00:00:00:0{last}\"{more} }}, ")
    }
    fn mac(last: u8) -> MacAddr {
        format!("52:54:00:00:00:0{last}").parse().unwrap()
    }

    #[test]
    fn a_bond_is_one_port_by_its_first_mac() {
        let nics = [
            nic(1, ", provisioning_address = \"10.77.0.101\""),
            nic(2, ""),
            nic(3, ", vlan = 7"),
            nic(4, ", accelerator = \"ascend\""),
        ];
        let bond = "{ mode = \"active-backup\", macs = [\"52:54:00:00:00:02\", \"52:54:00:00:00:01\"], vlan = 100 }";
        let server = with(&nics.concat(), bond).unwrap();
        assert_eq!(server.ports(), [mac(2), mac(3), mac(4)]);
        assert_eq!((server.members(mac(2)), server.vlan(mac(2))), (vec![mac(2), mac(1)], Some(100)));
        assert_eq!((server.members(mac(3)), server.vlan(mac(3))), (vec![mac(3)], Some(7)));
        assert_eq!(server.visible_nics().count(), 3);

        let mut order = [2, 3, 4].map(|last| NicConfig { mac: mac(last).to_string(), ..NicConfig::default() });
        server.wire(&mut order);
        let wiring = |vlan, mode: link::BondMode, members: &[u8], accelerator: &str| {
            let members = members.iter().map(|last| mac(*last).to_string()).collect();
            Some(Wiring { vlan, bond_mode: mode.into(), members, accelerator: accelerator.into() })
        };
        assert_eq!(order[0].wiring, wiring(100, link::BondMode::ActiveBackup, &[2, 1], ""));
        assert_eq!(order[1].wiring, wiring(7, link::BondMode::None, &[], ""));
        assert_eq!(order[2].wiring, wiring(0, link::BondMode::None, &[], "ascend"));
    }

    #[test]
    fn every_problem_of_the_wiring_is_told_at_once() {
        let nics = [
            nic(1, ", provisioning_address = \"10.77.0.101\", vlan = 5"),
            nic(2, ", vlan = 4095"),
            nic(3, ", accelerator = \"ascend\", vlan = 9"),
        ];
        let bonds = "{ mode = \"802.3ad\", macs = [\"52:54:00:00:00:01\"], vlan = 0 }, \
                     { mode = \"802.3ad\", macs = [\"52:54:00:00:00:01\", \"52:54:00:00:00:09\", \"52:54:00:00:00:03\"] }";
        let problems = with(&nics.concat(), bonds).unwrap_err();
        for part in [
            "vlan is 1 to 4094, not 4095",
            "vlan is 1 to 4094, not 0",
            "a bond has 2 to 8 macs, not 1",
            "01 stands twice in its bonds",
            "09 of a bond is none of its nics",
            "the tag is the bond's vlan",
            "03 is an accelerator's own port: no vlan",
            "own port, and in no bond",
        ] {
            assert!(problems.iter().any(|problem| problem.contains(part)), "{part} in {problems:?}");
        }
    }
}
