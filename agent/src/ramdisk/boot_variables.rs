//! UEFI's variables that say what firmware starts, from efivarfs (UEFI 2.10 §3.1, §3.3; Linux,
//! Documentation/filesystems/efivarfs.rst): a system's root writes them as it likes.

mod load_option;
mod restore;

pub(super) use restore::restore;

use billet_proto::link::{BootVariables, LoadOption, LoadOrder};
use nix::{
    errno::Errno,
    mount::{MsFlags, mount},
};
use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    path::{Path, PathBuf},
};

/// Where the kernel has the variables.
pub(super) const FOLDER: &str = "/sys/firmware/efi/efivars";
/// EFI_GLOBAL_VARIABLE, of which all of these are.
const GLOBAL: &str = "8be4df61-93ca-11d2-aa0d-00e098032b8c";
/// Attributes, before the value.
const ATTRIBUTES: usize = 4;
/// No load option that anybody wrote is longer; a longer one is told cut, and not put back.
const MAX_BYTES: usize = 16 << 10;
/// Of all together: firmware's variables have some tens of kilobytes, and what is told of them is one message. What is beyond is cut, too.
const MAX_TOLD: usize = 128 << 10;
/// Firmware has room for some tens.
const MAX_OPTIONS: usize = 256;
/// What BootNext names where it cannot be read.
const NOT_READ: &str = "not told";
/// What firmware starts: boot entries, drivers, and programs before them.
const KINDS: [&str; 3] = ["Boot", "Driver", "SysPrep"];

/// Mounts the variables where the machine was started by UEFI; without them the rest goes on, and nothing is told.
pub(super) fn mount_variables() {
    if !Path::new("/sys/firmware/efi").exists() {
        return;
    }
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    match mount(Some("efivarfs"), FOLDER, Some("efivarfs"), flags, None::<&str>) {
        Ok(()) | Err(Errno::EBUSY) => {}
        Err(error) => tracing::warn!(%error, "the firmware's variables cannot be looked at"),
    }
}

/// What the variables in `folder` say; none where there are none.
pub(super) fn read(folder: &Path) -> Option<BootVariables> {
    let names = names(folder);
    if names.is_empty() {
        return None;
    }
    let is_option = |name: &&String| load_option::is_name(name);
    let options = names.iter().filter(is_option).take(MAX_OPTIONS);
    let mut left = MAX_TOLD;
    let options = options.map(|name| {
        let Value { mut bytes, is_whole } = Value::read(folder, name);
        let is_told = bytes.len() <= left;
        bytes.truncate(left);
        left -= bytes.len();
        LoadOption { not_whole: !(is_whole && is_told), ..load_option::parse(name, &bytes) }
    });
    let options: Vec<LoadOption> = options.collect();
    let orders = KINDS.iter().filter_map(|kind| {
        let name = format!("{kind}Order");
        names.contains(&name).then(|| {
            let Value { bytes, is_whole } = Value::read(folder, &name);
            LoadOrder { options: numbers(kind, &bytes), not_whole: !is_whole, name }
        })
    });
    let next = if names.iter().any(|name| name == "BootNext") {
        let first = numbers("Boot", &Value::read(folder, "BootNext").bytes).into_iter().next();
        // It is there, whatever it says.
        first.unwrap_or_else(|| NOT_READ.to_owned())
    } else {
        String::new()
    };
    let mut orders: Vec<LoadOrder> = orders.collect();
    orders.sort_by(|a, b| a.name.cmp(&b.name));
    Some(BootVariables { options, orders, next })
}

/// The variables of the global namespace, in order.
fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let suffix = format!("-{GLOBAL}");
    let each = entries.filter_map(|entry| Some(entry.ok()?.file_name().to_str()?.strip_suffix(&suffix)?.to_owned()));
    let mut names: Vec<String> = each.collect();
    names.sort();
    names
}

fn path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}-{GLOBAL}"))
}

/// A variable's value without its attributes, as far as it could be read.
struct Value {
    bytes: Vec<u8>,
    is_whole: bool,
}

impl Value {
    fn read(folder: &Path, name: &str) -> Self {
        let mut bytes = Vec::new();
        let most = ATTRIBUTES + MAX_BYTES;
        let read =
            fs::File::open(path(folder, name)).and_then(|file| file.take(most as u64 + 1).read_to_end(&mut bytes));
        if read.is_err() || bytes.len() < ATTRIBUTES {
            return Self { bytes: Vec::new(), is_whole: false };
        }
        let is_whole = bytes.len() <= most;
        bytes.truncate(most);
        Self { bytes: bytes.split_off(ATTRIBUTES), is_whole }
    }
}

/// A list of numbers as names: `Boot0001`.
fn numbers(kind: &str, value: &[u8]) -> Vec<String> {
    let pairs = value.chunks_exact(2).take(MAX_OPTIONS);
    pairs.map(|pair| format!("{kind}{:04X}", u16::from_le_bytes([pair[0], pair[1]]))).collect()
}

/// By name.
fn by_name(options: &[LoadOption]) -> BTreeMap<&str, &LoadOption> {
    options.iter().map(|option| (option.name.as_str(), option)).collect()
}

#[cfg(test)]
mod tests;
