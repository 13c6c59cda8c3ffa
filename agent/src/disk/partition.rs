//! Partitions of a written disk, and which may hold the root file system.

use super::DiskError;
use crate::system::block;
use std::{
    fs::File,
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
    if let Ok(table) = gptman::GPT::find_from(file) {
        // A table counts in the sectors of the disk that it was made for.
        let sector = table.sector_size;
        let used = table.iter().filter(|(_, entry)| entry.is_used() && entry.ending_lba >= entry.starting_lba);
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
    fn a_disk_without_a_table_has_none() {
        let dir = tempfile::tempdir().unwrap();
        let disk = dir.path().join("disk");
        std::fs::write(&disk, vec![0; 1 << 20]).unwrap();
        assert_eq!(root_candidates(&disk).unwrap(), []);
    }
}
