//! What a machine says of itself, fit for a row and for people: bounded, and without control characters. A disk's maker, or
//! whoever wrote its firmware, is nobody that a terminal or a log should obey.
//!
//! Each part is made field by field, so that one that is added cannot be forgotten here.

use super::{baseline::boot_variables, event::tame};
use billet_proto::link::{Disk, Inventory, MemoryModule, NetworkPort, Processor, WipedDisk};

/// More than any server has, of anything.
const MAX_PARTS: usize = 1024;
/// More than there are ways to erase a disk.
const MAX_REFUSED: usize = 16;

/// What a ramdisk saw.
pub(super) fn tamed(seen: &Inventory) -> Inventory {
    Inventory {
        uuid: tame(&seen.uuid),
        serial: tame(&seen.serial),
        macs: each(&seen.macs, |mac| tame(mac)),
        disks: each(&seen.disks, disk),
        memory_bytes: seen.memory_bytes,
        cpus: seen.cpus,
        firmware: tame(&seen.firmware),
        manufacturer: tame(&seen.manufacturer),
        model: tame(&seen.model),
        board_serial: tame(&seen.board_serial),
        board_model: tame(&seen.board_model),
        board_manufacturer: tame(&seen.board_manufacturer),
        board_version: tame(&seen.board_version),
        firmware_vendor: tame(&seen.firmware_vendor),
        firmware_version: tame(&seen.firmware_version),
        processors: each(&seen.processors, processor),
        memory_modules: each(&seen.memory_modules, memory_module),
        ports: each(&seen.ports, port),
        secure_boot: seen.secure_boot,
        boot_variables: seen.boot_variables.as_ref().map(boot_variables),
    }
}

/// What a ramdisk erased: the same disks by the same words as in [`tamed`].
pub(super) fn tamed_wiped(wiped: &[WipedDisk]) -> Vec<WipedDisk> {
    each(wiped, |one| WipedDisk {
        disk: one.disk.as_ref().map(disk),
        method: tame(&one.method),
        bytes: one.bytes,
        read_back: one.read_back,
        ranges: each(&one.ranges, |range| *range),
        samples_blake3: tame(&one.samples_blake3),
        zeroed_after: one.zeroed_after,
        erase_ms: one.erase_ms,
        read_back_ms: one.read_back_ms,
        refused: one.refused.iter().take(MAX_REFUSED).map(|text| tame(text)).collect(),
    })
}

fn each<T>(parts: &[T], one: impl Fn(&T) -> T) -> Vec<T> {
    parts.iter().take(MAX_PARTS).map(one).collect()
}

fn disk(disk: &Disk) -> Disk {
    Disk {
        name: tame(&disk.name),
        size_bytes: disk.size_bytes,
        serial: tame(&disk.serial),
        model: tame(&disk.model),
        wwn: tame(&disk.wwn),
        rotational: disk.rotational,
        path: tame(&disk.path),
        transport: tame(&disk.transport),
        direct: disk.direct,
        firmware_version: tame(&disk.firmware_version),
    }
}

fn processor(processor: &Processor) -> Processor {
    Processor {
        slot: tame(&processor.slot),
        manufacturer: tame(&processor.manufacturer),
        model: tame(&processor.model),
        ..*processor
    }
}

fn memory_module(module: &MemoryModule) -> MemoryModule {
    MemoryModule {
        slot: tame(&module.slot),
        size_bytes: module.size_bytes,
        manufacturer: tame(&module.manufacturer),
        part_number: tame(&module.part_number),
        serial: tame(&module.serial),
        kind: tame(&module.kind),
        mhz: module.mhz,
    }
}

