//! Zeros by the kernel (BLKZEROOUT, linux/fs.h): a device's own command where it has one, else written. Never by a
//! discard alone, after which a disk may still answer what was there (SBC-4 §4.7.4): the kernel takes one for zeros
//! only where the device promises that.

use super::{device::Device, ranges::pieces};
use crate::disk::DiskError;

/// Zeroes the ranges, and flushes; `progress` is told the bytes so far.
pub(super) fn run(device: &dyn Device, ranges: &[(u64, u64)], progress: &mut dyn FnMut(u64)) -> Result<(), DiskError> {
    let mut done = 0;
    for (offset, length) in pieces(ranges) {
        device.zero_out(offset, length)?;
        done += length;
        progress(done);
    }
    device.flush()
}
