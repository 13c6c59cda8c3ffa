//! What a simulated server's ramdisk sees.

use crate::plan::MachinePlan;
use billet_proto::link::{Disk, Inventory, MemoryModule, NetworkPort, Processor};

const GIB: u64 = 1 << 30;

/// A server of two sockets, with a disk for the system and one for data.
pub(super) fn of(machine: &MachinePlan) -> Inventory {
    let MachinePlan { uuid, serial, macs, .. } = machine;
    Inventory {
        uuid: uuid.clone(),
        serial: serial.clone(),
        macs: macs.clone(),
        disks: vec![disk(machine, "nvme0n1", 960 * 1_000_000_000), disk(machine, "nvme1n1", 3_840 * 1_000_000_000)],
        memory_bytes: 256 * GIB,
        cpus: 64,
        firmware: "uefi".into(),
        manufacturer: "Billet".into(),
        model: "Simulated 2U".into(),
        board_serial: format!("{serial}-B"),
        board_model: "SB-2".into(),
        board_manufacturer: "Billet".into(),
        board_version: "1.0".into(),
        firmware_vendor: "Billet".into(),
        firmware_version: "1.2.3".into(),
        processors: (0..2).map(processor).collect(),
        memory_modules: (0..8).map(|slot| memory(serial, slot)).collect(),
        ports: macs.iter().enumerate().map(|(index, mac)| port(index, mac)).collect(),
        secure_boot: false,
        boot_variables: None,
    }
}

fn disk(machine: &MachinePlan, name: &str, size_bytes: u64) -> Disk {
    let index = if name == "nvme0n1" { 0 } else { 1 };
    Disk {
        name: name.into(),
        size_bytes,
        serial: format!("{}-D{index}", machine.serial),
        model: "Simulated NVMe".into(),
        wwn: format!("eui.5e7e{index:04x}{:08x}", machine.number),
        rotational: false,
        path: format!("pci-0000:0{index}:00.0-nvme-1"),
        transport: "nvme".into(),
        direct: true,
        firmware_version: "F1".into(),
    }
}

fn processor(socket: usize) -> Processor {
    Processor {
        slot: format!("CPU{socket}"),
        manufacturer: "Billet".into(),
        model: "Simulated 16-core".into(),
        cores: 16,
        threads: 32,
        max_mhz: 3_200,
    }
}

fn memory(serial: &str, slot: usize) -> MemoryModule {
    MemoryModule {
        slot: format!("DIMM{slot}"),
        size_bytes: 32 * GIB,
        manufacturer: "Billet".into(),
        part_number: "SIM-32G".into(),
        serial: format!("{serial}-M{slot}"),
        kind: "DDR5".into(),
        mhz: 4_800,
    }
}

fn port(index: usize, mac: &str) -> NetworkPort {
    NetworkPort {
        name: format!("ens{index}"),
        mac: mac.to_owned(),
        driver: "simulated".into(),
        bus: format!("0000:1{index}:00.0"),
        mbps: 25_000,
        link: true,
        firmware_version: "7.8".into(),
    }
}
