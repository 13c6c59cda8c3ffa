//! What this machine is, for its agent: it must be the one that was configured.

use billet_proto::link::{Disk, Inventory};
use std::{fs, path::Path};

/// Reads the machine; what it does not tell is empty.
pub(super) fn read(disks: Vec<Disk>) -> Inventory {
    let dmi = |name: &str| text(&Path::new("/sys/class/dmi/id").join(name));
    Inventory {
        uuid: dmi("product_uuid").to_lowercase(),
        serial: dmi("product_serial"),
        macs: macs(Path::new("/sys/class/net")),
        disks,
        memory_bytes: memory(&fs::read_to_string("/proc/meminfo").unwrap_or_default()),
        cpus: std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(u32::MAX)),
        firmware: if Path::new("/sys/firmware/efi").exists() { "uefi" } else { "bios" }.into(),
        ..Inventory::default()
    }
}

/// Of Ethernet NICs (ARPHRD_ETHER) with hardware behind them.
fn macs(net: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(net) else { return Vec::new() };
    let mut macs: Vec<String> = entries
        .filter_map(|entry| {
            let dir = entry.ok()?.path();
            let hardware = dir.join("device").exists() && text(&dir.join("type")) == "1";
            hardware.then(|| text(&dir.join("address")))
        })
        .collect();
    macs.sort();
    macs
}

/// MemTotal of meminfo, in bytes.
fn memory(meminfo: &str) -> u64 {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kib.unwrap_or(0).saturating_mul(1024)
}

fn text(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.trim().chars().filter(|c| !c.is_control()).take(128).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_told_in_bytes() {
        assert_eq!(memory("MemTotal:        1000 kB\nMemFree: 1 kB\n"), 1_024_000);
        assert_eq!(memory(""), 0);
    }
}
