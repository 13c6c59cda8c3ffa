//! Which disk is which: controller and agent must not differ in it, because a disk is erased by it.

use crate::link::Disk;

impl Disk {
    /// What a disk is known by wherever it is plugged in: its serial number, or else its WWN; none where it tells neither.
    /// Without one nobody can tell it from another of its size in its place, and it is never erased.
    #[must_use]
    pub fn mark(&self) -> Option<&str> {
        [&self.serial, &self.wwn].into_iter().map(|mark| mark.trim()).find(|mark| !mark.is_empty())
    }

    /// Whether both are one disk: of one size, alike in the first of serial number, WWN, path and name that either tells, and
    /// not of two WWNs, as the namespaces of one drive are. The name may change from boot to boot, the others do not.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let told = |a: &str, b: &str| if a.is_empty() && b.is_empty() { None } else { Some(a == b) };
        let differ = |a: &str, b: &str| !a.is_empty() && !b.is_empty() && a != b;
        self.size_bytes == other.size_bytes
            && !differ(&self.wwn, &other.wwn)
            && told(&self.serial, &other.serial)
                .or_else(|| told(&self.wwn, &other.wwn))
                .or_else(|| told(&self.path, &other.path))
                .unwrap_or(self.name == other.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(name: &str, serial: &str, wwn: &str, path: &str) -> Disk {
        let text = str::to_owned;
        let (name, serial, wwn, path) = (text(name), text(serial), text(wwn), text(path));
        Disk { name, serial, wwn, path, size_bytes: 1 << 30, ..Disk::default() }
    }

    #[test]
    fn the_first_mark_that_either_tells_decides_and_the_size_must_agree() {
        let one = disk("sda", "A", "w1", "p1");
        for (other, same) in [
            (disk("sdb", "A", "w1", "p2"), true),
            (disk("sdb", "A", "", "p2"), true),
            (disk("sda", "A", "w2", "p1"), false),
            (disk("sda", "B", "w1", "p1"), false),
            (disk("sda", "", "w1", "p1"), false),
        ] {
            assert_eq!((one.is_same(&other), other.is_same(&one)), (same, same), "{other:?}");
        }
        assert!(disk("sda", "", "w1", "p1").is_same(&disk("sdb", "", "w1", "p2")));
        assert!(disk("sda", "", "", "p1").is_same(&disk("sdb", "", "", "p1")));
        assert!(!disk("sda", "", "", "").is_same(&disk("sdb", "", "", "")));
        assert!(!one.is_same(&Disk { size_bytes: 2 << 30, ..one.clone() }));
    }

    #[test]
    fn a_disk_is_known_by_its_serial_number_or_its_wwn_and_by_nothing_else() {
        for (serial, wwn, mark) in [("A", "w1", Some("A")), ("", "w1", Some("w1")), (" ", "", None), ("", "", None)] {
            assert_eq!(disk("sda", serial, wwn, "p1").mark(), mark);
        }
    }
}
