//! How a disk is attached, and whether to this machine alone: only such a disk is ever wiped. Sticks and cards are, while
//! they are in it.
//!
//! Invariant: what is not known to be local is not; each rule that says "direct" names what it saw.

use super::inventory::text;
use std::{fs, path::Path};

/// Drivers of PCI functions that are plain SCSI hosts for the kernel but reach over a fabric to what others share: Cisco's
/// VIC (drivers/scsi/snic) has no transport class to tell it by.
const FABRIC_DRIVERS: [&str; 1] = ["snic"];
/// A USB host controller without wires: its devices are another machine's (drivers/usb/usbip).
const USB_OVER_IP: &str = "vhci_hcd.";
/// Controllers of one NVMe subsystem that are looked at, and holders of a disk: no machine has more.
const MAX_ENTRIES: usize = 256;

/// What the place of a disk in sysfs tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attachment {
    /// As in the protocol's `Disk.transport`; empty: not told.
    pub(super) transport: &'static str,
    /// Attached to this machine and to no other.
    pub(super) direct: bool,
}

impl Attachment {
    const UNKNOWN: Self = Self { transport: "", direct: false };

    /// Reads it of the disk at `dir`, which is in `/sys/block`; `sys` is `/sys`.
    pub(super) fn read(sys: &Path, dir: &Path) -> Self {
        let (Ok(sys), Ok(real)) = (fs::canonicalize(sys), fs::canonicalize(dir)) else { return Self::UNKNOWN };
        let Ok(within) = real.strip_prefix(&sys) else { return Self::UNKNOWN };
        let names: Vec<&str> = within.iter().filter_map(|name| name.to_str()).collect();
        let found = Self::of_place(&names, &sys, dir);
        // What is on USB, or is a card, can be taken out whatever `removable` says, and is this machine's while it is in it.
        let is_in_it = matches!(found.transport, "usb" | "sd") || !is_removable(&real, &sys);
        Self { direct: found.direct && is_in_it && !is_mapped(dir), ..found }
    }

    /// From the outside in: a USB bridge has an ATA disk behind it, an iSCSI adapter is a SCSI host on PCI.
    fn of_place(names: &[&str], sys: &Path, dir: &Path) -> Self {
        let any = |prefix| names.iter().any(|name| is_numbered(name, prefix));
        let host = host(names, sys);
        let host_has = |class| host.as_ref().is_some_and(|host| host.path.join(class).exists());
        let (transport, direct) = match () {
            () if any("nbd") => ("nbd", false),
            () if any("usb") => ("usb", !names.iter().any(|name| name.starts_with(USB_OVER_IP))),
            () if any("session") || host_has("iscsi_host") => ("iscsi", false),
            () if names.iter().any(|name| name.starts_with("rport-")) || host_has("fc_host") => ("fc", false),
            () if host_has("srp_host") => ("srp", false),
            () if names.iter().any(|name| name.starts_with("nvme")) => return Self::of_nvme(dir),
            () if any("mmc") => (if is_soldered(dir) { "mmc" } else { "sd" }, true),
            () if any("virtio") => ("virtio", true),
            () if any("ata") => ("sata", true),
            () if names.iter().any(|name| name.starts_with("end_device-")) => ("sas", true),
            () => return host.map_or(Self::UNKNOWN, |host| Self { transport: "scsi", direct: host.is_local() }),
        };
        Self { transport, direct }
    }

    /// The device of a namespace is its controller, or with native multipath the subsystem that its controllers are in.
    fn of_nvme(dir: &Path) -> Self {
        let device = dir.join("device");
        let mut transports = vec![text(&device.join("transport"))];
        if let Ok(entries) = fs::read_dir(&device) {
            let below = entries.take(MAX_ENTRIES).filter_map(|entry| Some(entry.ok()?.path().join("transport")));
            transports.extend(below.map(|path| text(&path)));
        }
        transports.retain(|transport| !transport.is_empty());
        match transports.as_slice() {
            [] => Self::UNKNOWN,
            all if all.iter().all(|transport| transport == "pcie") => Self { transport: "nvme", direct: true },
            _ => Self { transport: "nvme-of", direct: false },
        }
    }
}

/// The SCSI host that a disk is behind.
struct Host {
    path: std::path::PathBuf,
    on_pci: bool,
}

impl Host {
    /// Whether it is an adapter in this machine: a PCI function of itself. Software hosts (iSCSI over TCP, loops through the
    /// target core) hang below platform or made-up devices.
    fn is_local(&self) -> bool {
        let Some(name) = self.path.file_name() else { return false };
        let driver = text(&self.path.join("scsi_host").join(name).join("proc_name"));
        self.on_pci && !FABRIC_DRIVERS.contains(&driver.as_str())
    }
}

