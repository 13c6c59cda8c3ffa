//! Erasing a disk, and bearing it out by reading back.
//!
//! Invariants: what is erased was recorded at inspection ([`recorded`]); a wipe that ends well was read back, both ends and
//! samples in between.

mod recorded;

pub use recorded::recorded;

use super::{DiskError, MIB, TargetDisk, buffer::Buffer, partition};
use rand::{Rng, SeedableRng, rngs::StdRng};

/// Zeroed in one go: between two pieces progress is told.
const PIECE: u64 = 64 * MIB;
/// At both ends of the disk and of each partition: every table, and the signatures of file systems, RAID and LVM.
const METADATA: u64 = 16 * MIB;
/// Read back in one go.
const SAMPLE: u64 = 64 << 10;
/// Samples between the ends.
const SAMPLES: u32 = 256;

/// How thoroughly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Everything.
    Full,
    /// Partition tables and signatures.
    Metadata,
}

/// A disk that was erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wiped {
    /// `write-zeroes`, `overwrite` or `metadata`.
    pub method: &'static str,
    /// Erased.
    pub bytes: u64,
    /// Pieces read back and found zero.
    pub read_back: u32,
}

/// Erases the disk, and reads back; may be done again. `seed` chooses what is read back; `progress` is told the bytes that
/// were erased so far.
///
/// Ranges are zeroed by the kernel (BLKZEROOUT, linux/fs.h: a device's own command where it has one), never by a discard
/// alone, after which a disk may still answer what was there (SBC-4 §4.7.4); where the kernel refuses, they are overwritten.
///
/// # Errors
/// When the disk refuses, or reads back as something else than zeros.
pub fn wipe(disk: &TargetDisk, method: Method, seed: u64, progress: &mut dyn FnMut(u64)) -> Result<Wiped, DiskError> {
    let ranges = match method {
        Method::Full => vec![(0, disk.size())],
        Method::Metadata => metadata(disk)?,
    };
    let (mut bytes, mut by_kernel) = (0, true);
    for (offset, length) in &ranges {
        let (mut at, end) = (*offset, offset + length);
        while at < end {
            let piece = PIECE.min(end - at);
            by_kernel &= disk.zero(at, piece)?;
            at += piece;
            bytes += piece;
            progress(bytes);
        }
    }
    disk.flush()?;
    let read_back = read_back(disk, &ranges, seed)?;
    let method = match method {
        Method::Metadata => "metadata",
        Method::Full if by_kernel => "write-zeroes",
        Method::Full => "overwrite",
    };
    Ok(Wiped { method, bytes, read_back })
}

/// Both ends of the disk and of its partitions, apart from each other and within the disk.
fn metadata(disk: &TargetDisk) -> Result<Vec<(u64, u64)>, DiskError> {
    let sector = u64::from(disk.sector()).max(512);
    let mut ends = Vec::new();
    for (offset, length) in std::iter::once((0, disk.size())).chain(partition::extents(disk.path(), disk.sector())?) {
        let (start, end) = (offset.min(disk.size()), offset.saturating_add(length).min(disk.size()));
        ends.push((start, start.saturating_add(METADATA).min(end)));
        ends.push((end.saturating_sub(METADATA).max(start), end));
    }
    // Whole sectors, even of a table that lies.
    let aligned = ends.into_iter().map(|(start, end)| (start / sector * sector, end.div_ceil(sector) * sector));
    let mut ranges: Vec<(u64, u64)> = aligned.map(|(start, end)| (start, end.min(disk.size()))).collect();
    ranges.sort_unstable();
    let mut apart: Vec<(u64, u64)> = Vec::new();
    for (start, end) in ranges {
        match apart.last_mut() {
            Some((_, last)) if start <= *last => *last = end.max(*last),
            _ => apart.push((start, end)),
        }
    }
    Ok(apart.into_iter().map(|(start, end)| (start, end - start)).filter(|(_, length)| *length > 0).collect())
}

/// Both ends of each range, and samples in between.
fn read_back(disk: &TargetDisk, ranges: &[(u64, u64)], seed: u64) -> Result<u32, DiskError> {
    let mut random = StdRng::seed_from_u64(seed);
    let total: u64 = ranges.iter().map(|(_, length)| length).sum();
    let mut count = 0;
    for (offset, length) in ranges {
        // To the very last sector, where the backup of a partition table is; ranges are whole sectors.
        let (pieces, last) = (length / SAMPLE, offset + length.saturating_sub(SAMPLE));
        let share = u128::from(SAMPLES) * u128::from(*length) / u128::from(total.max(1));
        let mut places = vec![*offset, last];
        if pieces > 2 {
            places.extend((0..share).map(|_| offset + random.random_range(1..pieces - 1) * SAMPLE));
        }
        for at in places {
            is_zero(disk, at, SAMPLE.min(offset + length - at))?;
            count += 1;
        }
    }
    Ok(count)
}

fn is_zero(disk: &TargetDisk, offset: u64, length: u64) -> Result<(), DiskError> {
    let mut buffer = Buffer::zeroed(usize::try_from(length).unwrap_or(0));
    buffer.as_mut_slice().fill(0xff);
    disk.read(offset, buffer.as_mut_slice())?;
    if buffer.as_slice().iter().all(|byte| *byte == 0) {
        return Ok(());
    }
    Err(DiskError::ReadBack { disk: disk.name(), what: format!("{length} bytes at {offset}, which were erased,") })
}

#[cfg(test)]
mod tests;
