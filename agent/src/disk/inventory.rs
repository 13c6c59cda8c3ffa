//! The disks that the kernel knows, from sysfs (Linux, Documentation/ABI/stable/sysfs-block).

use super::{DiskError, serial, transport::Attachment};
use billet_proto::link::Disk;
use std::{fs, path::Path};

/// Devices that are no disks of their own.
const SKIPPED: [&str; 8] = ["loop", "ram", "zram", "sr", "fd", "dm-", "md", "nbd"];
/// sysfs counts in these, whatever the disk's sectors are.
const SYSFS_SECTOR: u64 = 512;
/// No machine has more.
const MAX_DISKS: usize = 256;

/// All disks, by name. `sys` is `/sys`.
///
/// A medium that takes no writes, such as an image that a BMC lends, is none: nobody could erase it. A recorded one that was made
/// so since is missing then, which stops the wipe.
///
/// # Errors
/// When sysfs cannot be listed. What one disk does not tell is empty.
pub fn list_disks(sys: &Path) -> Result<Vec<Disk>, DiskError> {
    list(sys, |medium| !medium)
}

/// The media that are no disks because they take no writes, by name. Firmware could boot from one all the same.
///
/// # Errors
/// When sysfs cannot be listed.
pub fn list_read_only_media(sys: &Path) -> Result<Vec<Disk>, DiskError> {
    list(sys, |medium| medium)
}

/// Those that `wanted` takes, by whether they are media that take no writes.
fn list(sys: &Path, wanted: fn(bool) -> bool) -> Result<Vec<Disk>, DiskError> {
    let dir = sys.join("block");
    let entries = fs::read_dir(&dir).map_err(DiskError::io("list the disks in", &dir))?;
    let mut names: Vec<String> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.retain(|name| !SKIPPED.iter().any(|prefix| name.starts_with(prefix)) && !is_firmware_area(name));
    names.sort();
    let disks = names.into_iter().take(MAX_DISKS).filter_map(|name| disk(sys, &dir.join(&name), name));
    Ok(disks.filter(|disk| wanted(is_read_only_medium(&dir, disk))).collect())
}

/// Whether it is an area of an eMMC that is no storage for a system: `mmcblk0boot0`, `mmcblk0boot1` and `mmcblk0rpmb`, as
/// drivers/mmc/core/block.c names them. The first two hold the board's own boot code, and the kernel keeps them write-protected
/// (`force_ro`); the third takes authenticated frames alone (JESD84-B51, RPMB). As disks they would make the hint of
/// the one disk of a machine ambiguous, and could never be erased. General-purpose areas (`mmcblk0gp0`) are storage.
fn is_firmware_area(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("mmcblk") else { return false };
    matches!(rest.trim_start_matches(|c: char| c.is_ascii_digit()), "boot0" | "boot1" | "rpmb")
}

fn disk(sys: &Path, dir: &Path, name: String) -> Option<Disk> {
    let size_bytes = text(&dir.join("size")).parse::<u64>().ok()?.checked_mul(SYSFS_SECTOR)?;
    // A card reader without a card; one path of a multipath NVMe namespace, which is listed by itself.
    if size_bytes == 0 || text(&dir.join("hidden")) == "1" {
        return None;
    }
    let Attachment { transport, direct } = Attachment::read(sys, dir);
    let path = fs::canonicalize(dir.join("device")).unwrap_or_default();
    Some(Disk {
        size_bytes,
        serial: serial(dir, &path, &name),
        model: text(&dir.join("device/model")),
        wwn: first(dir, &["wwid", "device/wwid"]).unwrap_or_default(),
        rotational: text(&dir.join("queue/rotational")) == "1",
        path: path.display().to_string(),
        transport: transport.into(),
        direct,
        firmware_version: first(dir, &["device/firmware_rev", "device/rev", "device/fwrev"]).unwrap_or_default(),
        name,
    })
}

fn is_read_only_medium(dir: &Path, disk: &Disk) -> bool {
    matches!(disk.transport.as_str(), "usb" | "sd") && text(&dir.join(&disk.name).join("ro")) == "1"
}

/// By the disk's own word; else an area of an eMMC has its chip's, and what is on USB the device's that it is behind.
fn serial(dir: &Path, device: &Path, name: &str) -> String {
    let own = first(dir, &["serial", "device/serial"]).unwrap_or_else(|| scsi_serial(dir));
    if !own.is_empty() {
        return own;
    }
    let of_chip = || first(dir, &["device/device/serial"]).map(|serial| format!("{serial} {name}"));
    usb_serial(device).or_else(of_chip).unwrap_or_default()
}

/// The serial number of a USB device (Linux, Documentation/ABI/stable/sysfs-bus-usb), and which unit of it the disk is, where
/// that is not the first: the kernel does not ask USB disks for their unit serial numbers (drivers/usb/storage/scsiglue.c).
fn usb_serial(disk: &Path) -> Option<String> {
    let device = disk.ancestors().find(|dir| dir.join("idVendor").exists())?;
    let serial = Some(text(&device.join("serial"))).filter(|serial| !serial.is_empty())?;
    let unit = disk.file_name()?.to_str()?.rsplit(':').next()?;
    Some(if unit == "0" { serial } else { format!("{serial}:{unit}") })
}

