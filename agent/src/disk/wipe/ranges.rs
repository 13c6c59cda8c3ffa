//! What of a disk is erased.

use crate::disk::{DiskError, MIB, TargetDisk, partition};

/// Zeroed in one go: between two pieces progress is told.
const PIECE: u64 = 64 * MIB;
/// At both ends of the disk and of each partition: every table, and the signatures of file systems, RAID and LVM.
const METADATA: u64 = 16 * MIB;

/// The ranges in pieces that take a moment each.
pub(super) fn pieces(ranges: &[(u64, u64)]) -> impl Iterator<Item = (u64, u64)> {
    ranges.iter().flat_map(|(offset, length)| {
        let step = usize::try_from(PIECE).expect("a few MiB");
        (0..*length).step_by(step).map(move |at| (offset + at, PIECE.min(length - at)))
    })
}

/// Both ends of the disk and of its partitions, apart from each other and within the disk; whole sectors.
pub(super) fn metadata(disk: &TargetDisk) -> Result<Vec<(u64, u64)>, DiskError> {
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
