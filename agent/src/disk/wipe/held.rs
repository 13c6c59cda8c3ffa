//! A recorded disk that is held open, and is the right one by its own word: what a wipe erases.

use super::{Erase, Extent, Wiped, Work, device::Device, drive, drive::Drive, ranges};
use crate::disk::{DiskError, TargetDisk};
use billet_proto::link::Disk;
use rand::rngs::StdRng;
use std::{path::PathBuf, time::Instant};

/// A disk that is to be erased.
pub struct Held {
    disk: Disk,
    target: TargetDisk,
    drive: Drive,
}

impl Held {
    /// Opens all at `path`, and asks each what it is: one that is in use, another than the recorded one, or locked by
    /// somebody else stops a wipe before it erased anything.
    ///
    /// # Errors
    /// With the first that stops it.
    pub fn all(disks: Vec<Disk>, path: impl Fn(&Disk) -> PathBuf, extent: Extent) -> Result<Vec<Self>, DiskError> {
        let targets: Vec<TargetDisk> =
            disks.iter().map(|disk| TargetDisk::open(&path(disk))).collect::<Result<_, _>>()?;
        let both: Vec<(&Disk, &dyn Device)> =
            disks.iter().zip(&targets).map(|(disk, target)| (disk, target as &dyn Device)).collect();
        let drives = drive::identified(&both, extent == Extent::Full)?;
        let each = disks.into_iter().zip(targets).zip(drives);
        Ok(each.map(|((disk, target), drive)| Self { disk, target, drive }).collect())
    }

    /// As it was recorded.
    #[must_use]
    pub fn disk(&self) -> &Disk {
        &self.disk
    }

    /// The drive that it is a part of beside others: that takes one command at a time.
    #[must_use]
    pub fn drive(&self) -> Option<String> {
        self.drive.as_nvme().map(|drive| format!("{} {}", drive.serial, drive.subsystem))
    }

    /// Has one that was cut off within an erasure end it, if that was ours; nothing is done to any other.
    ///
    /// # Errors
    /// Where its password is another's.
    pub fn ended(mut self) -> Result<Self, DiskError> {
        self.drive = self.drive.ended(&self.target, &self.disk)?;
        Ok(self)
    }

    /// Erases it, and reads back; may be done again. `random` chooses what is read back; `progress` is told the bytes
    /// that were erased so far, from the beginning again where the next way is tried.
    ///
    /// # Errors
    /// When nothing that is allowed erased it, or it would be locked.
    pub fn wipe(
        &self,
        order: &Erase<'_>,
        random: &mut StdRng,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Wiped, DiskError> {
        let began = Instant::now();
        self.drive.settle(&self.target)?;
        let work = Work { device: &self.target, drive: &self.drive, random, progress, refused: Vec::new(), began };
        match order.extent {
            Extent::Full => work.whole(order.allowed),
            Extent::Metadata => work.metadata(ranges::metadata(&self.target)?),
        }
    }
}
