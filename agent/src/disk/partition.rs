//! Partitions of a written disk, and which may hold the root file system.

use super::{
    DiskError,
    bootable::{ENTRY_BYTES, MAX_ENTRIES},
};
use crate::system::block;
use std::{
    fs::File,
    io::{Seek, SeekFrom},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

/// Root of x86-64 (UAPI Group, Discoverable Partitions Specification).
const ROOT_X86_64: uuid::Uuid = uuid::Uuid::from_u128(0x4f68_bce3_e8cd_4db1_96e7_fbca_f984_b709);
/// Of a file in a disk's place.
const FILE_SECTOR: u32 = 512;
/// An MBR's four entries (extended ones are not followed: no image has its root there).
const MBR_ENTRIES: usize = 446;

/// A partition with a file system that can be a root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// As the kernel counts, from 1.
    pub number: u32,
    /// Where it begins, in bytes.
    pub offset: u64,
    /// How long it is, in bytes.
    pub length: u64,
    /// `ext4` or `xfs`, for mount(2).
    pub file_system: &'static str,
    is_root: bool,
}

/// Those that may hold the root: typed as such first, then by size.
///
/// # Errors
/// When the disk cannot be read.
pub fn root_candidates(disk: &Path) -> Result<Vec<Partition>, DiskError> {
    let file = File::open(disk).map_err(DiskError::io("open", disk))?;
    // What is no device has no sectors.
    let sector = block::sector_size(&file).unwrap_or(FILE_SECTOR);
    candidates(file, disk, sector)
}

fn candidates(mut file: File, disk: &Path, sector: u32) -> Result<Vec<Partition>, DiskError> {
    let mut found = Vec::new();
    for (number, offset, length, is_root) in entries(&mut file, disk, sector)? {
        if let Some(file_system) = file_system(&file, offset) {
            found.push(Partition { number, offset, length, file_system, is_root });
        }
    }
    found.sort_by_key(|partition| (!partition.is_root, std::cmp::Reverse(partition.length)));
    Ok(found)
}

type Entry = (u32, u64, u64, bool);

/// Those of the GPT, else those of the MBR. An MBR does not tell its unit: it counts in the disk's logical sectors, as the
/// kernel does (block/partitions/msdos.c).
fn entries(file: &mut File, disk: &Path, sector: u32) -> Result<Vec<Entry>, DiskError> {
    let mut mbr = [0; 512];
    file.read_exact_at(&mut mbr, 0).map_err(DiskError::io("read", disk))?;
    if let Some((sector, table)) = table(file) {
        // A table counts in the sectors of the disk that it was made for.
        let used = (1..).zip(table).filter(|(_, entry)| entry.is_used() && entry.ending_lba >= entry.starting_lba);
        let each = used.map(|(number, entry)| {
            let bytes = (entry.ending_lba - entry.starting_lba).saturating_add(1).saturating_mul(sector);
            let is_root = entry.partition_type_guid == ROOT_X86_64.to_bytes_le();
            (number, entry.starting_lba.saturating_mul(sector), bytes, is_root)
        });
        return Ok(each.collect());
    }
    if mbr[510..] != [0x55, 0xaa] {
        return Ok(Vec::new());
    }
    let word = |at: usize| u64::from(u32::from_le_bytes([mbr[at], mbr[at + 1], mbr[at + 2], mbr[at + 3]]));
    let entry = |number: u32| {
        let at = MBR_ENTRIES + 16 * (number as usize - 1);
        (number, word(at + 8) * u64::from(sector), word(at + 12) * u64::from(sector), false)
    };
    Ok((1..=4).map(entry).filter(|(_, _, length, _)| *length > 0).collect())
}

/// The GPT's sector size and entries; none where there is none that can be believed, at the beginning or the end of the disk.
fn table(file: &mut File) -> Option<(u64, Vec<gptman::GPTPartitionEntry>)> {
    [512, 4096].into_iter().find_map(|sector| {
        let last = file.seek(SeekFrom::End(0)).ok()?.checked_div(sector)?.checked_sub(1)? * sector;
        [sector, last].into_iter().find_map(|at| {
            file.seek(SeekFrom::Start(at)).ok()?;
            let header = gptman::GPTHeader::read_from(file).ok().filter(|header| is_sound(header, sector))?;
            Some((sector, header.read_partitions(file, sector).ok()?))
        })
    })
}

