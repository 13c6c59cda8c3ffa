//! What a disk is, beside its sectors: an NVMe drive, an ATA disk, or something that is only read and written.

use super::{ata, ata_secure_erase, device::Device, method::Method, nvme, nvme_format, nvme_sanitize};
use crate::disk::DiskError;
use billet_proto::link::Disk;
use std::time::Duration;

/// What erases itself has so long, and so much more for its size: as the controller's default for a disk that is
/// overwritten.
const BASE: Duration = Duration::from_secs(600);
const BYTES_PER_SECOND: u64 = 50_000_000;
/// Longer than any drive takes, and than the agent waits.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// A disk by what it can be told.
pub(super) enum Drive {
    Nvme(nvme::Drive),
    Ata(ata::Identity),
    /// Nothing beside reading and writing.
    Plain,
}

impl Drive {
    /// Asks the disk, which must be the recorded one by its own word, and brings it to where it reads and writes: what
    /// another boot began and did not end is ended. `whole`: every byte of it is to be erased.
    ///
    /// # Errors
    /// [`DiskError::AnotherDisk`], or where what was begun does not end.
    pub(super) fn settled(device: &dyn Device, recorded: &Disk, whole: bool) -> Result<Self, DiskError> {
        let patience = patience(device.size());
        let drive = Self::ask(device, recorded);
        drive.is(device, recorded)?;
        match &drive {
            Self::Nvme(drive) if drive.sanicap & 0b111 != 0 => nvme_sanitize::recover(device, patience)?,
            Self::Nvme(_) | Self::Plain => {}
            Self::Ata(_) => {
                ata_secure_erase::recover(device, whole, patience)?;
                return Ok(Self::ask(device, recorded));
            }
        }
        Ok(drive)
    }

    /// A SAS adapter may have ATA disks behind it; one of its own kind refuses the question.
    fn ask(device: &dyn Device, recorded: &Disk) -> Self {
        let told = match recorded.transport.as_str() {
            "nvme" => nvme::Drive::read(device).map(Self::Nvme),
            "sata" | "sas" => ata::Identity::read(device).map(Self::Ata),
            _ => return Self::Plain,
        };
        told.unwrap_or_else(|error| {
            tracing::info!(disk = device.name(), %error, "it is only read and written");
            Self::Plain
        })
    }

    fn is(&self, device: &dyn Device, recorded: &Disk) -> Result<(), DiskError> {
        let told = match self {
            Self::Nvme(drive) => drive.serial.clone(),
            Self::Ata(identity) => identity.serial(),
            Self::Plain => return Ok(()),
        };
        let known = recorded.serial.trim();
        if told.is_empty() || known.is_empty() || told == known {
            return Ok(());
        }
        Err(DiskError::AnotherDisk { disk: device.name(), told, recorded: known.to_owned() })
    }

    /// Whether it can be erased so, or why not.
    pub(super) fn can(&self, method: Method) -> Result<(), &'static str> {
        let why_not = match (self, method) {
            (_, Method::WriteZeroes | Method::Overwrite) => None,
            (Self::Nvme(drive), Method::SanitizeBlocks) => nvme_sanitize::why_not(drive, nvme_sanitize::Action::Blocks),
            (Self::Nvme(drive), Method::SanitizeKey) => nvme_sanitize::why_not(drive, nvme_sanitize::Action::Key),
            (Self::Nvme(drive), Method::FormatUserData) => nvme_format::why_not(drive, nvme_format::Erase::UserData),
            (Self::Nvme(drive), Method::FormatKey) => nvme_format::why_not(drive, nvme_format::Erase::Key),
            (Self::Ata(identity), Method::AtaEnhanced) => ata_secure_erase::why_not(identity, true),
            (Self::Ata(identity), Method::AtaNormal) => ata_secure_erase::why_not(identity, false),
            (Self::Nvme(_), Method::AtaEnhanced | Method::AtaNormal) => Some("it is no ATA disk"),
            (
                Self::Ata(_),
                Method::SanitizeBlocks | Method::SanitizeKey | Method::FormatUserData | Method::FormatKey,
            ) => Some("it is no NVMe drive"),
            (Self::Plain, _) => Some("it takes no such command"),
        };
        why_not.map_or(Ok(()), Err)
    }

    /// Has the drive erase itself; `progress` is told the parts of 65,536 that are done, where they are known.
    pub(super) fn erase(
        &self,
        device: &dyn Device,
        method: Method,
        progress: &mut dyn FnMut(u16),
    ) -> Result<(), DiskError> {
        let patience = patience(device.size());
        let sanitize = |action, progress| nvme_sanitize::run(device, action, patience, progress);
        match (self, method) {
            (_, Method::SanitizeBlocks) => sanitize(nvme_sanitize::Action::Blocks, progress),
            (_, Method::SanitizeKey) => sanitize(nvme_sanitize::Action::Key, progress),
            (Self::Nvme(drive), Method::FormatUserData) => {
                nvme_format::run(device, drive, nvme_format::Erase::UserData, patience)
            }
            (Self::Nvme(drive), Method::FormatKey) => {
                nvme_format::run(device, drive, nvme_format::Erase::Key, patience)
            }
            (_, Method::AtaEnhanced) => ata_secure_erase::run(device, true, patience),
            (_, Method::AtaNormal) => ata_secure_erase::run(device, false, patience),
            (_, Method::WriteZeroes | Method::Overwrite)
            | (Self::Ata(_) | Self::Plain, Method::FormatUserData | Method::FormatKey) => {
                Err(DiskError::refused(&device.name(), method.word(), "it is no drive's own way"))
            }
        }
    }
}

fn patience(size: u64) -> Duration {
    (BASE + Duration::from_secs(size / BYTES_PER_SECOND)).min(LONGEST)
}
