//! Zeros that are written, past the page cache where the disk can be opened so: the last resort, which every disk
//! takes.

use super::{device::Device, ranges::pieces};
use crate::disk::{DiskError, MIB, buffer::Buffer};

/// Written in one go.
const WRITE: u64 = 4 * MIB;

/// Overwrites the ranges, and flushes; `progress` is told the bytes so far.
pub(super) fn run(device: &dyn Device, ranges: &[(u64, u64)], progress: &mut dyn FnMut(u64)) -> Result<(), DiskError> {
    let zeros = Buffer::zeroed(usize::try_from(WRITE).expect("a few MiB"));
    let mut done = 0;
    for (offset, length) in pieces(ranges) {
        let mut at = 0;
        while at < length {
            let write = WRITE.min(length - at);
            let bytes = &zeros.as_slice()[..usize::try_from(write).expect("not more than the buffer has")];
            device.write(offset + at, bytes)?;
            at += write;
        }
        done += length;
        progress(done);
    }
    device.flush()
}
