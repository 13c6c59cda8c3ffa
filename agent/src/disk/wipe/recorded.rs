//! Which disks may be erased: those that were recorded at inspection, if nothing else is there.

use crate::disk::DiskError;
use billet_proto::link::Disk;

const NO_MARK: &str = "tells neither a serial number nor a WWN: nobody can tell it from another, and it is never erased; take it out, or \
                       replace it";

/// The disks of this boot that `wanted` names; all of them, and there must be no other.
///
/// # Errors
/// [`DiskError::NotRecorded`] where one has no mark of its own, is missing, is shared now, or is there and was not recorded.
pub fn recorded(wanted: &[Disk], seen: &[Disk]) -> Result<Vec<Disk>, DiskError> {
    let named =
        |disk: &Disk| format!("disk {} (serial number \"{}\", {} bytes)", disk.name, disk.serial, disk.size_bytes);
    let stop = |why: String| Err(DiskError::NotRecorded(why));
    if wanted.is_empty() {
        return stop("the order names none".into());
    }
    if let Some(disk) = wanted.iter().chain(seen).find(|disk| disk.mark().is_none()) {
        return stop(format!("{} {}", named(disk), NO_MARK));
    }
    let mut found: Vec<Disk> = Vec::new();
    for disk in wanted {
        let mut same = seen.iter().filter(|other| disk.is_same(other));
        let Some(one) = same.next() else { return stop(format!("{} is not there", named(disk))) };
        if same.next().is_some() {
            return stop(format!("{} is there more than once: it has several ways to it", named(disk)));
        }
        if found.iter().any(|other| other.name == one.name) {
            return stop(format!(
                "{} is another recorded disk too, by what it tells; inspect the server again",
                named(one)
            ));
        }
        if !one.direct {
            return stop(format!("{} is not this machine's alone now ({})", named(one), one.transport));
        }
        found.push(one.clone());
    }
    match seen.iter().find(|disk| !found.iter().any(|one| one.name == disk.name)) {
        Some(other) => stop(format!("{} {}", named(other), of_unknown(other))),
        None => Ok(found),
    }
}

/// What is to be done about a disk that nobody recorded.
fn of_unknown(disk: &Disk) -> String {
    let Disk { transport, direct, .. } = disk;
    match transport.as_str() {
        _ if !direct => format!("is not this machine's alone ({transport}), and is not erased; detach it"),
        "usb" | "sd" => format!(
            "was not recorded at inspection ({transport}): take out the stick, the card, or the medium that the BMC lends; or, \
             where it belongs to the server, inspect that again, and it is erased with the others"
        ),
        _ => "was not recorded at inspection; inspect the server again".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(name: &str, serial: &str, transport: &str, direct: bool) -> Disk {
        let (name, serial, transport) = (name.into(), serial.into(), transport.into());
        Disk { name, serial, transport, direct, size_bytes: 1 << 30, ..Disk::default() }
    }

    #[test]
    fn all_that_were_recorded_and_no_other_are_erased_under_whatever_name() {
        let wanted = [disk("sda", "A", "sata", true), disk("sdb", "B", "sata", true)];
        let seen = [disk("sdb", "A", "sata", true), disk("sda", "B", "sata", true)];
        let names: Vec<String> = recorded(&wanted, &seen).unwrap().into_iter().map(|disk| disk.name).collect();
        assert_eq!(names, ["sdb", "sda"]);
    }

    #[test]
    fn a_stick_and_a_card_are_erased_where_they_were_recorded_and_stop_the_wipe_where_they_were_not() {
        for transport in ["usb", "sd", "mmc"] {
            let (nvme, stick) = (disk("nvme0n1", "A", "nvme", true), disk("sda", "U", transport, true));
            let both = [nvme.clone(), stick];
            assert_eq!(recorded(&both, &both).unwrap(), both);
            let error = recorded(&[nvme], &both).unwrap_err().to_string();
            assert!(error.contains("disk sda") && error.contains("was not recorded"), "{error}");
            assert_eq!(error.contains("the BMC lends"), transport != "mmc", "{error}");
        }
    }

    #[test]
    fn what_is_missing_shared_unknown_or_there_twice_stops_the_wipe() {
        let wanted = [disk("sda", "A", "sata", true)];
        let there = disk("sda", "A", "sata", true);
        let other_size = Disk { size_bytes: 2 << 30, ..there.clone() };
        for (seen, why) in [
            (vec![], "is not there"),
            (vec![other_size], "is not there"),
            (vec![disk("sda", "A", "fc", false)], "is not this machine's alone now (fc)"),
            (vec![there.clone(), disk("sdb", "A", "sata", true)], "more than once"),
            (vec![there.clone(), disk("sdb", "B", "sata", true)], "was not recorded"),
            (vec![there.clone(), disk("sdb", "L", "iscsi", false)], "is not this machine's alone (iscsi)"),
            (vec![there.clone(), disk("sdb", "X", "", false)], "is not this machine's alone ()"),
        ] {
            let error = recorded(&wanted, &seen).unwrap_err();
            assert!(error.to_string().contains(why), "{error}");
            assert_eq!(error.cause(), "disks_not_recorded");
        }
        assert!(recorded(&[], &[there]).is_err());
    }

    #[test]
    fn a_disk_that_tells_neither_serial_number_nor_wwn_stops_the_wipe_recorded_or_not() {
        let there = disk("sda", "A", "sata", true);
        let unmarked = Disk { path: "pci-1".into(), ..disk("sdb", "", "sata", true) };
        for wanted in [vec![there.clone()], vec![there.clone(), unmarked.clone()]] {
            let error = recorded(&wanted, &[there.clone(), unmarked.clone()]).unwrap_err();
            assert!(error.to_string().contains("disk sdb") && error.to_string().contains("neither"), "{error}");
        }
        let by_wwn = [Disk { wwn: "naa.5".into(), ..unmarked }];
        assert_eq!(recorded(&by_wwn, &by_wwn).unwrap(), by_wwn);
    }

    #[test]
    fn disks_of_one_drive_are_told_apart_by_their_wwns_and_each_is_erased() {
        let namespace = |name: &str, wwn: &str| Disk { wwn: wwn.into(), ..disk(name, "A", "nvme", true) };
        let both = [namespace("nvme0n1", "eui.1"), namespace("nvme0n2", "eui.2")];
        let turned = [namespace("nvme0n1", "eui.2"), namespace("nvme0n2", "eui.1")];
        let names: Vec<String> = recorded(&both, &turned).unwrap().into_iter().map(|disk| disk.name).collect();
        assert_eq!(names, ["nvme0n2", "nvme0n1"]);
        // One disk does not stand for two that were recorded.
        let unknown = [namespace("nvme0n1", ""), namespace("nvme0n2", "eui.2")];
        assert!(recorded(&unknown, &both[1..]).is_err());
        assert!(recorded(&both, &[namespace("nvme0n1", "")]).is_err());
    }
}
