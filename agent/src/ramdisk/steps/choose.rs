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

/// Beside the disks there are media that take no writes: none of them is chosen or cleared, and one that could boot is an error whatever
/// policy says.
pub(in crate::ramdisk) fn to_write(
    order: &Install,
    (disks, read_only): (&[Disk], &[Disk]),
    hint: &DiskHint,
) -> Result<Chosen, StepError> {
    let image = order.image.as_ref().ok_or_else(|| StepError::other("order_malformed", "image: is required"))?;
    let disk = choose(disks, hint, image.size_bytes)?;
    let mut cleared = Vec::new();
    let others = disks.iter().filter(|other| other.name != disk.name);
    // All are looked at before the first is touched.
    for medium in read_only {
        if let Some(reason) = bootable::reason(&path(medium))? {
            return Err(DiskError::ReadOnlyBootable { disk: medium.name.clone(), reason }.into());
        }
    }
    let mut bootable_others = Vec::new();
    for other in others {
        if let Some(reason) = bootable::reason(&path(other))? {
            bootable_others.push((other, reason));
        }
    }
    // What the machine does not have for itself is not cleared, whatever policy says: others may use it.
    if let Some((shared, reason)) = bootable_others.iter().find(|(other, _)| !other.direct) {
        return Err(DiskError::SharedBootable { disk: shared.name.clone(), reason: reason.clone() }.into());
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

#[cfg(test)]
mod tests {
    use super::*;
    use billet_proto::link::Image;

    /// A disk of that content, by a name that leads out of /dev.
    fn medium(dir: &std::path::Path, name: &str, content: &[u8]) -> Disk {
        let file = dir.join(name);
        std::fs::write(&file, content).unwrap();
        let name = format!("..{}", file.display().to_string().replace('/', "!"));
        let (serial, transport) = (name_of(&file), "usb".into());
        Disk { name, size_bytes: 1 << 30, serial, transport, direct: true, ..Disk::default() }
    }

    fn name_of(file: &std::path::Path) -> String {
        file.file_name().unwrap().display().to_string()
    }

    /// Why nothing is written.
    fn refused(disks: (&[Disk], &[Disk]), clears: bool) -> StepError {
        let image = Some(Image { size_bytes: 512, ..Image::default() });
        let order = Install { image, clear_other_bootable_disks: clears, ..Install::default() };
        let hint = DiskHint { serial: "disk".into(), ..DiskHint::default() };
        to_write(&order, disks, &hint).err().expect("none of these is a block device")
    }

    #[test]
    fn a_medium_without_writes_or_of_others_that_could_boot_is_an_error_whatever_policy_says() {
        let dir = tempfile::tempdir().unwrap();
        let mut sector = [0; 512];
        let data = medium(dir.path(), "data", &sector);
        // An EFI system partition in an MBR.
        sector[450] = 0xef;
        sector[510..].copy_from_slice(&[0x55, 0xaa]);
        let bootable = medium(dir.path(), "bootable", &sector);
        let disks = [medium(dir.path(), "disk", &[0; 512]), medium(dir.path(), "other", &sector)];
        for clears in [false, true] {
            let error = refused((&disks, std::slice::from_ref(&bootable)), clears);
            let text = crate::causes::chain(&error);
            assert_eq!(error.cause(), "other_bootable_disk", "{text}");
            assert!(text.contains("takes no writes") && text.contains("partition 1 is FAT"), "{text}");
        }
        let untouched =
            || assert_eq!(std::fs::read(dir.path().join("other")).unwrap(), sector, "it is looked at alone");
        untouched();
        let shared = [disks[0].clone(), Disk { transport: "fc".into(), direct: false, ..disks[1].clone() }];
        for clears in [false, true] {
            let text = crate::causes::chain(&refused((&shared, &[]), clears));
            assert!(text.contains("not this machine's alone"), "{text}");
            untouched();
        }
        let text = crate::causes::chain(&refused((&disks, &[data]), false));
        assert!(text.contains("policy does not say to clear it"), "what cannot boot is in nobody's way: {text}");
    }
}
