//! The machine's network ports, from sysfs (Linux, Documentation/ABI/testing/sysfs-class-net).

use super::inventory::text;
use crate::{disk::is_pci, system::ethtool};
use billet_proto::link::NetworkPort;
use std::{fs, path::Path};

/// No machine has more.
const MAX_PORTS: usize = 256;

/// Ethernet NICs (ARPHRD_ETHER) with hardware behind them, by name. `net` is `/sys/class/net`.
pub(super) fn list(net: &Path) -> Vec<NetworkPort> {
    let Ok(entries) = fs::read_dir(net) else { return Vec::new() };
    let mut ports: Vec<NetworkPort> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let dir = entry.path();
            let hardware = dir.join("device").exists() && text(&dir.join("type")) == "1";
            hardware.then_some(())?;
            Some(port(&dir, entry.file_name().into_string().ok()?))
        })
        .take(MAX_PORTS)
        .collect();
    ports.sort_by(|a, b| a.name.cmp(&b.name));
    ports
}

fn port(dir: &Path, name: String) -> NetworkPort {
    let firmware_version = firmware_version(&name);
    NetworkPort {
        name,
        mac: text(&dir.join("address")),
        driver: last_name(fs::read_link(dir.join("device/driver")).unwrap_or_default().as_path()),
        bus: bus(&dir.join("device")),
        // A port that is down has an error for these, one that is not told its speed -1.
        mbps: text(&dir.join("speed")).parse().unwrap_or(0),
        link: text(&dir.join("carrier")) == "1",
        firmware_version,
    }
}

/// As the driver tells it; most that have no firmware of their own tell nothing, or "N/A".
fn firmware_version(name: &str) -> String {
    let told = ethtool::firmware_version(name).unwrap_or_default();
    let told: String = told.trim().chars().filter(|c| !c.is_control()).collect();
    if told == "N/A" { String::new() } else { told }
}

/// Where the device is: its PCI address. A virtio device is below the function that it comes by; what is not on PCI has
/// the name that its own bus gave.
fn bus(device: &Path) -> String {
    let real = fs::canonicalize(device).unwrap_or_default();
    let (own, above) = (last_name(&real), real.parent().map(last_name).unwrap_or_default());
    if own.starts_with("virtio") && is_pci(&above) { above } else { own }
}

fn last_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn ports_with_hardware_are_listed_and_others_are_not() {
        let sys = tempfile::tempdir().unwrap();
        let net = sys.path().join("net");
        let interface = |name: &str, device: &str, driver: &str, files: &[(&str, &str)]| {
            let dir = net.join(name);
            fs::create_dir_all(&dir).unwrap();
            files.iter().for_each(|(file, content)| fs::write(dir.join(file), content).unwrap());
            if !device.is_empty() {
                let device = sys.path().join("devices").join(device);
                fs::create_dir_all(&device).unwrap();
                symlink(&device, dir.join("device")).unwrap();
                symlink(Path::new("../../bus/drivers").join(driver), device.join("driver")).unwrap();
            }
        };
        let up = [("type", "1\n"), ("address", "52:54:00:00:00:02\n"), ("speed", "25000\n"), ("carrier", "1\n")];
        interface("eth1", "pci0000:00/0000:00:02.0/0000:3b:00.1", "mlx5_core", &up);
        let untold = [("type", "1\n"), ("address", "52:54:00:00:00:01\n"), ("speed", "-1\n"), ("carrier", "0\n")];
        interface("eth0", "pci0000:00/0000:00:03.0/virtio0", "virtio_net", &untold);
        interface("eth2", "pci0000:00/0000:00:14.0/usb1/1-1/1-1:1.0", "cdc_ether", &[("type", "1\n")]);
        interface("ib0", "pci0000:00/0000:5e:00.0", "mlx5_core", &[("type", "32\n")]);
        interface("lo", "", "", &[("type", "772\n")]);
        interface("bond0", "", "", &[("type", "1\n")]);
        let ports = list(&net);
        let told: Vec<_> = ports
            .iter()
            .map(|p| (p.name.as_str(), p.mac.as_str(), p.driver.as_str(), p.bus.as_str(), p.mbps, p.link))
            .collect();
        assert_eq!(
            told,
            [
                ("eth0", "52:54:00:00:00:01", "virtio_net", "0000:00:03.0", 0, false),
                ("eth1", "52:54:00:00:00:02", "mlx5_core", "0000:3b:00.1", 25_000, true),
                ("eth2", "", "cdc_ether", "1-1:1.0", 0, false),
            ]
        );
    }

    #[test]
    fn a_machine_without_a_network_has_no_ports() {
        assert!(list(Path::new("/nonexistent")).is_empty());
    }
}
