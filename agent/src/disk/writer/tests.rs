use super::*;
use std::{collections::VecDeque, path::Path, process::Command};

struct Queue(VecDeque<(u32, Vec<u8>)>);

impl Frames for Queue {
    fn next(&mut self) -> Option<(u32, Vec<u8>)> {
        self.0.pop_front()
    }
}

/// The manifest and frames of an image, as the controller makes them.
fn canonical(image: &[u8]) -> (Manifest, Queue) {
    let (mut chunks, mut frames, mut offset) = (Vec::new(), VecDeque::new(), 0);
    for (index, chunk) in image.chunks(size(CHUNK_BYTES)).enumerate() {
        if chunk.iter().all(|byte| *byte == 0) {
            chunks.push(ChunkEntry::Zero);
            continue;
        }
        let frame = zstd::bulk::compress(chunk, 1).unwrap();
        let length = u32::try_from(frame.len()).unwrap();
        chunks.push(ChunkEntry::Data { digest: Digest::of(chunk), offset, length });
        offset += u64::from(length);
        frames.push_back((u32::try_from(index).unwrap(), frame));
    }
    let size_bytes = image.len() as u64;
    let manifest = Manifest { version: 1, size_bytes, os_type: "Linux".into(), sha256: "00".repeat(32), chunks };
    (manifest, Queue(frames))
}

/// A disk full of something old.
fn disk(dir: &Path, bytes: u64) -> TargetDisk {
    let path = dir.join("disk");
    std::fs::write(&path, vec![0x5a; size(bytes)]).unwrap();
    TargetDisk::open(&path).unwrap()
}

fn image(bytes: usize) -> Vec<u8> {
    let mut image: Vec<u8> = (0..bytes).map(|at| u8::try_from(at / 509 % 251).unwrap() + 1).collect();
    // A hole of two chunks.
    let hole = size(CHUNK_BYTES);
    if image.len() > 4 * hole {
        image[hole..3 * hole].fill(0);
    }
    image
}

/// An image with a GPT by sfdisk: an ESP and a Linux partition.
fn partitioned(dir: &Path, mib: u64) -> Vec<u8> {
    let path = dir.join("image");
    std::fs::write(&path, vec![0; size(mib * MIB)]).unwrap();
    let script = "sgdisk -n 1:2048:+1M -t 1:ef00 -n 2:0:0 -t 2:8300 \"$0\" >/dev/null";
    assert!(Command::new("sh").args(["-c", script]).arg(&path).status().unwrap().success());
    std::fs::read(path).unwrap()
}

#[test]
fn the_disk_holds_the_image_and_zeros_where_the_image_has_zeros() {
    let dir = tempfile::tempdir().unwrap();
    let image = image(5 * size(CHUNK_BYTES) + 512);
    let disk = disk(dir.path(), 40 * MIB);
    let (manifest, mut frames) = canonical(&image);
    let mut told = Vec::new();
    let written = write(&disk, &manifest, &mut frames, 7, &mut |bytes| told.push(bytes)).unwrap();
    let after = std::fs::read(disk.path()).unwrap();
    assert!(after[..image.len()] == image[..]);
    assert_eq!(told.last(), Some(&manifest.size_bytes));
    assert_eq!(written.read_back, 3);
    assert!(written.table.contains("no GPT"));
}

#[test]
fn a_corrupt_chunk_is_never_written_and_the_disk_cannot_boot() {
    let dir = tempfile::tempdir().unwrap();
    let image = image(5 * size(CHUNK_BYTES));
    let disk = disk(dir.path(), 40 * MIB);
    let (manifest, mut frames) = canonical(&image);
    let mut other = image[3 * size(CHUNK_BYTES)..4 * size(CHUNK_BYTES)].to_vec();
    other[9] ^= 1;
    frames.0[1].1 = zstd::bulk::compress(&other, 1).unwrap();
    let error = write(&disk, &manifest, &mut frames, 7, &mut |_| {}).unwrap_err();
    assert!(matches!(error, DiskError::ChunkCorrupt { index: 3, .. }), "{error}");
    let after = std::fs::read(disk.path()).unwrap();
    assert!(after[..size(MIB)].iter().all(|byte| *byte == 0), "the first MiB is not there");
    assert!(after[size(39 * MIB)..].iter().all(|byte| *byte == 0), "nor is the old backup table");
    let place = 3 * size(CHUNK_BYTES)..4 * size(CHUNK_BYTES);
    assert!(after[place].iter().all(|byte| *byte == 0x5a), "not a byte of the chunk was written");
}

#[test]
fn a_frame_that_grows_beyond_its_chunk_or_comes_out_of_turn_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let disk = disk(dir.path(), 40 * MIB);
    let (manifest, _) = canonical(&image(2 * size(CHUNK_BYTES)));
    let bomb = zstd::bulk::compress(&vec![1; size(16 * MIB)], 1).unwrap();
    for (frames, part) in [(vec![(0, bomb)], "does not decode"), (vec![(1, vec![])], "chunk 1 came in its place")] {
        let error = write(&disk, &manifest, &mut Queue(frames.into()), 7, &mut |_| {}).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
    let error = write(&disk, &manifest, &mut Queue(VecDeque::new()), 7, &mut |_| {}).unwrap_err();
    assert_eq!(error, DiskError::Ended { at: 0, total: 2 });
}

#[test]
fn the_partition_table_fits_the_disk_and_the_last_partition_has_grown() {
    let dir = tempfile::tempdir().unwrap();
    let image = partitioned(dir.path(), 16);
    let disk = disk(dir.path(), 64 * MIB);
    let (manifest, mut frames) = canonical(&image);
    let written = write(&disk, &manifest, &mut frames, 7, &mut |_| {}).unwrap();
    assert!(written.table.contains("grown"), "{}", written.table);
    // The independent peer.
    let verified = Command::new("sgdisk").arg("-v").arg(disk.path()).output().unwrap();
    let text = String::from_utf8(verified.stdout).unwrap();
    assert!(text.contains("No problems found"), "{text}");
    let shown = Command::new("sgdisk").args(["-i", "2"]).arg(disk.path()).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    let last = 64 * MIB / 512 - 34;
    assert!(shown.contains(&format!("Last sector: {last}")), "{shown}");
    let before = Command::new("sgdisk").args(["-i", "2"]).arg(dir.path().join("image")).output().unwrap();
    let id = |text: &str| text.lines().find(|line| line.contains("unique GUID")).map(str::to_owned);
    assert_eq!(id(&shown), id(&String::from_utf8(before.stdout).unwrap()));
}

#[test]
fn a_disk_that_is_too_small_is_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    let disk = disk(dir.path(), 8 * MIB);
    let (manifest, mut frames) = canonical(&image(size(8 * MIB)));
    let error = write(&disk, &manifest, &mut frames, 7, &mut |_| {}).unwrap_err();
    assert_eq!(error.cause(), "disk_too_small");
    assert!(std::fs::read(disk.path()).unwrap().iter().all(|byte| *byte == 0x5a));
}
