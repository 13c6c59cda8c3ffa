//! A disk as the ways to erase it use it: a real one, or one made up by a test.

use super::{ata, nvme};
use crate::{
    disk::{DiskError, TargetDisk},
    system::{self, nvme::AdminCommand, scsi::Transfer},
};
use nix::errno::Errno;
use std::{io, time::Duration};

/// What erasing needs of a disk. Offsets and lengths are bytes, and whole sectors.
pub(super) trait Device {
    fn name(&self) -> String;
    fn size(&self) -> u64;
    fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<(), DiskError>;
    fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), DiskError>;
    /// Has the kernel zero a range, by the disk's own command where it has one.
    fn zero_out(&self, offset: u64, length: u64) -> Result<(), DiskError>;
    /// Returns when everything written is on the medium.
    fn flush(&self) -> Result<(), DiskError>;
    /// The number of the NVMe namespace that it is.
    fn namespace(&self) -> Result<u32, DiskError>;
    /// An NVMe admin command; `data` goes there or comes back.
    fn admin(&self, command: &AdminCommand, data: &mut [u8]) -> Result<(), DiskError>;
    /// An ATA command.
    fn ata(&self, command: ata::Command, transfer: Transfer<'_>, timeout: Duration) -> Result<(), DiskError>;
    /// Lets time pass.
    fn wait(&self, time: Duration);
}

impl Device for TargetDisk {
    fn name(&self) -> String {
        self.name()
    }

    /// As the kernel knows it now: a format could change it.
    fn size(&self) -> u64 {
        self.present_size().unwrap_or_default()
    }

    fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<(), DiskError> {
        self.read(offset, bytes)
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        self.write(offset, bytes)
    }

    fn zero_out(&self, offset: u64, length: u64) -> Result<(), DiskError> {
        self.zero_out(offset, length)
    }

    fn flush(&self) -> Result<(), DiskError> {
        self.flush()
    }

    fn namespace(&self) -> Result<u32, DiskError> {
        let told = system::nvme::namespace(self.file());
        told.map_err(|error| of_kernel(&self.name(), "the question for its NVMe namespace", &error))
    }

    fn admin(&self, command: &AdminCommand, data: &mut [u8]) -> Result<(), DiskError> {
        let what = nvme::name(command);
        let told = system::nvme::admin(self.file(), command, data);
        match told.map_err(|error| of_kernel(&self.name(), what, &error))? {
            0 => Ok(()),
            status if nvme::is_unknown(status) => {
                Err(DiskError::unknown(&self.name(), what, format!("status {status:#06x}")))
            }
            status => Err(DiskError::refused(&self.name(), what, format!("status {status:#06x}"))),
        }
    }

    fn ata(&self, command: ata::Command, transfer: Transfer<'_>, timeout: Duration) -> Result<(), DiskError> {
        let cdb = ata::pass_through(command, &transfer);
        let told = system::scsi::run(self.file(), &cdb, transfer, timeout);
        let end = told.map_err(|error| of_kernel(&self.name(), command.name(), &error))?;
        match end.is_good() {
            true => Ok(()),
            false if ata::is_unknown(&end) => {
                Err(DiskError::unknown(&self.name(), command.name(), ata::described(&end)))
            }
            false => Err(DiskError::refused(&self.name(), command.name(), ata::described(&end))),
        }
    }

    fn wait(&self, time: Duration) {
        std::thread::sleep(time);
    }
}

/// Whether a kernel has no such command for this device, or the command failed.
fn of_kernel(disk: &str, command: &'static str, error: &io::Error) -> DiskError {
    let number = error.raw_os_error().map(Errno::from_raw);
    if matches!(number, Some(Errno::ENOTTY | Errno::EOPNOTSUPP | Errno::EINVAL)) {
        DiskError::unknown(disk, command, error)
    } else {
        DiskError::refused(disk, command, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_the_kernel_has_not_is_told_from_one_that_failed() {
        for (number, is_unknown) in [
            (Errno::ENOTTY, true),
            (Errno::EOPNOTSUPP, true),
            (Errno::EINVAL, true),
            (Errno::EIO, false),
            (Errno::ETIMEDOUT, false),
            (Errno::EACCES, false),
        ] {
            let error = of_kernel("sda", "a command", &number.into());
            assert_eq!(matches!(error, DiskError::Unknown { .. }), is_unknown, "{error}");
        }
    }
}