fn host(names: &[&str], sys: &Path) -> Option<Host> {
    let at = names.iter().position(|name| is_numbered(name, "host"))?;
    let path = names.iter().take(at + 1).fold(sys.to_owned(), |path, name| path.join(name));
    let on_pci = at.checked_sub(1).and_then(|parent| names.get(parent)).is_some_and(|name| is_pci(name));
    Some(Host { path, on_pci })
}

/// "host3", and not "hostile".
fn is_numbered(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether a device's name in sysfs is that of a PCI function: "0000:3b:00.1".
pub(crate) fn is_pci(name: &str) -> bool {
    let hex = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit());
    let Some((slot, function)) = name.split_once('.') else { return false };
    let parts: Vec<&str> = slot.split(':').collect();
    parts.len() == 3 && parts.iter().all(|part| hex(part)) && hex(function)
}

/// An eMMC, and no SD card. The device of one of its areas is the disk, whose device is the eMMC.
fn is_soldered(dir: &Path) -> bool {
    ["device/type", "device/device/type"].iter().any(|path| text(&dir.join(path)) == "MMC")
}

/// The disk itself ("1"), or a device on the way to it ("removable", as for PCIe over a cable).
fn is_removable(real: &Path, sys: &Path) -> bool {
    let way = real.ancestors().take_while(|dir| *dir != sys);
    way.map(|dir| text(&dir.join("removable"))).any(|told| told == "1" || told == "removable")
}

