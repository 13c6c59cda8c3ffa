//! Kernel modules, in the order that the ramdisk's builder found to be right.

use anyhow::Context;
use nix::{
    errno::Errno,
    kmod::{ModuleInitFlags, finit_module},
};
use std::{fs::File, path::Path};

/// Loads every module that `order` names, one path a line. A module for hardware that is not there loads as well; one
/// that the kernel has already is no error.
pub(super) fn load(order: &Path) -> anyhow::Result<()> {
    let paths = std::fs::read_to_string(order).with_context(|| format!("read {}", order.display()))?;
    for path in paths.lines().filter(|line| !line.is_empty()) {
        let file = File::open(path).with_context(|| format!("open module {path}"))?;
        match finit_module(&file, c"", ModuleInitFlags::empty()) {
            Ok(()) | Err(Errno::EEXIST) => {}
            // What a disk or a NIC needs shows later, by its name; others do without.
            Err(error) => tracing::warn!(%error, path, "a module was not loaded"),
        }
    }
    Ok(())
}
