//! Over files in disks' place, with partition tables by sgdisk; and over disks made up in memory.

mod drives;

use super::*;
use crate::disk::{MIB, TargetDisk};
use billet_proto::link::Disk;
use rand::SeedableRng;
use std::{
    path::{Path, PathBuf},
    process::Command,
};

fn random() -> StdRng {
    StdRng::seed_from_u64(1)
}

fn file(dir: &Path, mib: u64) -> PathBuf {
    let path = dir.join("disk");
    std::fs::write(&path, vec![0x5a; usize::try_from(mib * MIB).unwrap()]).unwrap();
    path
}

fn wiped(path: &Path, extent: Extent, progress: &mut dyn FnMut(u64)) -> Wiped {
    let held = Held::all(vec![Disk::default()], |_| path.to_owned(), extent).unwrap().remove(0);
    held.wipe(&Erase { extent, allowed: &[] }, &mut random(), progress).unwrap()
}

#[test]
fn a_full_wipe_leaves_nothing_and_tells_what_was_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), 150);
    let mut told = Vec::new();
    let wiped = wiped(&path, Extent::Full, &mut |bytes| told.push(bytes));
    assert!(std::fs::read(&path).unwrap().iter().all(|byte| *byte == 0));
    assert_eq!((wiped.method, wiped.bytes()), ("overwrite", 150 * MIB), "no kernel zeroes a file");
    assert!(wiped.refused[0].starts_with("write-zeroes: "), "{:?}", wiped.refused);
    assert!(wiped.read_back >= samples::SAMPLES, "{}", wiped.read_back);
    assert_eq!(told, [64 * MIB, 128 * MIB, 150 * MIB]);
}

#[test]
fn metadata_are_both_ends_of_the_disk_and_of_each_partition() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), 300);
    let made = Command::new("sgdisk").args(["-Z", "-n", "1:+100M:+90M"]).arg(&path).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let wiped = wiped(&path, Extent::Metadata, &mut |_| {});
    assert_eq!(wiped.method, "metadata");
    assert_eq!(wiped.ranges.len(), 4, "{:?}", wiped.ranges);
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
    wiped(&path, Extent::Metadata, &mut |_| {});
    let bytes = std::fs::read(&path).unwrap();
    for (mib, erased) in [(0, true), (101, true), (150, false), (189, true), (299, true)] {
        assert_eq!(bytes[mib << 20] == 0, erased, "MiB {mib}");
    }
}

#[test]
fn a_byte_that_stayed_is_found_at_both_ends() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("disk");
    let mib = usize::try_from(MIB).unwrap();
    // The second is of whole sectors of 512 bytes, and not of 4096.
    for length in [8 << 20, (8 << 20) - 512] {
        for at in [0, mib - 1, length - mib, length - 1] {
            let mut bytes = vec![0; length];
            bytes[at] = 1;
            std::fs::write(&path, &bytes).unwrap();
            let disk = TargetDisk::open(&path).unwrap();
            let error = Samples::draw(&[(0, length as u64)], &mut random()).are_zero(&disk).unwrap_err();
            assert_eq!(error.cause(), "disk_read_back", "{at} of {length}");
        }
    }
}

#[test]
fn a_disk_that_is_smaller_than_any_piece_is_erased_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("disk");
    for extent in [Extent::Metadata, Extent::Full] {
        std::fs::write(&path, vec![1; 512]).unwrap();
        wiped(&path, extent, &mut |_| {});
        assert_eq!(std::fs::read(&path).unwrap(), vec![0; 512]);
    }
}

#[test]
fn samples_lie_within_the_ranges_and_elsewhere_each_time() {
    let ranges = [(0, 16 * MIB), (100 * MIB, 48 * MIB)];
    let (mut one, mut other) = (random(), StdRng::seed_from_u64(2));
    let first = Samples::draw(&ranges, &mut one);
    assert_eq!(first.count(), 4 + samples::SAMPLES);
    assert_eq!(first.digest(), Samples::draw(&ranges, &mut random()).digest());
    for another in [Samples::draw(&ranges, &mut one), Samples::draw(&ranges, &mut other)] {
        assert_ne!(first.digest(), another.digest());
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("disk");
    let sparse = std::fs::File::create(&path).unwrap();
    sparse.set_len(200 * MIB).unwrap();
    first.are_zero(&TargetDisk::open(&path).unwrap()).unwrap();
}
