//! Erasing a disk, and bearing it out by reading back.
//!
//! Invariants: what is erased was recorded at inspection ([`recorded`]); nothing is before each disk was held and
//! said by its own word that it is the recorded one ([`Held`]); a wipe that ends well was read back, both ends and
//! samples in between, and all of it was zero, however it was erased; a way that is refused, or after which that is
//! not so, is followed by the next that the operator allows; a disk that would be locked after its next power-off is
//! not wiped.

mod ata;
mod ata_secure_erase;
mod block_zeroout;
mod device;
mod drive;
mod held;
mod method;
mod nvme;
mod nvme_format;
mod nvme_sanitize;
mod overwrite;
mod ranges;
mod recorded;
mod samples;

pub use held::Held;
pub use recorded::recorded;

use super::DiskError;
use billet_proto::link::Erasure;
use device::Device;
use drive::Drive;
use method::Method;
use rand::rngs::StdRng;
use samples::Samples;
use std::time::{Duration, Instant};

/// How much of a disk is erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Everything.
    Full,
    /// Partition tables and signatures.
    Metadata,
}

/// What is to be done with a disk.
#[derive(Debug, Clone, Copy)]
pub struct Erase<'a> {
    /// How much of it.
    pub extent: Extent,
    /// The ways that are allowed for a whole disk; none named: all.
    pub allowed: &'a [Erasure],
}

/// A disk that was erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wiped {
    /// As in the protocol's `WipedDisk.method`.
    pub method: &'static str,
    /// Offset and length of each range that was erased, in bytes.
    pub ranges: Vec<(u64, u64)>,
    /// Pieces read back and found zero.
    pub read_back: u32,
    /// Where they lay, as in the protocol's `WipedDisk.samples_blake3`.
    pub samples_blake3: String,
    /// The drive's own way left something else than zeros, so that they were written after it.
    pub zeroed_after: bool,
    /// What was tried before, each with why it did not do.
    pub refused: Vec<String>,
    /// How long erasing took, with what did not do.
    pub erase: Duration,
    /// How long reading back took.
    pub reading: Duration,
}

impl Wiped {
    /// Erased, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.ranges.iter().map(|(_, length)| length).sum()
    }
}

/// A disk that is being erased.
struct Work<'a> {
    device: &'a dyn Device,
    drive: &'a Drive,
    random: &'a mut StdRng,
    progress: &'a mut dyn FnMut(u64),
    /// What was tried so far, and why it did not do.
    refused: Vec<String>,
    began: Instant,
}

impl Work<'_> {
    /// In the best way that is allowed and does.
    fn whole(mut self, allowed: &[Erasure]) -> Result<Wiped, DiskError> {
        let size = self.device.size();
        if size == 0 {
            return Err(DiskError::refused(&self.device.name(), "to be erased", "the kernel tells no size"));
        }
        let ranges = vec![(0, size)];
        let (chosen, left) = method::choose(allowed, |method| self.drive.can(method));
        tracing::info!(disk = self.device.name(), ?chosen, ?left, "the disk is erased in one of these ways");
        let mut cause = "no_wipe_method";
        for method in chosen {
            match self.by(method, &ranges) {
                Ok(wiped) => return Ok(wiped),
                Err(fatal @ DiskError::Locked { .. }) => return Err(fatal),
                Err(error) => {
                    tracing::warn!(disk = self.device.name(), method = method.word(), %error, "it did not do");
                    cause = error.cause();
                    self.refused.push(format!("{}: {error}", method.word()));
                }
            }
        }
        // Where the ways that would suit it are not allowed, these say why the allowed ones do not.
        self.refused.extend(left.iter().map(|(method, why)| format!("{}: {why}", method.word())));
        Err(DiskError::NotErased { disk: self.device.name(), tried: self.refused.join("; "), cause })
    }

    /// A drive erases itself whole or not at all: these ranges are always overwritten, whatever is allowed for a whole
    /// disk.
    fn metadata(mut self, ranges: Vec<(u64, u64)>) -> Result<Wiped, DiskError> {
        self.zero(&ranges)?;
        let erase = self.began.elapsed();
        self.borne_out("metadata", ranges, (false, erase))
    }

    fn by(&mut self, method: Method, ranges: &[(u64, u64)]) -> Result<Wiped, DiskError> {
        let zeroed_after = match method {
            Method::WriteZeroes => block_zeroout::run(self.device, ranges, self.progress).map(|()| false)?,
            Method::Overwrite => overwrite::run(self.device, ranges, self.progress).map(|()| false)?,
            drives_own => self.by_drive(drives_own, ranges)?,
        };
        let erase = self.began.elapsed();
        self.borne_out(method.word(), ranges.to_vec(), (zeroed_after, erase))
    }

    /// What a drive's own erasure leaves to be read, no standard promises. So two things are asked: that what was there
    /// is gone, marks that are written for it among it, or the drive did nothing; and that zeros are there, which are
    /// written where they are not, because the next tenant must read nothing else. Answers whether they were written.
    fn by_drive(&mut self, method: Method, ranges: &[(u64, u64)]) -> Result<bool, DiskError> {
        let size = self.device.size();
        let samples = Samples::draw(ranges, self.random);
        samples.mark(self.device, self.random)?;
        let before = samples.remember(self.device);
        if before.is_empty() {
            let why = "nothing can be written to it or read from it that would show that it was erased";
            return Err(DiskError::refused(&self.device.name(), method.word(), why));
        }
        let (device, tell) = (self.device, &mut *self.progress);
        let mut progress = |part: u16| {
            let bytes = (u128::from(size) * u128::from(part)) >> 16;
            tell(u64::try_from(bytes).unwrap_or(size));
        };
        self.drive.erase(device, method, &mut progress)?;
        let now = device.size();
        if now != size {
            return Err(DiskError::refused(
                &device.name(),
                method.word(),
                format!("it had {size} bytes, and has {now}"),
            ));
        }
        before.are_gone(device)?;
        if samples.are_zero(device).is_ok() {
            (self.progress)(size);
            return Ok(false);
        }
        self.zero(ranges).map(|()| true)
    }

    fn zero(&mut self, ranges: &[(u64, u64)]) -> Result<(), DiskError> {
        block_zeroout::run(self.device, ranges, self.progress)
            .or_else(|_| overwrite::run(self.device, ranges, self.progress))
    }

    /// By samples that nobody knew while it was erased.
    fn borne_out(
        &mut self,
        method: &'static str,
        ranges: Vec<(u64, u64)>,
        (zeroed_after, erase): (bool, Duration),
    ) -> Result<Wiped, DiskError> {
        let began = Instant::now();
        let samples = Samples::draw(&ranges, self.random);
        samples.are_zero(self.device)?;
        Ok(Wiped {
            method,
            ranges,
            read_back: samples.count(),
            samples_blake3: samples.digest(),
            zeroed_after,
            refused: std::mem::take(&mut self.refused),
            erase,
            reading: began.elapsed(),
        })
    }
}

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;