/// Bounds that must hold before entries are read: whoever had the machine wrote the header, and a right checksum proves nothing.
fn is_sound(header: &gptman::GPTHeader, sector: u64) -> bool {
    let bytes = u64::from(header.number_of_partition_entries) * u64::from(ENTRY_BYTES);
    let end = header.partition_entry_lba.checked_mul(sector).and_then(|at| at.checked_add(bytes));
    header.size_of_partition_entry == ENTRY_BYTES
        && (1..=MAX_ENTRIES).contains(&header.number_of_partition_entries)
        && end.is_some_and(|end| i64::try_from(end).is_ok())
}

/// By the superblock's magic: ext2/3/4 (s_magic at 0x38 of the superblock at 1024), XFS (sb_magicnum at 0).
fn file_system(file: &File, offset: u64) -> Option<&'static str> {
    let mut start = [0; 2048];
    file.read_exact_at(&mut start, offset).ok()?;
    if start[1024 + 0x38..1024 + 0x3a] == [0x53, 0xef] {
        return Some("ext4");
    }
    (start[..4] == *b"XFSB").then_some("xfs")
}

/// Where each partition of the disk lies, in bytes: offset and length; none where there is no table. `sector` is the disk's
/// logical one.
///
/// # Errors
/// When the disk cannot be read.
pub(super) fn extents(disk: &Path, sector: u32) -> Result<Vec<(u64, u64)>, DiskError> {
    let mut file = File::open(disk).map_err(DiskError::io("open", disk))?;
    Ok(entries(&mut file, disk, sector)?.into_iter().map(|(_, offset, length, _)| (offset, length)).collect())
}

/// Has the kernel read the partition table of a device again. Nobody may hold the device exclusively.
///
/// # Errors
/// When a partition is in use.
pub fn read_again(disk: &Path) -> Result<(), DiskError> {
    let file = File::open(disk).map_err(DiskError::io("open", disk))?;
    crate::system::block::read_partitions(&file).map_err(DiskError::io("read the partition table of", disk))
}

