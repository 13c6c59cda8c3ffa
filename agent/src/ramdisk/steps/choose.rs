//! The right disk, and no other that could boot instead.

use super::StepError;
use crate::disk::{DiskError, TargetDisk, bootable, choose};
use billet_proto::{
    link::{Disk, Install},
    ramdisk::DiskHint,
};
use std::path::PathBuf;

/// The disk to write to.
pub(in crate::ramdisk) struct Chosen {
    pub(in crate::ramdisk) target: TargetDisk,
    pub(in crate::ramdisk) path: PathBuf,
    pub(in crate::ramdisk) serial: String,
    pub(in crate::ramdisk) detail: String,
}

pub(in crate::ramdisk) fn to_write(order: &Install, disks: &[Disk], hint: &DiskHint) -> Result<Chosen, StepError> {
    let image = order.image.as_ref().ok_or_else(|| StepError::other("order_malformed", "image: is required"))?;
    let disk = choose(disks, hint, image.size_bytes)?;
    let mut cleared = Vec::new();
    let others = disks.iter().filter(|other| other.name != disk.name);
    // All are looked at before the first is touched.
    let mut bootable_others = Vec::new();
    for other in others {
        if let Some(reason) = bootable::reason(&path(other))? {
            bootable_others.push((other, reason));
        }
    }
    if let Some((other, reason)) = bootable_others.first().filter(|_| !order.clear_other_bootable_disks) {
        return Err(DiskError::OtherBootable { disk: other.name.clone(), reason: reason.clone() }.into());
    }
    for (other, reason) in bootable_others {
        TargetDisk::open(&path(other))?.clear_boot_areas()?;
        cleared.push(format!("{} ({reason})", other.name));
    }
    let path = path(disk);
    let target = TargetDisk::open(&path)?;
    let mut detail = format!("disk {} of {} bytes, serial \"{}\"", disk.name, disk.size_bytes, disk.serial);
    if !cleared.is_empty() {
        detail = format!("{detail}; cleared the boot areas of {}", cleared.join(", "));
    }
    Ok(Chosen { target, path, serial: disk.serial.clone(), detail })
}

/// The disk of an installed system.
pub(in crate::ramdisk) struct InstalledDisk {
    pub(in crate::ramdisk) path: PathBuf,
    pub(in crate::ramdisk) serial: String,
    pub(in crate::ramdisk) detail: String,
}

/// By the same hints as when it was written; nothing is opened for writing.
pub(in crate::ramdisk) fn installed(disks: &[Disk], hint: &DiskHint) -> Result<InstalledDisk, StepError> {
    let disk = choose(disks, hint, 0)?;
    let detail = format!("disk {} of {} bytes, serial \"{}\"", disk.name, disk.size_bytes, disk.serial);
    Ok(InstalledDisk { path: path(disk), serial: disk.serial.clone(), detail })
}

/// Where a disk's device is.
pub(in crate::ramdisk) fn path(disk: &Disk) -> PathBuf {
    // sysfs writes a slash in a device's name as '!'.
    PathBuf::from("/dev").join(disk.name.replace('!', "/"))
}