/// A device mapper on the whole disk: a path of a multipath map is not this disk's only one.
fn is_mapped(dir: &Path) -> bool {
    let Ok(entries) = fs::read_dir(dir.join("holders")) else { return false };
    let mut names = entries.take(MAX_ENTRIES).filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.any(|name| name.starts_with("dm-"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    const AHCI: &str = "devices/pci0000:00/0000:00:1f.2";
    const HBA: &str = "devices/pci0000:00/0000:00:02.0/0000:03:00.0";

    struct Sys(tempfile::TempDir);

    impl Sys {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn put(&self, path: &str, content: &str) -> &Self {
            let path = self.0.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
            self
        }

        /// A disk at its place among the devices, with the kernel's two links.
        fn disk(&self, device: &str, below: &str, name: &str) -> &Self {
            let real = self.0.path().join(device).join(below).join(name);
            fs::create_dir_all(&real).unwrap();
            fs::create_dir_all(self.0.path().join("block")).unwrap();
            symlink(self.0.path().join(device), real.join("device")).unwrap();
            symlink(&real, self.0.path().join("block").join(name)).unwrap();
            self
        }

        fn read(&self, name: &str) -> (&'static str, bool) {
            let found = Attachment::read(self.0.path(), &self.0.path().join("block").join(name));
            (found.transport, found.direct)
        }
    }

    #[test]
    fn disks_of_this_machine_alone_are_direct() {
        for (device, name, expected) in [
            (format!("{AHCI}/ata1/host0/target0:0:0/0:0:0:0"), "sda", "sata"),
            (format!("{HBA}/host0/port-0:0/end_device-0:0/target0:0:0/0:0:0:0"), "sda", "sas"),
            (
                format!("{HBA}/host0/port-0:0/expander-0:0/port-0:0:3/end_device-0:0:3/target0:0:3/0:0:3:0"),
                "sda",
                "sas",
            ),
            (format!("{HBA}/host0/target0:2:0/0:2:0:0"), "sda", "scsi"),
            ("devices/pci0000:00/0000:00:14.0/usb1/1-1/1-1:1.0/host4/target4:0:0/4:0:0:0".into(), "sdb", "usb"),
            ("devices/pci0000:00/0000:00:02.0/virtio1".into(), "vda", "virtio"),
            ("devices/pci0000:00/0000:00:02.0/virtio1/host2/target2:0:0/2:0:0:0".into(), "sda", "virtio"),
        ] {
            assert_eq!(Sys::new().disk(&device, "block", name).read(name), (expected, true), "{device}");
        }
    }

    #[test]
    fn disks_that_others_may_share_are_not_direct() {
        for (device, name, expected) in [
            ("devices/platform/host7/session1/target7:0:0/7:0:0:1".to_owned(), "sdb", "iscsi"),
            (format!("{HBA}/host7/session1/target7:0:0/7:0:0:1"), "sdb", "iscsi"),
            (format!("{HBA}/host7/rport-7:0-2/target7:0:0/7:0:0:1"), "sdb", "fc"),
            ("devices/platform/vhci_hcd.0/usb3/3-1/3-1:1.0/host4/target4:0:0/4:0:0:0".into(), "sdb", "usb"),
            ("devices/pseudo_0/adapter0/host9/target9:0:0/9:0:0:0".into(), "sdb", "scsi"),
            ("devices/rbd/0".into(), "rbd0", ""),
            ("devices/vbd-51712".into(), "xvda", ""),
        ] {
            assert_eq!(Sys::new().disk(&device, "block", name).read(name), (expected, false), "{device}");
        }
        let network = Sys::new();
        fs::create_dir_all(network.0.path().join("devices/virtual/block/nbd0")).unwrap();
        fs::create_dir_all(network.0.path().join("block")).unwrap();
        symlink(network.0.path().join("devices/virtual/block/nbd0"), network.0.path().join("block/nbd0")).unwrap();
        assert_eq!(network.read("nbd0"), ("nbd", false));
    }

    #[test]
    fn a_host_of_a_fabric_is_known_by_its_class_or_driver() {
        let device = format!("{HBA}/host7/target7:0:0/7:0:0:1");
        for (class, expected) in [("iscsi_host", "iscsi"), ("fc_host", "fc"), ("srp_host", "srp")] {
            let sys = Sys::new();
            sys.put(&format!("{HBA}/host7/{class}/host7/port_state"), "Online\n").disk(&device, "block", "sdb");
            assert_eq!(sys.read("sdb"), (expected, false));
        }
        let sys = Sys::new();
        sys.put(&format!("{HBA}/host7/scsi_host/host7/proc_name"), "snic\n").disk(&device, "block", "sdb");
        assert_eq!(sys.read("sdb"), ("scsi", false));
    }

    #[test]
    fn nvme_is_direct_over_pcie_alone() {
        let local = format!("{HBA}/nvme/nvme0");
        for (device, transport, expected) in [
            (local.as_str(), "pcie\n", ("nvme", true)),
            ("devices/virtual/nvme-fabrics/ctl/nvme0", "tcp\n", ("nvme-of", false)),
            ("devices/virtual/nvme-fabrics/ctl/nvme0", "rdma\n", ("nvme-of", false)),
            ("devices/virtual/nvme-fabrics/ctl/nvme0", "fc\n", ("nvme-of", false)),
            (local.as_str(), "", ("", false)),
        ] {
            let sys = Sys::new();
            sys.put(&format!("{device}/transport"), transport).disk(device, "", "nvme0n1");
            assert_eq!(sys.read("nvme0n1"), expected);
        }
    }

    #[test]
    fn a_namespace_with_several_paths_is_direct_when_all_are_pcie() {
        let subsystem = "devices/virtual/nvme-subsystem/nvme-subsys0";
        for (second, expected) in [("pcie\n", ("nvme", true)), ("tcp\n", ("nvme-of", false))] {
            let sys = Sys::new();
            sys.disk(subsystem, "", "nvme0n1");
            sys.put(&format!("{subsystem}/nvme0/transport"), "pcie\n");
            sys.put(&format!("{subsystem}/nvme1/transport"), second);
            assert_eq!(sys.read("nvme0n1"), expected);
        }
    }

    #[test]
    fn soldered_flash_its_areas_and_a_card_are_direct_and_told_apart() {
        let device = "devices/platform/soc/mmc_host/mmc0/mmc0:0001";
        for (kind, expected) in [("MMC\n", "mmc"), ("SD\n", "sd")] {
            let sys = Sys::new();
            sys.put(&format!("{device}/type"), kind).disk(device, "block", "mmcblk0");
            sys.disk(&format!("{device}/block/mmcblk0"), "", "mmcblk0gp0");
            assert_eq!((sys.read("mmcblk0"), sys.read("mmcblk0gp0")), ((expected, true), (expected, true)));
        }
    }

    #[test]
    fn a_stick_is_this_machines_alone_though_it_can_be_taken_out() {
        let port = "devices/pci0000:00/0000:00:14.0/usb1/1-1";
        let sys = Sys::new();
        sys.disk(&format!("{port}/1-1:1.0/host4/target4:0:0/4:0:0:0"), "block", "sdb");
        sys.put("block/sdb/removable", "1\n").put(&format!("{port}/removable"), "removable\n");
        assert_eq!(sys.read("sdb"), ("usb", true));
        sys.put("block/sdb/holders/dm-0", "");
        assert_eq!(sys.read("sdb"), ("usb", false));
    }

    #[test]
    fn what_can_be_taken_out_or_is_mapped_is_not_direct() {
        let device = format!("{AHCI}/ata1/host0/target0:0:0/0:0:0:0");
        for (path, content) in [
            (format!("{device}/block/sda/removable"), "1\n"),
            (format!("{AHCI}/removable"), "removable\n"),
            (format!("{device}/block/sda/holders/dm-0"), ""),
        ] {
            let sys = Sys::new();
            sys.disk(&device, "block", "sda").put(&format!("{device}/block/sda/removable"), "0\n").put(&path, content);
            assert_eq!(sys.read("sda"), ("sata", false), "{path}");
        }
    }
}
