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

/// All disks of a wipe, by their own word: each the recorded one, and for a whole wipe (`whole`) no namespace beside
/// them. Then our passwords are taken off. Nothing is erased.
///
/// # Errors
/// With the first disk that is another, does not say what it is, has a password that nobody here knows, or whose
/// drive has more.
pub(super) fn identified(disks: &[(&Disk, &dyn Device)], whole: bool) -> Result<Vec<Drive>, DiskError> {
    let asked = disks.iter().map(|(recorded, device)| {
        let drive = Drive::ask(*device, recorded)?;
        drive.is(*device, recorded).map(|()| drive)
    });
    let drives = asked.collect::<Result<Vec<_>, _>>()?;
    if whole {
        are_all(&drives, |at| disks[at].1.name())?;
    }
    let opened =
        drives.into_iter().zip(disks).map(|(drive, (recorded, device))| drive.opened(*device, recorded, whole));
    opened.collect()
}

/// Each namespace of their drives is one of them.
fn are_all(drives: &[Drive], name: impl Fn(usize) -> String) -> Result<(), DiskError> {
    let nvme = || drives.iter().enumerate().filter_map(|(at, drive)| drive.as_nvme().map(|drive| (at, drive)));
    for (at, drive) in nvme() {
        let of_same =
            || nvme().filter(|(_, other)| (&other.serial, &other.subsystem) == (&drive.serial, &drive.subsystem));
        let is_other = |id: &&u32| !of_same().any(|(_, recorded)| recorded.namespace == **id);
        let ids: Vec<u32> = drive.namespaces.iter().filter(is_other).copied().collect();
        if !ids.is_empty() {
            return Err(DiskError::OtherNamespaces { disk: name(at), ids });
        }
    }
    Ok(())
}

impl Drive {
    /// A disk that does not say what it is could be erased in a weaker way than it has, or be another: only one that
    /// knows no such question is taken as it looks. A SAS adapter may have ATA disks behind it; one of its own kind
    /// refuses the question, in whatever words.
    fn ask(device: &dyn Device, recorded: &Disk) -> Result<Self, DiskError> {
        let told = match recorded.transport.as_str() {
            "nvme" => nvme::Drive::read(device).map(Self::Nvme),
            "sata" | "sas" => ata::Identity::read(device).map(Self::Ata),
            _ => return Ok(Self::Plain),
        };
        told.or_else(|error| {
            if recorded.transport != "sas" && !matches!(error, DiskError::Unknown { .. }) {
                return Err(error);
            }
            tracing::info!(disk = device.name(), %error, "it is only read and written");
            Ok(Self::Plain)
        })
    }

    /// Takes our password off, which another boot left. A disk that refuses it is left for [`Self::ended`] where it
    /// may be erased: whether the password is another's, only an erasure tells.
    fn opened(self, device: &dyn Device, recorded: &Disk, whole: bool) -> Result<Self, DiskError> {
        let Self::Ata(_) = &self else { return Ok(self) };
        let opened = ata_secure_erase::open(device);
        let now = Self::ask(device, recorded)?;
        if opened.is_err() && !(whole && now.is_cut_off()) {
            opened?;
        }
        Ok(now)
    }

    /// Whether it is locked, and may have been cut off within an erasure by our password.
    fn is_cut_off(&self) -> bool {
        matches!(self, Self::Ata(identity) if identity.is_locked() && !identity.is_frozen())
    }

    /// Has a disk that was cut off within an erasure end it.
    ///
    /// # Errors
    /// [`DiskError::Locked`] where its password is another's.
    pub(super) fn ended(self, device: &dyn Device, recorded: &Disk) -> Result<Self, DiskError> {
        if !self.is_cut_off() {
            return Ok(self);
        }
        ata_secure_erase::end_erasure(device, patience(device.size()))?;
        Self::ask(device, recorded)
    }

    /// Brings it to where it reads and writes: a Sanitize that another boot began is seen to its end.
    ///
    /// # Errors
    /// Where that does not end.
    pub(super) fn settle(&self, device: &dyn Device) -> Result<(), DiskError> {
        match self {
            Self::Nvme(drive) if drive.sanicap & 0b111 != 0 => nvme_sanitize::recover(device, patience(device.size())),
            Self::Nvme(_) | Self::Ata(_) | Self::Plain => Ok(()),
        }
    }

    pub(super) fn as_nvme(&self) -> Option<&nvme::Drive> {
        if let Self::Nvme(drive) = self { Some(drive) } else { None }
    }

    fn is(&self, device: &dyn Device, recorded: &Disk) -> Result<(), DiskError> {
        let told = match self {
            Self::Nvme(drive) => drive.serial.clone(),
            Self::Ata(identity) => identity.serial(),
            Self::Plain => return Ok(()),
        };
        let known = recorded.serial.trim();
        if !told.is_empty() && told == known {
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
            (Self::Nvme(_), Method::SanitizeBlocks) => sanitize(nvme_sanitize::Action::Blocks, progress),
            (Self::Nvme(_), Method::SanitizeKey) => sanitize(nvme_sanitize::Action::Key, progress),
            (Self::Nvme(drive), Method::FormatUserData) => {
                nvme_format::run(device, drive, nvme_format::Erase::UserData, patience)
            }
            (Self::Nvme(drive), Method::FormatKey) => {
                nvme_format::run(device, drive, nvme_format::Erase::Key, patience)
            }
            (Self::Ata(_), Method::AtaEnhanced) => ata_secure_erase::run(device, true, patience),
            (Self::Ata(_), Method::AtaNormal) => ata_secure_erase::run(device, false, patience),
            (_, Method::WriteZeroes | Method::Overwrite)
            | (Self::Nvme(_), Method::AtaEnhanced | Method::AtaNormal)
            | (
                Self::Ata(_),
                Method::SanitizeBlocks | Method::SanitizeKey | Method::FormatUserData | Method::FormatKey,
            )
            | (Self::Plain, _) => Err(DiskError::refused(&device.name(), method.word(), "it is no drive's own way")),
        }
    }
}

fn patience(size: u64) -> Duration {
    (BASE + Duration::from_secs(size / BYTES_PER_SECOND)).min(LONGEST)
}
