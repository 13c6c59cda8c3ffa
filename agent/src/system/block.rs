//! Block devices: size, sector size, zeroing, partition table (linux/fs.h).
#![expect(unsafe_code, reason = "ioctl(2) has no safe form")]

use std::{fs::File, io, os::fd::AsRawFd};

nix::ioctl_read!(
    /// BLKGETSIZE64: size in bytes.
    block_size_64, 0x12, 114, u64
);
nix::ioctl_read_bad!(
    /// BLKSSZGET: logical sector size in bytes.
    block_sector_size, nix::request_code_none!(0x12, 104), i32
);
nix::ioctl_write_ptr_bad!(
    /// BLKZEROOUT: zero a range of bytes.
    block_zero_out, nix::request_code_none!(0x12, 127), [u64; 2]
);
nix::ioctl_none!(
    /// BLKRRPART: read the partition table again.
    block_read_partitions, 0x12, 95
);

/// Size in bytes.
///
/// # Errors
/// When `device` is no block device.
pub fn size(device: &File) -> io::Result<u64> {
    let mut bytes = 0u64;
    // SAFETY: the descriptor is open while `device` is borrowed, and the kernel writes one u64 where `bytes` lives.
    unsafe { block_size_64(device.as_raw_fd(), &raw mut bytes) }?;
    Ok(bytes)
}

/// Logical sector size in bytes.
///
/// # Errors
/// When `device` is no block device.
pub fn sector_size(device: &File) -> io::Result<u32> {
    let mut bytes = 0i32;
    // SAFETY: the descriptor is open while `device` is borrowed, and the kernel writes one int where `bytes` lives.
    unsafe { block_sector_size(device.as_raw_fd(), &raw mut bytes) }?;
    u32::try_from(bytes).map_err(|_| io::Error::other("the kernel tells a negative sector size"))
}

/// Zeroes a range; both numbers are bytes and multiples of the sector size. Afterwards the range reads as zeros.
///
/// # Errors
/// When the device refuses.
pub fn zero(device: &File, offset: u64, length: u64) -> io::Result<()> {
    let range = [offset, length];
    // SAFETY: the descriptor is open while `device` is borrowed, and the kernel reads two u64 from `range`.
    unsafe { block_zero_out(device.as_raw_fd(), &raw const range) }?;
    Ok(())
}

/// Has the kernel read the partition table again.
///
/// # Errors
/// EBUSY while a partition is in use.
pub fn read_partitions(device: &File) -> io::Result<()> {
    // SAFETY: the descriptor is open while `device` is borrowed; the call takes no pointer.
    unsafe { block_read_partitions(device.as_raw_fd()) }?;
    Ok(())
}
