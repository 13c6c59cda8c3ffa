//! What several messages are made of, with every field set.

use billet_proto::{
    link::{
        BondMode, Disk, Image, Install, Inventory, MemoryModule, NetworkPort, NicConfig, NicRole, Processor,
        Reconfigure, Wipe, WipeMethod, WipedDisk, Wiring,
    },
    ramdisk::DiskHint,
};

pub const SERVER: &str = "0198170e-4ca7-7000-8000-000000000001";
pub const INSTANCE: &str = "0198170e-4ca7-7000-8000-000000000009";
pub const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
pub const NONCE: [u8; 4] = [0, 1, 2, 3];
pub const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\n";
pub const REQUEST: &str = "-----BEGIN CERTIFICATE REQUEST-----\n";
const MAC: &str = "52:54:00:00:00:01";
const OTHER_MAC: &str = "52:54:00:00:00:02";
const UUID: &str = "4c4c4544-0042-4810-8036-b4c04f4d3032";

pub fn hint() -> DiskHint {
    DiskHint {
        serial: "vda-1".into(),
        wwn: "0x5000c500a0b1c2d3".into(),
        model: "QEMU HARDDISK".into(),
        name: "vda".into(),
        min_bytes: 1 << 30,
        max_bytes: 20 << 30,
    }
}

pub fn disk() -> Disk {
    Disk {
        name: "vda".into(),
        size_bytes: 10 << 30,
        serial: "vda-1".into(),
        model: "QEMU HARDDISK".into(),
        wwn: "0x5000c500a0b1c2d3".into(),
        rotational: true,
        path: "pci-0000:00:04.0".into(),
        transport: "virtio".into(),
        direct: true,
        firmware_version: "2.5+".into(),
    }
}

pub fn wiped() -> WipedDisk {
    WipedDisk { disk: Some(disk()), method: "overwrite".into(), bytes: 10 << 30, read_back: 64, ..WipedDisk::default() }
}

pub fn inventory() -> Inventory {
    Inventory {
        uuid: UUID.into(),
        serial: "SN1".into(),
        macs: macs(),
        disks: vec![disk()],
        memory_bytes: 4 << 30,
        cpus: 4,
        firmware: "uefi".into(),
        manufacturer: "QEMU".into(),
        model: "Standard PC".into(),
        board_serial: "B1".into(),
        board_model: "Q35".into(),
        board_manufacturer: "QEMU".into(),
        board_version: "1.0".into(),
        firmware_vendor: "EDK II".into(),
        firmware_version: "2024.02".into(),
        processors: vec![Processor {
            slot: "CPU 0".into(),
            manufacturer: "QEMU".into(),
            model: "pc-q35-9.0".into(),
            cores: 2,
            threads: 4,
            max_mhz: 2000,
        }],
        memory_modules: vec![MemoryModule {
            slot: "DIMM 0".into(),
            size_bytes: 4 << 30,
            manufacturer: "QEMU".into(),
            part_number: "P1".into(),
            serial: "M1".into(),
            kind: "DDR4".into(),
            mhz: 3200,
        }],
        ports: vec![NetworkPort {
            name: "eth0".into(),
            mac: MAC.into(),
            driver: "virtio_net".into(),
            bus: "0000:00:03.0".into(),
            mbps: 10_000,
            link: true,
            firmware_version: "1".into(),
        }],
        secure_boot: true,
        ..Inventory::default()
    }
}

pub fn uuid() -> String {
    UUID.into()
}

pub fn macs() -> Vec<String> {
    vec![MAC.into(), OTHER_MAC.into()]
}

/// A NIC of the VPC.
pub fn nic(address: &str) -> NicConfig {
    NicConfig {
        mac: MAC.into(),
        vpc_id: "0198170e-4ca7-7000-8000-000000000002".into(),
        subnet_id: "0198170e-4ca7-7000-8000-000000000003".into(),
        address: address.into(),
        prefix_length: 24,
        gateway: "10.20.0.1".into(),
        dns: vec!["9.9.9.9".into()],
        ..NicConfig::default()
    }
}

/// A bond, and an accelerator's own port.
fn nics() -> Vec<NicConfig> {
    let bond = Wiring { vlan: 100, bond_mode: BondMode::Lacp.into(), members: macs(), accelerator: String::new() };
    let rail = NicConfig {
        mac: "52:54:00:00:00:05".into(),
        subnet_id: "0198170e-4ca7-7000-8000-000000000004".into(),
        address: "10.200.0.2".into(),
        prefix_length: 24,
        role: NicRole::ParameterPlane.into(),
        rail: 3,
        mtu: 4200,
        wiring: Some(Wiring { accelerator: "ascend".into(), ..Wiring::default() }),
        ..NicConfig::default()
    };
    vec![NicConfig { wiring: Some(bond), ..nic("10.20.0.2") }, rail]
}

pub fn install() -> Install {
    Install {
        instance_id: INSTANCE.into(),
        hostname: "web-1".into(),
        image: Some(Image {
            image_id: "0198170e-4ca7-7000-8000-000000000006".into(),
            manifest_digest: vec![7; 4],
            size_bytes: 512,
            os_type: "Linux".into(),
        }),
        nics: nics(),
        password_hash: "$6$saltsaltsalt$hash".into(),
        metadata: [("role".into(), "front".into())].into(),
        clear_other_bootable_disks: true,
        ssh_keys: vec![KEY.into()],
        user_data: b"#cloud-config\n".into(),
        ..Install::default()
    }
}

pub fn reconfigure() -> Reconfigure {
    Reconfigure {
        instance_id: INSTANCE.into(),
        hostname: "web-1".into(),
        nics: nics(),
        rewrite_network: true,
        password_hash: "$6$saltsaltsalt$hash".into(),
        old_nics: vec![nic("10.20.0.9")],
    }
}

pub fn wipe() -> Wipe {
    Wipe { method: WipeMethod::Full.into(), disks: vec![disk()], ..Wipe::default() }
}
