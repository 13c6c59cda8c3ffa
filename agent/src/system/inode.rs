//! Attributes of a file that its mode does not show (linux/fs.h).
#![expect(unsafe_code, reason = "ioctl(2) has no safe form")]

use nix::errno::Errno;
use std::{ffi::c_long, fs::File, io, os::fd::AsRawFd, path::Path};

/// FS_IMMUTABLE_FL: it can be neither written nor removed. efivarfs gives it to every variable that it does not know as harmless.
const IMMUTABLE: c_long = 0x10;

nix::ioctl_read!(
    /// FS_IOC_GETFLAGS.
    get_flags, b'f', 1, c_long
);
nix::ioctl_write_ptr!(
    /// FS_IOC_SETFLAGS.
    set_flags, b'f', 2, c_long
);

/// Takes the attribute away that forbids changing the file; one that is not there needs nothing.
///
/// # Errors
/// When the file cannot be opened, or the kernel refuses.
pub fn make_changeable(path: &Path) -> io::Result<()> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut flags: c_long = 0;
    // SAFETY: the descriptor is open while `file` lives, and the kernel writes one int or long where `flags` lives.
    match unsafe { get_flags(file.as_raw_fd(), &raw mut flags) } {
        Ok(_) => {}
        // A file system without attributes has none that forbids.
        Err(Errno::ENOTTY | Errno::ENOTSUP) => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    if flags & IMMUTABLE == 0 {
        return Ok(());
    }
    let flags = flags & !IMMUTABLE;
    // SAFETY: the descriptor is open while `file` lives, and the kernel reads one int or long from `flags`.
    unsafe { set_flags(file.as_raw_fd(), &raw const flags) }?;
    Ok(())
}
