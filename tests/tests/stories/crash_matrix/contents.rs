//! The right bytes: what of an image must be on the disk after its system ran, looked at from outside by e2fsprogs.
//!
//! A system that runs writes to its disk, so that whole disks cannot be compared. But no block may hold what was there
//! before, boot loaders are as they were, and of the files of the system's own (`/usr`, `/boot`) every byte is.

use crate::disk;
use anyhow::{Context, Result, ensure};
use std::{
    fs::{self, File, OpenOptions},
    io::{Read, Write},
    ops::Range,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Of the image's file system.
const BLOCK: usize = 4096;
/// Read or written in one go.
const PIECE: usize = 4 << 20;
/// More differ only where something is wrong: each is looked up.
const MAX_DIFFERENT: usize = 20_000;
/// Boot code of the first sector; behind it is what belongs to the disk.
const BOOT_CODE: u64 = 440;
/// Of which no byte changes when the system runs.
const KEPT: [&str; 2] = ["/usr/", "/boot/"];

/// An image, and the disk that it is written to.
pub struct Contents {
    image: PathBuf,
    disk: PathBuf,
    /// What a block of the disk has before an installation.
    foul: Vec<u8>,
    /// BIOS's boot loader, UEFI's, and the root file system.
    partitions: Vec<Range<u64>>,
}

impl Contents {
    pub fn of_image(image: &Path, disk: &Path) -> Self {
        let foul = b"what nobody but its owner may read; ".iter().copied().cycle().take(BLOCK).collect();
        let partitions = disk::partitions(image);
        assert_eq!(partitions.len(), 3, "{}: {partitions:?}", image.display());
        Self { image: image.to_owned(), disk: disk.to_owned(), foul, partitions }
    }

    /// Fills as much of the disk as the image has, so that what is not written shows.
    pub fn foul(&self) -> Result<()> {
        let mut disk = OpenOptions::new().write(true).open(&self.disk).context("open the disk")?;
        let piece = self.foul.repeat(PIECE / BLOCK);
        let bytes = fs::metadata(&self.image).context("look at the image")?.len();
        for _ in 0..bytes.div_ceil(PIECE as u64) {
            disk.write_all(&piece).context("fill the disk")?;
        }
        Ok(())
    }

    /// Whether the disk of a server that is off has what it should.
    pub fn check(&self) -> Result<()> {
        for (what, range) in [
            ("boot code", 0..BOOT_CODE),
            ("BIOS boot", self.partitions[0].clone()),
            ("UEFI", self.partitions[1].clone()),
        ] {
            ensure!(disk::is_same_in(&self.image, &self.disk, range), "{what}: the disk is not the image");
        }
        let different = self.different()?;
        ensure!(different.len() < MAX_DIFFERENT, "{} blocks of the disk are not the image's", different.len());
        let changed = self.files_with(&different)?;
        let wrong: Vec<&String> =
            changed.iter().filter(|path| KEPT.iter().any(|kept| path.starts_with(kept))).take(8).collect();
        ensure!(wrong.is_empty(), "files of the system differ: {wrong:?}");
        Ok(())
    }

    /// Blocks of the root file system that are not as in the image. None of the whole image is as it was before.
    fn different(&self) -> Result<Vec<u64>> {
        let image = File::open(&self.image).context("open the image")?;
        let disk = File::open(&self.disk).context("open the disk")?;
        let root = &self.partitions[2];
        let (mut one, mut other) = (Vec::with_capacity(PIECE), Vec::with_capacity(PIECE));
        let (mut at, mut different) = (0, Vec::new());
        let (mut image, mut disk) = (image.take(u64::MAX), disk.take(u64::MAX));
        loop {
            one.clear();
            other.clear();
            let read = (&mut image).take(PIECE as u64).read_to_end(&mut one).context("read the image")?;
            (&mut disk).take(read as u64).read_to_end(&mut other).context("read the disk")?;
            ensure!(one.len() == other.len(), "the disk ends at {} bytes", at + other.len() as u64);
            if read == 0 {
                return Ok(different);
            }
            for (number, block) in other.chunks(BLOCK).enumerate() {
                let offset = at + (number * BLOCK) as u64;
                ensure!(block != &self.foul[..block.len()], "byte {offset} of the disk was not written");
                let is_same = block == &one[number * BLOCK..][..block.len()];
                if !is_same && root.contains(&offset) {
                    different.push((offset - root.start) / BLOCK as u64);
                }
            }
            at += read as u64;
        }
    }

    /// Paths of the image's files that have a byte in one of these blocks.
    fn files_with(&self, blocks: &[u64]) -> Result<Vec<String>> {
        // "block<TAB>inode", and "inode<TAB>path"; a heading and a line for each block that is nobody's go before.
        let owners = self.look_up("icheck", blocks)?;
        let mut inodes: Vec<u64> = owners.into_iter().filter_map(|(_, owner)| owner.parse().ok()).collect();
        inodes.sort_unstable();
        inodes.dedup();
        Ok(self.look_up("ncheck", &inodes)?.into_iter().map(|(_, path)| path).collect())
    }

    fn look_up(&self, how: &str, numbers: &[u64]) -> Result<Vec<(u64, String)>> {
        let mut asked = String::new();
        for some in numbers.chunks(200) {
            asked.push_str(how);
            some.iter().for_each(|number| asked.push_str(&format!(" {number}")));
            asked.push('\n');
        }
        let mut debugfs = Command::new("debugfs");
        debugfs.args(["-f", "-"]).arg(format!("{}?offset={}", self.image.display(), self.partitions[2].start));
        let mut debugfs = debugfs
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("run debugfs (package e2fsprogs)")?;
        let mut input = debugfs.stdin.take().context("debugfs has an input")?;
        let writing = std::thread::spawn(move || input.write_all(asked.as_bytes()));
        let output = debugfs.wait_with_output().context("run debugfs")?;
        let written = writing.join();
        ensure!(output.status.success() && written.is_ok_and(|written| written.is_ok()), "debugfs {how}");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let rows = text.lines().filter_map(|line| line.split_once('\t'));
        Ok(rows.filter_map(|(number, rest)| Some((number.parse().ok()?, rest.to_owned()))).collect())
    }
}
