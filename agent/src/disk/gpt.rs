//! Fitting an image's partition table (GPT, UEFI 2.10 §5.3) to the disk: in memory, before any of it is written.

use super::{DiskError, choose::TAIL_BYTES};
use std::io::{self, Read, Seek, SeekFrom, Write};

const SECTOR: u64 = 512;
const SIGNATURE: &[u8; 8] = b"EFI PART";
/// Partition types whose last partition may grow, by their ids' usual text: Linux file system data, and its root for
/// x86-64 (UAPI Group, Discoverable Partitions Specification).
const GROWING: [uuid::Uuid; 2] = [
    uuid::Uuid::from_u128(0x0fc6_3daf_8483_4772_8e79_3d69_d847_7de4),
    uuid::Uuid::from_u128(0x4f68_bce3_e8cd_4db1_96e7_fbca_f984_b709),
];

/// What the disk's end gets, beside the head that was changed in place.
pub(super) struct Repaired {
    /// The last [`TAIL_BYTES`] of the disk.
    pub(super) tail: Vec<u8>,
    /// For a person.
    pub(super) detail: String,
}

/// Whether an image's head has a GPT.
pub(super) fn is_there(head: &[u8]) -> bool {
    head.get(512..520) == Some(SIGNATURE)
}

/// Moves the backup table to the disk's real end, grows the last partition where it is a Linux file system's, and makes
/// the protective MBR as large as the disk. Ids stay. `head` is the image's first MiB.
pub(super) fn repair(head: &mut [u8], disk_bytes: u64) -> Result<Repaired, DiskError> {
    let broken = |error: gptman::Error| DiskError::GptBroken(error.to_string());
    let mut view = View { head, tail: vec![0; usize::try_from(TAIL_BYTES).unwrap_or(0)], size: disk_bytes, at: 0 };
    // The primary table alone: the image's backup lies where the disk has none.
    view.at = SECTOR;
    let mut header = gptman::GPTHeader::read_from(&mut view).map_err(broken)?;
    sound(&header)?;
    let partitions = header.read_partitions(&mut view, SECTOR).map_err(broken)?;
    for partition in partitions.iter().filter(|partition| partition.is_used()) {
        let inside = header.first_usable_lba..=header.last_usable_lba;
        let (from, to) = (partition.starting_lba, partition.ending_lba);
        if !(inside.contains(&from) && inside.contains(&to) && from <= to) {
            return Err(DiskError::GptBroken(format!(
                "a partition from sector {from} to {to} is not inside {inside:?}"
            )));
        }
    }
    let mut table = gptman::GPT::read_from(&mut view, SECTOR).map_err(broken)?;
    let old_end = header.last_usable_lba;
    table.header.update_from(&mut view, SECTOR).map_err(broken)?;
    header = table.header.clone();
    let last = table.iter_mut().map(|(_, partition)| partition).filter(|p| p.is_used()).max_by_key(|p| p.ending_lba);
    let mut detail = format!("the backup table moved from sector {old_end} to {}", header.backup_lba);
    if let Some(last) = last {
        let growing = GROWING.iter().any(|id| id.to_bytes_le() == last.partition_type_guid);
        if growing && last.ending_lba < header.last_usable_lba {
            last.ending_lba = header.last_usable_lba;
            detail.push_str(", the last partition grown to the end");
        }
    }
    table.write_into(&mut view).map_err(broken)?;
    let tail = view.tail;
    protective_size(head, disk_bytes);
    Ok(Repaired { tail, detail })
}

/// Bounds that must hold before anything is computed from a header, whoever wrote it.
fn sound(header: &gptman::GPTHeader) -> Result<(), DiskError> {
    let array = u64::from(header.number_of_partition_entries) * 128;
    let array_end = header.partition_entry_lba.checked_mul(SECTOR).and_then(|at| at.checked_add(array));
    let rules = [
        (header.size_of_partition_entry == 128, "its entries have not 128 bytes"),
        ((1..=1024).contains(&header.number_of_partition_entries), "it has not 1 to 1024 entries"),
        (
            header.partition_entry_lba >= 2 && array_end.is_some_and(|end| end <= 1 << 20),
            "its entries are not in the first MiB",
        ),
        (header.first_usable_lba >= 3 && header.first_usable_lba <= header.last_usable_lba, "it has no usable sectors"),
    ];
    match rules.iter().find(|(holds, _)| !holds) {
        Some((_, rule)) => Err(DiskError::GptBroken((*rule).into())),
        None => Ok(()),
    }
}

/// The protective MBR's one partition covers the disk (UEFI 2.10 §5.2.3), as far as 32 bits go.
fn protective_size(head: &mut [u8], disk_bytes: u64) {
    const FIRST_ENTRY: usize = 446;
    let is_protective = head.get(FIRST_ENTRY + 4) == Some(&0xee);
    if let Some(size) = head.get_mut(FIRST_ENTRY + 12..FIRST_ENTRY + 16).filter(|_| is_protective) {
        let sectors = u32::try_from(disk_bytes / SECTOR - 1).unwrap_or(u32::MAX);
        size.copy_from_slice(&sectors.to_le_bytes());
    }
}

/// A disk of which only the head and the tail are there.
struct View<'a> {
    head: &'a mut [u8],
    tail: Vec<u8>,
    size: u64,
    at: u64,
}

impl View<'_> {
    fn part(&mut self) -> io::Result<&mut [u8]> {
        let tail_start = self.size.saturating_sub(self.tail.len() as u64);
        let (part, offset) = if self.at < self.head.len() as u64 {
            (&mut *self.head, self.at)
        } else if (tail_start..self.size).contains(&self.at) {
            (&mut self.tail[..], self.at - tail_start)
        } else {
            return Err(io::Error::other("the table lies neither in the first MiB nor at the end"));
        };
        Ok(&mut part[usize::try_from(offset).map_err(io::Error::other)?..])
    }
}

impl Read for View<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let part = self.part()?;
        let length = part.len().min(buffer.len());
        buffer[..length].copy_from_slice(&part[..length]);
        self.at += length as u64;
        Ok(length)
    }
}
impl Write for View<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let part = self.part()?;
        let length = part.len().min(bytes.len());
        part[..length].copy_from_slice(&bytes[..length]);
        self.at += length as u64;
        Ok(length)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
impl Seek for View<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::other("a table before the disk's beginning"))?;
        Ok(self.at)
    }
}
