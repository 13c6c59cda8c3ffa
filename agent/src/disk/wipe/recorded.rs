//! Which disks may be erased: those that were recorded at inspection, if nothing else is there.

use crate::disk::DiskError;
use billet_proto::link::Disk;

/// What the operator plugs in and pulls out, and a BMC's virtual media: never erased, and no reason to stop.
const PASSING: [&str; 2] = ["usb", "mmc"];

/// The disks of this boot that `wanted` names; all of them, and no other disk of the machine's own.
///
/// # Errors
/// [`DiskError::NotRecorded`] where one is missing, is shared now, or is there and was not recorded.
pub fn recorded(wanted: &[Disk], seen: &[Disk]) -> Result<Vec<Disk>, DiskError> {
    let named =
        |disk: &Disk| format!("disk {} (serial number \"{}\", {} bytes)", disk.name, disk.serial, disk.size_bytes);
    let stop = |why: String| Err(DiskError::NotRecorded(why));
    if wanted.is_empty() {
        return stop("the order names none".into());
    }
    let mut found: Vec<Disk> = Vec::new();
    for disk in wanted {
        let mut same = seen.iter().filter(|other| disk.is_same(other));
        let Some(one) = same.next() else { return stop(format!("{} is not there", named(disk))) };
        if same.next().is_some() {
            return stop(format!("{} is there more than once: it has several ways to it", named(disk)));
        }
        if !one.direct {
            return stop(format!("{} is not this machine's alone now ({})", named(one), one.transport));
        }
        found.push(one.clone());
    }
    let others = seen.iter().filter(|disk| !found.iter().any(|one| one.name == disk.name));
    for other in others {
        if PASSING.contains(&other.transport.as_str()) && !other.direct {
            continue;
        }
        return stop(format!("{} was not recorded at inspection; inspect the server again", named(other)));
    }
    Ok(found)
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
        let seen = [disk("sdb", "A", "sata", true), disk("sda", "B", "sata", true), disk("sdc", "U", "usb", false)];
        let names: Vec<String> = recorded(&wanted, &seen).unwrap().into_iter().map(|disk| disk.name).collect();
        assert_eq!(names, ["sdb", "sda"], "a stick is left alone");
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
            (vec![there.clone(), disk("sdb", "L", "iscsi", false)], "was not recorded"),
            (vec![there.clone(), disk("sdb", "X", "", false)], "was not recorded"),
        ] {
            let error = recorded(&wanted, &seen).unwrap_err();
            assert!(error.to_string().contains(why), "{error}");
            assert_eq!(error.cause(), "disks_not_recorded");
        }
        assert!(recorded(&[], &[there]).is_err());
    }
}
