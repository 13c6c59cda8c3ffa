//! Over files in disks' place, with partition tables by sgdisk.

use super::*;
use std::{path::PathBuf, process::Command};

fn file(dir: &std::path::Path, mib: u64) -> PathBuf {
    let path = dir.join("disk");
    std::fs::write(&path, vec![0x5a; usize::try_from(mib * MIB).unwrap()]).unwrap();
    path
}

#[test]
fn a_full_wipe_leaves_nothing_and_tells_what_was_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), 150);
    let mut told = Vec::new();
    let wiped = wipe(&TargetDisk::open(&path).unwrap(), Method::Full, 1, &mut |bytes| told.push(bytes)).unwrap();
    assert!(std::fs::read(&path).unwrap().iter().all(|byte| *byte == 0));
    assert_eq!((wiped.method, wiped.bytes), ("overwrite", 150 * MIB), "no kernel zeroes a file");
    assert!(wiped.read_back >= SAMPLES, "{}", wiped.read_back);
    assert_eq!(told, [64 * MIB, 128 * MIB, 150 * MIB]);
}

#[test]
fn metadata_are_both_ends_of_the_disk_and_of_each_partition() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), 300);
    let made = Command::new("sgdisk").args(["-Z", "-n", "1:+100M:+90M"]).arg(&path).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let wiped = wipe(&TargetDisk::open(&path).unwrap(), Method::Metadata, 1, &mut |_| {}).unwrap();
    assert_eq!(wiped.method, "metadata");
    let bytes = std::fs::read(&path).unwrap();
    let at = |mib: usize| bytes[mib << 20];
    for (mib, erased) in
        [(0, true), (15, true), (50, false), (102, true), (150, false), (188, true), (230, false), (299, true)]
    {
        assert_eq!(at(mib) == 0, erased, "MiB {mib}");
    }
    let shown = Command::new("sgdisk").arg("-p").arg(&path).output().unwrap();
    assert!(String::from_utf8_lossy(&shown.stdout).contains("Creating new GPT"), "no table is left");
}

#[test]
fn partitions_of_a_disk_with_large_sectors_are_found_where_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), 300);
    let mut disk = std::fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let mut table = gptman::GPT::new_from(&mut disk, 4096, [7; 16]).unwrap();
    table[1] = gptman::GPTPartitionEntry {
        partition_type_guid: [1; 16],
        unique_partition_guid: [2; 16],
        starting_lba: 100 * MIB / 4096,
        ending_lba: 190 * MIB / 4096 - 1,
        attribute_bits: 0,
        partition_name: "data".into(),
    };
    table.write_into(&mut disk).unwrap();
    drop(disk);
    wipe(&TargetDisk::open(&path).unwrap(), Method::Metadata, 1, &mut |_| {}).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    for (mib, erased) in [(0, true), (101, true), (150, false), (189, true), (299, true)] {
        assert_eq!(bytes[mib << 20] == 0, erased, "MiB {mib}");
    }
}

#[test]
fn a_byte_that_stayed_is_found_at_both_ends() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("disk");
    // The second is of whole sectors of 512 bytes, and not of 4096.
    for length in [8 << 20, (8 << 20) - 512] {
        for at in [0, length - 1] {
            let mut bytes = vec![0; length];
            bytes[at] = 1;
            std::fs::write(&path, &bytes).unwrap();
            let disk = TargetDisk::open(&path).unwrap();
            let error = read_back(&disk, &[(0, length as u64)], 1).unwrap_err();
            assert_eq!(error.cause(), "disk_read_back");
        }
    }
}

#[test]
fn a_disk_that_is_smaller_than_any_piece_is_erased_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("disk");
    std::fs::write(&path, vec![1; 512]).unwrap();
    for method in [Method::Metadata, Method::Full] {
        std::fs::write(&path, vec![1; 512]).unwrap();
        wipe(&TargetDisk::open(&path).unwrap(), method, 1, &mut |_| {}).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), vec![0; 512]);
    }
}