fn port(port: &NetworkPort) -> NetworkPort {
    NetworkPort {
        name: tame(&port.name),
        mac: tame(&port.mac),
        driver: tame(&port.driver),
        bus: tame(&port.bus),
        mbps: port.mbps,
        link: port.link,
        firmware_version: tame(&port.firmware_version),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use billet_proto::link::ByteRange;

    /// Turns a terminal red, and is longer than any name.
    fn wild() -> String {
        format!("\u{1b}[31m\n{}", "x".repeat(5000))
    }

    fn wild_disk() -> Disk {
        Disk {
            name: wild(),
            size_bytes: 1,
            serial: wild(),
            model: wild(),
            wwn: wild(),
            rotational: true,
            path: wild(),
            transport: wild(),
            direct: true,
            firmware_version: wild(),
        }
    }

    fn wild_inventory() -> Inventory {
        let processor =
            Processor { slot: wild(), manufacturer: wild(), model: wild(), cores: 2, threads: 3, max_mhz: 4 };
        let module = MemoryModule {
            slot: wild(),
            size_bytes: 5,
            manufacturer: wild(),
            part_number: wild(),
            serial: wild(),
            kind: wild(),
            mhz: 6,
        };
        let port = NetworkPort {
            name: wild(),
            mac: wild(),
            driver: wild(),
            bus: wild(),
            mbps: 7,
            link: true,
            firmware_version: wild(),
        };
        Inventory {
            uuid: wild(),
            serial: wild(),
            macs: vec![wild(); 2000],
            disks: vec![wild_disk(); 2000],
            memory_bytes: 8,
            cpus: 9,
            firmware: wild(),
            manufacturer: wild(),
            model: wild(),
            board_serial: wild(),
            board_model: wild(),
            board_manufacturer: wild(),
            board_version: wild(),
            firmware_vendor: wild(),
            firmware_version: wild(),
            processors: vec![processor; 2000],
            memory_modules: vec![module; 2000],
            ports: vec![port; 2000],
            secure_boot: true,
            boot_variables: None,
        }
    }

    #[test]
    fn no_text_of_a_machine_is_long_or_commands_a_terminal_and_no_list_is_endless() {
        let seen = tamed(&wild_inventory());
        let wiped = WipedDisk {
            disk: Some(wild_disk()),
            method: wild(),
            bytes: 10,
            read_back: 11,
            ranges: vec![],
            samples_blake3: wild(),
            zeroed_after: true,
            erase_ms: 12,
            read_back_ms: 13,
            refused: vec![wild()],
        };
        let (ranges, refused) = (vec![ByteRange { from: 0, bytes: 10 }; 2000], vec![wild(); 2000]);
        let endless = tamed_wiped(&[WipedDisk { ranges, refused, ..wiped.clone() }]);
        let erased = tamed_wiped(&vec![wiped; 2000]);
        let text = format!("{seen:?} {erased:?}");
        // Debug writes them so.
        assert!(!text.contains("\\u{1b}") && !text.contains("\\n"));
        assert!(!text.contains(&"x".repeat(601)) && text.contains(&"x".repeat(500)), "cut, and not left out");
        let lengths =
            [seen.macs.len(), seen.disks.len(), seen.processors.len(), seen.memory_modules.len(), seen.ports.len()];
        assert_eq!(lengths, [MAX_PARTS; 5]);
        assert_eq!((erased.len(), endless[0].ranges.len()), (MAX_PARTS, MAX_PARTS));
        assert_eq!(endless[0].refused.len(), MAX_REFUSED);
    }

    #[test]
    fn numbers_and_ordinary_texts_stay_as_they_are() {
        let disk = Disk { serial: "S1".into(), model: "Ünïque 9000".into(), ..wild_disk() };
        let (before, after) = (wild_inventory(), tamed(&wild_inventory()));
        assert_eq!((after.memory_bytes, after.cpus, after.secure_boot), (8, 9, true));
        assert_eq!(after.processors[0].max_mhz, before.processors[0].max_mhz);
        assert_eq!((after.memory_modules[0].mhz, after.ports[0].mbps, after.ports[0].link), (6, 7, true));
        let ranges = vec![ByteRange { from: 1, bytes: 9 }];
        let (method, disk) = ("overwrite".into(), Some(disk));
        let wiped = WipedDisk {
            disk,
            method,
            bytes: 10,
            read_back: 11,
            ranges,
            zeroed_after: true,
            erase_ms: 12,
            read_back_ms: 13,
            ..WipedDisk::default()
        };
        let erased = tamed_wiped(std::slice::from_ref(&wiped));
        let told = (&erased[0].ranges, erased[0].zeroed_after, erased[0].erase_ms, erased[0].read_back_ms);
        assert_eq!(told, (&wiped.ranges, true, 12, 13));
        let same = erased[0].disk.as_ref().unwrap();
        assert_eq!((same.serial.as_str(), same.model.as_str(), same.size_bytes), ("S1", "Ünïque 9000", 1));
        assert_eq!((&erased[0].method, erased[0].bytes, erased[0].read_back), (&wiped.method, 10, 11));
    }
}
