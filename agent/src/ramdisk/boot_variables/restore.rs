//! Putting the variables back as they were at enrolment.

use super::{ATTRIBUTES, by_name, path, read};
use crate::system::inode;
use billet_proto::link::{BootVariables, LoadOption, LoadOrder};
use std::{
    fs,
    io::{self, Write},
    path::Path,
};

/// Kept over a restart, and seen by firmware and system (UEFI 2.10 §3.3: NV, BS, RT).
const NV_BS_RT: u32 = 7;

/// What came of it.
pub(in crate::ramdisk) struct Restored {
    /// What was changed, for people.
    pub(in crate::ramdisk) done: Vec<String>,
    /// What the firmware refused.
    pub(in crate::ramdisk) refused: Vec<String>,
    /// As they are now.
    pub(in crate::ramdisk) variables: Option<BootVariables>,
}

/// Removes options that were not there, writes back those that are gone or changed, and the orders; BootNext goes.
/// What is as it was is not written: the firmware's memory wears out. Nor is what was not read whole at enrolment:
/// firmware would start a part of it, or nothing.
pub(in crate::ramdisk) fn restore(folder: &Path, was: &BootVariables) -> Restored {
    let is = read(folder).unwrap_or_default();
    let mut restored = Restored { done: Vec::new(), refused: Vec::new(), variables: None };
    let mut note = |what: String, outcome: io::Result<()>| match outcome {
        Ok(()) => restored.done.push(what),
        Err(error) => restored.refused.push(format!("{what}: {error}")),
    };
    let (known, there) = (by_name(&was.options), by_name(&is.options));
    for (name, option) in &there {
        if !known.contains_key(name) {
            note(format!("{name} '{}' is removed", option.description), remove(folder, name));
        }
    }
    for (name, option) in &known {
        if there.get(name).is_none_or(|is| is.content != option.content) {
            // A version that did not say so kept nothing of what it could not read.
            let is_known = !option.not_whole && !option.content.is_empty();
            let back = || write_option(folder, option);
            note(format!("{name} '{}' is written back", option.description), whole(is_known, back));
        }
    }
    for order in &was.orders {
        if !is.orders.contains(order) {
            note(format!("{} is written back", order.name), whole(!order.not_whole, || write_order(folder, order)));
        }
    }
    for order in is.orders.iter().filter(|is| !was.orders.iter().any(|was| was.name == is.name)) {
        note(format!("{} is removed", order.name), remove(folder, &order.name));
    }
    if !is.next.is_empty() {
        note("BootNext is removed".into(), remove(folder, "BootNext"));
    }
    restored.variables = read(folder);
    restored
}

fn whole(is_known: bool, write: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    if is_known { write() } else { Err(io::Error::other("it was not read whole when the server was enrolled")) }
}

fn write_option(folder: &Path, option: &LoadOption) -> io::Result<()> {
    let value = hex::decode(&option.content).map_err(io::Error::other)?;
    write(folder, &option.name, &value)
}

fn write_order(folder: &Path, order: &LoadOrder) -> io::Result<()> {
    let number = |name: &String| {
        let digits = name.get(name.len().saturating_sub(4)..).unwrap_or_default();
        u16::from_str_radix(digits, 16).map_err(io::Error::other)
    };
    let numbers: Vec<u16> = order.options.iter().map(number).collect::<io::Result<_>>()?;
    let value: Vec<u8> = numbers.into_iter().flat_map(u16::to_le_bytes).collect();
    write(folder, &order.name, &value)
}

/// Attributes and value in one write, as the kernel wants it. That the file is cut first changes no variable.
fn write(folder: &Path, name: &str, value: &[u8]) -> io::Result<()> {
    let mut bytes = Vec::with_capacity(ATTRIBUTES + value.len());
    bytes.extend(NV_BS_RT.to_le_bytes());
    bytes.extend(value);
    let path = path(folder, name);
    inode::make_changeable(&path)?;
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).open(&path)?;
    let written = file.write(&bytes)?;
    if written == bytes.len() { Ok(()) } else { Err(io::Error::other("the firmware took a part of it")) }
}

fn remove(folder: &Path, name: &str) -> io::Result<()> {
    let path = path(folder, name);
    inode::make_changeable(&path)?;
    fs::remove_file(path)
}