/// The device of a partition: `vda1`, `nvme0n1p1`.
#[must_use]
pub fn device(disk: &Path, number: u32) -> PathBuf {
    let text = disk.display().to_string();
    let between = if text.ends_with(|last: char| last.is_ascii_digit()) { "p" } else { "" };
    format!("{text}{between}{number}").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn the_roots_partition_is_found_by_type_then_size() {
        let dir = tempfile::tempdir().unwrap();
        let disk = dir.path().join("disk");
        File::create(&disk).unwrap().set_len(64 << 20).unwrap();
        let script = "sgdisk -n 1:2048:+2M -t 1:ef00 -n 2:0:+24M -t 2:8300 -n 3:0:+8M -t 3:8304 \"$0\" >/dev/null \
            && mke2fs -q -t ext4 -F -E offset=3145728 \"$0\" 24M && mke2fs -q -t ext4 -F -E offset=28311552 \"$0\" 8M";
        assert!(Command::new("sh").args(["-c", script]).arg(&disk).status().unwrap().success());
        let found = root_candidates(&disk).unwrap();
        let told: Vec<_> = found.iter().map(|p| (p.number, p.offset, p.file_system)).collect();
        assert_eq!(told, [(3, 28_311_552, "ext4"), (2, 3_145_728, "ext4")]);
    }

    #[test]
    fn an_mbr_counts_in_the_sectors_of_its_disk() {
        let dir = tempfile::tempdir().unwrap();
        let disk = dir.path().join("disk");
        File::create(&disk).unwrap().set_len(16 << 20).unwrap();
        let script = "mke2fs -q -t ext4 -F -E offset=1048576 \"$0\" 8M";
        assert!(Command::new("sh").args(["-c", script]).arg(&disk).status().unwrap().success());
        // As `fdisk -b 4096` (util-linux 2.38) writes it: 2048 sectors of type 83h from sector 256 on.
        let entry = [0, 4, 5, 0, 0x83, 0x24, 0x24, 0, 0, 1, 0, 0, 0, 8, 0, 0];
        let file = File::options().write(true).open(&disk).unwrap();
        file.write_all_at(&entry, 446).unwrap();
        file.write_all_at(&[0x55, 0xaa], 510).unwrap();
        assert_eq!(extents(&disk, 4096).unwrap(), [(1 << 20, 8 << 20)]);
        assert_eq!(extents(&disk, 512).unwrap(), [(128 << 10, 1 << 20)]);
        let root = Partition { number: 1, offset: 1 << 20, length: 8 << 20, file_system: "ext4", is_root: false };
        assert_eq!(candidates(File::open(&disk).unwrap(), &disk, 4096).unwrap(), [root]);
        assert_eq!(root_candidates(&disk).unwrap(), [], "a file's are of 512");
    }

    #[test]
    fn a_partitions_device_has_the_kernels_name() {
        assert_eq!(device(Path::new("/dev/vda"), 3), Path::new("/dev/vda3"));
        assert_eq!(device(Path::new("/dev/nvme0n1"), 1), Path::new("/dev/nvme0n1p1"));
    }

    #[test]
    fn a_table_that_lies_is_none_and_ends_nothing() {
        use gptman::{GPT, GPTPartitionEntry};
        let dir = tempfile::tempdir().unwrap();
        let disk = dir.path().join("disk");
        type Lie = fn(&mut GPT);
        let lies: [(Lie, usize); 5] = [
            (|_| {}, 1),
            (|table| table.header.size_of_partition_entry = 256, 0),
            (|table| table.header.number_of_partition_entries = u32::MAX, 0),
            (|table| table.header.partition_entry_lba = u64::MAX / 256, 0),
            // It begins before the table itself: no reason to believe the others less.
            (|table| table[1].starting_lba = 0, 1),
        ];
        for (number, (lie, partitions)) in lies.into_iter().enumerate() {
            let mut file = File::options().read(true).write(true).create(true).truncate(true).open(&disk).unwrap();
            file.set_len(16 << 20).unwrap();
            let mut table = GPT::new_from(&mut file, 512, [1; 16]).unwrap();
            let (kind, id) = ([3; 16], [2; 16]);
            let entry = GPTPartitionEntry {
                partition_type_guid: kind,
                unique_partition_guid: id,
                starting_lba: 2048,
                ending_lba: 4095,
                ..GPTPartitionEntry::empty()
            };
            table[1] = entry;
            table.write_into(&mut file).unwrap();
            lie(&mut table);
            let header = &mut table.header;
            if number == 4 {
                let mut entries = vec![GPTPartitionEntry::empty(); 128];
                entries[0] = GPTPartitionEntry {
                    starting_lba: 0,
                    ..GPTPartitionEntry { partition_type_guid: kind, ..entries[0].clone() }
                };
                (entries[0].unique_partition_guid, entries[0].ending_lba) = (id, 4095);
                header.update_partition_entry_array_crc32(&entries);
            }
            for at in [1, header.backup_lba] {
                // UEFI 2.10, table 5.5; with its checksum right, as a liar's would be.
                let mut bytes = [0; 92];
                file.read_exact_at(&mut bytes, at * 512).unwrap();
                let mut of = header.clone();
                if at != 1 {
                    (of.primary_lba, of.backup_lba) = (header.backup_lba, header.primary_lba);
                }
                of.update_crc32_checksum();
                bytes[16..20].copy_from_slice(&of.crc32_checksum.to_le_bytes());
                bytes[72..80].copy_from_slice(&of.partition_entry_lba.to_le_bytes());
                bytes[80..84].copy_from_slice(&of.number_of_partition_entries.to_le_bytes());
                bytes[84..88].copy_from_slice(&of.size_of_partition_entry.to_le_bytes());
                bytes[88..92].copy_from_slice(&of.partition_entry_array_crc32.to_le_bytes());
                file.write_all_at(&bytes, at * 512).unwrap();
            }
            if number == 4 {
                file.write_all_at(&0_u64.to_le_bytes(), 2 * 512 + 32).unwrap();
            }
            assert_eq!(extents(&disk, 512).unwrap().len(), partitions, "{number}");
        }
    }

    #[test]
    fn a_disk_without_a_table_has_none() {
        let dir = tempfile::tempdir().unwrap();
        let disk = dir.path().join("disk");
        std::fs::write(&disk, vec![0; 1 << 20]).unwrap();
        assert_eq!(root_candidates(&disk).unwrap(), []);
    }
}
