//! What is on a disk's file, by programs that share no code with what wrote it.

use std::{
    fs::{self, File},
    io::{Read, Seek, SeekFrom},
    ops::Range,
    path::{Path, PathBuf},
    process::Command,
};

/// Read in one go.
const PIECE: usize = 4 << 20;

/// Whether every byte is zero.
pub fn is_zero(disk: &Path) -> bool {
    is_zero_in(disk, 0..fs::metadata(disk).unwrap().len())
}

/// Whether every byte of the range is zero.
pub fn is_zero_in(disk: &Path, range: Range<u64>) -> bool {
    let mut file = File::open(disk).unwrap();
    file.seek(SeekFrom::Start(range.start)).unwrap();
    let mut rest = file.take(range.end - range.start);
    let (mut buffer, zeros) = (vec![0; PIECE], vec![0; PIECE]);
    loop {
        match rest.read(&mut buffer).unwrap() {
            0 => return rest.limit() == 0,
            read if buffer[..read] != zeros[..read] => return false,
            _ => {}
        }
    }
}

/// Makes a disk of that size, or fills one that is there, with what is nowhere else.
pub fn fill(disk: &Path, bytes: u64) {
    let text = b"what nobody but its owner may read; ";
    let bytes = usize::try_from(bytes).unwrap();
    fs::write(disk, text.iter().copied().cycle().take(bytes).collect::<Vec<u8>>()).unwrap();
}

/// Copies a disk as it is now; answers where to.
pub fn copy(disk: &Path) -> PathBuf {
    let to = disk.with_extension("copy");
    let copied = Command::new("cp").arg("--sparse=always").args([disk, &to]).status().unwrap();
    assert!(copied.success(), "copy {}: {copied}", disk.display());
    to
}

/// Whether both are the same, byte for byte.
pub fn is_same(one: &Path, other: &Path) -> bool {
    is_same_in(one, other, 0..fs::metadata(one).unwrap().len().max(fs::metadata(other).unwrap().len()))
}

/// Whether both are the same in the range, byte for byte.
pub fn is_same_in(one: &Path, other: &Path, range: Range<u64>) -> bool {
    let length = range.end - range.start;
    let compared = Command::new("cmp")
        .args(["-s", "-i", &range.start.to_string(), "-n", &length.to_string()])
        .args([one, other])
        .status();
    compared.unwrap().success()
}

/// Where its partitions are, in bytes, as gdisk reads the table; none where there is no table.
pub fn partitions(disk: &Path) -> Vec<Range<u64>> {
    let listed = Command::new("sgdisk").arg("-p").arg(disk).output().unwrap();
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    let rows = text.lines().skip_while(|line| !line.starts_with("Number")).skip(1);
    let number = |word: Option<&str>| word.unwrap().parse::<u64>().unwrap();
    let range = |row: &str| {
        let mut words = row.split_whitespace().skip(1);
        let (first, last) = (number(words.next()), number(words.next()));
        first * 512..(last + 1) * 512
    };
    rows.map(range).collect()
}

/// What libblkid finds there: a file system, a partition table; empty where it finds nothing.
pub fn signature(disk: &Path, offset: u64) -> String {
    let found = Command::new("blkid").args(["-p", "-O", &offset.to_string()]).arg(disk).output().unwrap();
    String::from_utf8_lossy(&found.stdout).into_owned()
}
