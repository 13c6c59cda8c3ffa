//! A disk that is written to: past the page cache where it can be.

use super::{DiskError, buffer::Buffer};
use crate::system::block;
use std::{
    fs::{File, OpenOptions},
    os::unix::fs::{FileExt, FileTypeExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// Zeros are written in such pieces where the kernel cannot zero.
const PIECE: usize = 1 << 20;

/// An open disk, or a file in its place.
#[derive(Debug)]
pub struct TargetDisk {
    file: File,
    path: PathBuf,
    is_device: bool,
    size: u64,
    sector: u32,
}

impl TargetDisk {
    /// Opens a disk for writing; nothing is written. A block device is opened exclusively: one in use is refused.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: &Path) -> Result<Self, DiskError> {
        let failed = || DiskError::io("open", path);
        let is_device = std::fs::metadata(path).map_err(failed())?.file_type().is_block_device();
        let exclusive = if is_device { nix::libc::O_EXCL } else { 0 };
        let open = |flags: i32| OpenOptions::new().read(true).write(true).custom_flags(flags | exclusive).open(path);
        let file = match open(nix::libc::O_DIRECT) {
            // A file system without O_DIRECT (tmpfs); every write is followed by fsync in any case.
            Err(error) if error.raw_os_error() == Some(nix::libc::EINVAL) => open(0).map_err(failed())?,
            opened => opened.map_err(failed())?,
        };
        let (size, sector) = if is_device {
            (block::size(&file).map_err(failed())?, block::sector_size(&file).map_err(failed())?)
        } else {
            (file.metadata().map_err(failed())?.len(), 512)
        };
        Ok(Self { file, path: path.to_owned(), is_device, size, sector })
    }

    /// In bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Of a logical sector, in bytes.
    #[must_use]
    pub fn sector(&self) -> u32 {
        self.sector
    }

    /// Its kernel name.
    #[must_use]
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// In bytes, as the kernel has it now.
    pub(super) fn present_size(&self) -> Result<u64, DiskError> {
        if self.is_device {
            block::size(&self.file).map_err(DiskError::io("ask for the size of", &self.path))
        } else {
            Ok(self.size)
        }
    }

    pub(super) fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        self.file.write_all_at(bytes, offset).map_err(DiskError::io("write to", &self.path))
    }

    pub(super) fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<(), DiskError> {
        self.file.read_exact_at(bytes, offset).map_err(DiskError::io("read from", &self.path))
    }

    /// Has the kernel zero a range (BLKZEROOUT); it writes zeros itself where a device has no command for it.
    pub(super) fn zero_out(&self, offset: u64, length: u64) -> Result<(), DiskError> {
        let zeroed = if self.is_device {
            block::zero(&self.file, offset, length)
        } else {
            Err(std::io::ErrorKind::Unsupported.into())
        };
        zeroed.map_err(DiskError::io("have the kernel zero", &self.path))
    }

    /// Makes a range read as zeros, whatever was there.
    pub(super) fn zero(&self, offset: u64, length: u64) -> Result<(), DiskError> {
        if length == 0 || self.zero_out(offset, length).is_ok() {
            return Ok(());
        }
        let zeros = Buffer::zeroed(PIECE);
        let mut done = 0;
        while done < length {
            let piece = usize::try_from(length - done).unwrap_or(PIECE).min(PIECE);
            self.write(offset + done, &zeros.as_slice()[..piece])?;
            done += piece as u64;
        }
        Ok(())
    }

    /// Returns when everything written is on the medium.
    pub(super) fn flush(&self) -> Result<(), DiskError> {
        self.file.sync_all().map_err(DiskError::io("flush", &self.path))
    }

    /// Zeroes the first and the last MiB, where boot code and both partition tables are, and flushes.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn clear_boot_areas(&self) -> Result<(), DiskError> {
        let head = super::MIB.min(self.size);
        self.zero(0, head)?;
        let tail = self.size.saturating_sub(super::MIB).max(head);
        self.zero(tail, self.size - tail)?;
        self.flush()
    }
}