fn first(dir: &Path, names: &[&str]) -> Option<String> {
    names.iter().map(|name| text(&dir.join(name))).find(|text| !text.is_empty())
}

/// Unit serial number page (SPC-5 §7.7.18): four bytes of header, then ASCII.
fn scsi_serial(dir: &Path) -> String {
    let page = fs::read(dir.join("device/vpd_pg80")).unwrap_or_default();
    serial::text(page.get(4..).unwrap_or_default())
}

pub(super) fn text(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.trim().chars().filter(|c| !c.is_control()).take(128).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{os::unix::fs::symlink, path::PathBuf};

    #[test]
    fn disks_are_listed_with_what_they_tell_and_others_are_not() {
        let sys = tempfile::tempdir().unwrap();
        let put = |path: &str, content: &[u8]| {
            let path = sys.path().join("block").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        };
        put("vda/size", b"2048\n");
        put("vda/serial", b"DISK1\n");
        put("vda/queue/rotational", b"1\n");
        put("nvme0n1/size", b"4096\n");
        put("nvme0n1/device/serial", b"  NV 1 \n");
        put("nvme0n1/wwid", b"eui.1\n");
        put("sda/size", b"8\n");
        put("sda/device/vpd_pg80", b"\x00\x80\x00\x04WD-1");
        put("sda/device/rev", b"0A1B\n");
        put("sdb/size", b"0\n");
        put("nvme0c0n1/size", b"4096\n");
        put("nvme0c0n1/hidden", b"1\n");
        put("nvme0n1/device/firmware_rev", b"FW 2\n");
        put("loop0/size", b"8\n");
        put("sr0/size", b"8\n");
        put("mmcblk0/size", b"16\n");
        put("mmcblk0/device/serial", b"0x1234\n");
        for area in ["boot0", "boot1", "rpmb", "gp0"] {
            put(&format!("mmcblk0{area}/size"), b"8\n");
        }
        let disks = list_disks(sys.path()).unwrap();
        let told: Vec<_> =
            disks.iter().map(|d| (d.name.as_str(), d.size_bytes, d.serial.as_str(), d.wwn.as_str())).collect();
        assert_eq!(
            told,
            [
                ("mmcblk0", 8192, "0x1234", ""),
                // An area for general purposes holds what anybody writes to it.
                ("mmcblk0gp0", 4096, "", ""),
                ("nvme0n1", 2 << 20, "NV 1", "eui.1"),
                ("sda", 4096, "WD-1", ""),
                ("vda", 1 << 20, "DISK1", "")
            ]
        );
        let firmware: Vec<_> = disks.iter().map(|d| d.firmware_version.as_str()).collect();
        assert_eq!(firmware, ["", "", "FW 2", "0A1B", ""]);
        assert!(disks[4].rotational && !disks[3].rotational);
    }

    #[test]
    fn what_is_on_usb_tells_its_devices_serial_and_is_no_disk_without_a_medium_that_can_be_written() {
        let sys = tempfile::tempdir().unwrap();
        let port = sys.path().join("devices/pci0000:00/0000:00:14.0/usb1/1-1");
        let put = |path: PathBuf, content: &str| {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        };
        put(port.join("idVendor"), "0781\n");
        put(port.join("serial"), "4C53\n");
        fs::create_dir_all(sys.path().join("block")).unwrap();
        for (unit, name, size, ro) in
            [("0", "sda", "8", "0"), ("1", "sdb", "8", "0"), ("2", "sdc", "8", "1"), ("3", "sdd", "0", "0")]
        {
            let device = port.join(format!("1-1:1.0/host4/target4:0:0/4:0:0:{unit}"));
            let disk = device.join("block").join(name);
            put(disk.join("size"), size);
            put(disk.join("ro"), ro);
            symlink(&device, disk.join("device")).unwrap();
            symlink(&disk, sys.path().join("block").join(name)).unwrap();
        }
        let disks = list_disks(sys.path()).unwrap();
        let told: Vec<_> = disks.iter().map(|disk| (disk.name.as_str(), disk.serial.as_str(), disk.direct)).collect();
        assert_eq!(told, [("sda", "4C53", true), ("sdb", "4C53:1", true)]);
        let media = list_read_only_media(sys.path()).unwrap();
        let told: Vec<_> = media.iter().map(|disk| (disk.name.as_str(), disk.serial.as_str())).collect();
        assert_eq!(told, [("sdc", "4C53:2")], "what has no medium holds nothing");
    }

    #[test]
    fn a_built_in_drive_that_refuses_writes_is_a_disk_nevertheless() {
        let sys = tempfile::tempdir().unwrap();
        let disk = sys.path().join("block/nvme0n1");
        fs::create_dir_all(&disk).unwrap();
        fs::write(disk.join("size"), "8\n").unwrap();
        fs::write(disk.join("ro"), "1\n").unwrap();
        assert_eq!(list_disks(sys.path()).unwrap().len(), 1);
        assert!(list_read_only_media(sys.path()).unwrap().is_empty());
    }
}
