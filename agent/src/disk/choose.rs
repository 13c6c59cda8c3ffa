//! Which disk: by hints, never by luck.

use super::DiskError;
use billet_proto::{link::Disk, ramdisk::DiskHint};

/// What the backup of a partition table needs behind the image (UEFI 2.10 §5.3.2: 33 sectors, and one spare).
pub(super) const TAIL_BYTES: u64 = 34 * 512;

/// The one disk that all given hints fit. Without a hint there must be only one disk. One that is not of the machine for good
/// (a stick, a card, or what others share) must be named by the hint.
///
/// # Errors
/// When none or several fit, or the image does not.
pub fn choose<'a>(disks: &'a [Disk], hint: &DiskHint, image_bytes: u64) -> Result<&'a Disk, DiskError> {
    let matching: Vec<&Disk> = disks.iter().filter(|disk| misfit(disk, hint).is_none()).collect();
    let hints = || hints(hint);
    match matching.as_slice() {
        [disk] if must_be_named(disk) && !names_one(hint) => {
            Err(DiskError::MustBeNamed { disk: disk.name.clone(), transport: disk.transport.clone() })
        }
        [disk] => {
            let needed = image_bytes.saturating_add(TAIL_BYTES);
            if disk.size_bytes < needed {
                return Err(DiskError::TooSmall { disk: disk.name.clone(), size: disk.size_bytes, needed });
            }
            Ok(disk)
        }
        [] => Err(DiskError::NoneMatches { hints: hints(), seen: seen(disks, hint) }),
        several => Err(DiskError::Ambiguous { hints: hints(), matching: several.len(), seen: seen(disks, hint) }),
    }
}

/// Whether the only disk that there is may still not be the one that is meant.
fn must_be_named(disk: &Disk) -> bool {
    matches!(disk.transport.as_str(), "usb" | "sd") || !disk.direct
}

fn names_one(hint: &DiskHint) -> bool {
    [&hint.serial, &hint.wwn, &hint.model, &hint.name].iter().any(|text| !text.is_empty())
}

fn misfit(disk: &Disk, hint: &DiskHint) -> Option<&'static str> {
    let text = |hint: &str, told: &str| hint.is_empty() || hint.trim() == told.trim();
    if !text(&hint.serial, &disk.serial) {
        return Some("another serial");
    }
    if !text(&hint.wwn, &disk.wwn) {
        return Some("another wwn");
    }
    if !text(&hint.model, &disk.model) {
        return Some("another model");
    }
    if !text(&hint.name, &disk.name) {
        return Some("another name");
    }
    if disk.size_bytes < hint.min_bytes {
        return Some("smaller");
    }
    (hint.max_bytes > 0 && disk.size_bytes > hint.max_bytes).then_some("larger")
}

fn hints(hint: &DiskHint) -> String {
    let DiskHint { serial, wwn, model, name, min_bytes, max_bytes } = hint;
    let texts = [("serial", serial), ("wwn", wwn), ("model", model), ("name", name)];
    let mut all: Vec<String> =
        texts.into_iter().filter(|(_, t)| !t.is_empty()).map(|(what, t)| format!("{what} = \"{t}\"")).collect();
    for (what, bytes) in [("min_bytes", min_bytes), ("max_bytes", max_bytes)] {
        if *bytes > 0 {
            all.push(format!("{what} = {bytes}"));
        }
    }
    if all.is_empty() { "no hint at all".into() } else { format!("[{}]", all.join(", ")) }
}

fn seen(disks: &[Disk], hint: &DiskHint) -> String {
    if disks.is_empty() {
        return "no disk".into();
    }
    let one = |disk: &Disk| {
        let Disk { name, size_bytes, serial, model, .. } = disk;
        let why = misfit(disk, hint).unwrap_or("matches");
        format!("{name} ({size_bytes} bytes, serial \"{serial}\", model \"{model}\": {why})")
    };
    disks.iter().map(one).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(name: &str, serial: &str, size_bytes: u64) -> Disk {
        Disk { name: name.into(), serial: serial.into(), size_bytes, direct: true, ..Disk::default() }
    }
    fn hint(serial: &str) -> DiskHint {
        DiskHint { serial: serial.into(), ..DiskHint::default() }
    }

    #[test]
    fn exactly_one_disk_may_match() {
        let disks = [disk("vda", "A", 10 << 20), disk("vdb", "B", 20 << 20), disk("vdc", "B", 30 << 20)];
        assert_eq!(choose(&disks, &hint("A"), 1).unwrap().name, "vda");
        let none = choose(&disks, &hint("C"), 1).unwrap_err();
        assert_eq!(none.cause(), "disk_none_matches");
        assert!(none.to_string().contains("vdb") && none.to_string().contains("serial = \"C\""), "{none}");
        assert_eq!(choose(&disks, &hint("B"), 1).unwrap_err().cause(), "disk_ambiguous");
        let narrowed = DiskHint { min_bytes: 25 << 20, ..hint("B") };
        assert_eq!(choose(&disks, &narrowed, 1).unwrap().name, "vdc");
        let narrowed = DiskHint { max_bytes: 20 << 20, ..hint("B") };
        assert_eq!(choose(&disks, &narrowed, 1).unwrap().name, "vdb");
    }

    #[test]
    fn without_a_hint_there_must_be_one_disk() {
        assert!(choose(&[disk("vda", "A", 1 << 20)], &DiskHint::default(), 1).is_ok());
        let two = [disk("vda", "A", 1 << 20), disk("vdb", "B", 1 << 20)];
        assert_eq!(choose(&two, &DiskHint::default(), 1).unwrap_err().cause(), "disk_ambiguous");
        assert_eq!(choose(&[], &DiskHint::default(), 1).unwrap_err().cause(), "disk_none_matches");
    }

    #[test]
    fn a_stick_a_card_or_a_shared_disk_is_chosen_by_its_name_alone() {
        for (transport, direct) in [("usb", true), ("sd", true), ("fc", false), ("", false)] {
            let one = [Disk { transport: transport.into(), direct, ..disk("sda", "A", 1 << 20) }];
            for hint in [DiskHint::default(), DiskHint { min_bytes: 1, ..DiskHint::default() }] {
                assert_eq!(choose(&one, &hint, 1).unwrap_err().cause(), "disk_must_be_named", "{transport}");
            }
            for hint in [hint("A"), DiskHint { name: "sda".into(), ..DiskHint::default() }] {
                assert_eq!(choose(&one, &hint, 1).unwrap().name, "sda", "{transport}");
            }
        }
        let soldered = [Disk { transport: "mmc".into(), ..disk("mmcblk0", "A", 1 << 20) }];
        assert!(choose(&soldered, &DiskHint::default(), 1).is_ok());
        let beside = [disk("nvme0n1", "A", 1 << 20), Disk { transport: "usb".into(), ..disk("sda", "B", 1 << 20) }];
        assert_eq!(choose(&beside, &DiskHint::default(), 1).unwrap_err().cause(), "disk_ambiguous");
    }

    #[test]
    fn the_image_and_the_backup_of_its_table_must_fit() {
        let disks = [disk("vda", "A", (1 << 20) + TAIL_BYTES)];
        assert!(choose(&disks, &hint(""), 1 << 20).is_ok());
        assert_eq!(choose(&disks, &hint(""), (1 << 20) + 1).unwrap_err().cause(), "disk_too_small");
    }
}
