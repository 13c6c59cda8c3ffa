//! Reading back: both ends of what was erased, and samples in between, at places that nobody knew before.

use super::device::Device;
use crate::disk::{DiskError, MIB, buffer::Buffer};
use billet_proto::manifest::Digest;
use rand::{Rng, rngs::StdRng};

/// Read back in one go.
const SAMPLE: u64 = 64 << 10;
/// Samples begin at its multiples, whatever the disk's sectors are.
const GRAIN: u64 = 4096;
/// Samples between the ends, over all ranges.
pub(super) const SAMPLES: u32 = 256;

/// One of so many is marked before a drive erases itself.
const EACH: usize = 16;

/// Places of a disk: offset and length of each, in bytes and whole sectors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Samples(Vec<(u64, u64)>);

impl Samples {
    /// The first and the last MiB of each range, and [`SAMPLES`] between them all, as many in each as is its share.
    pub(super) fn draw(ranges: &[(u64, u64)], random: &mut StdRng) -> Self {
        let total: u64 = ranges.iter().map(|(_, length)| length).sum();
        let mut places = Vec::new();
        for (offset, length) in ranges {
            let end = MIB.min(*length);
            // To the very last sector, where the backup of a partition table is; ranges are whole sectors.
            places.extend([(*offset, end), (offset + length - end, end)]);
            let share = u128::from(SAMPLES) * u128::from(*length) / u128::from(total.max(1));
            if let Some(room) = length.checked_sub(2 * MIB + SAMPLE) {
                let within = |random: &mut StdRng| offset + MIB + random.random_range(0..=room / GRAIN) * GRAIN;
                places.extend((0..share).map(|_| (within(random), SAMPLE)));
            }
        }
        Self(places)
    }

    /// How many.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    /// BLAKE3 in hexadecimal of offset and length of each, 64 bits, little-endian, in the order read.
    pub(super) fn digest(&self) -> String {
        let bytes: Vec<u8> =
            self.0.iter().flat_map(|(at, length)| [at.to_le_bytes(), length.to_le_bytes()]).flatten().collect();
        Digest::of(&bytes).into()
    }

    /// Reads each.
    ///
    /// # Errors
    /// At the first that has another byte than 0, or cannot be read.
    pub(super) fn are_zero(&self, device: &dyn Device) -> Result<(), DiskError> {
        let zeros = Buffer::zeroed(usize::try_from(MIB).expect("a MiB is in memory"));
        for (offset, length) in &self.0 {
            let bytes = read(device, *offset, *length)?;
            if bytes.as_slice() != &zeros.as_slice()[..bytes.as_slice().len()] {
                let what = format!("{length} bytes at {offset}, which were erased,");
                return Err(DiskError::ReadBack { disk: device.name(), what });
            }
        }
        Ok(())
    }

    /// Writes random bytes to some of the places between the ends, or where there are none to the ends. An empty disk
    /// has nothing else by which it shows that it was erased. A place that does not take them is left as it is.
    ///
    /// # Errors
    /// When they may be in the drive's cache alone: from there they would be gone whatever the drive does.
    pub(super) fn mark(&self, device: &dyn Device, random: &mut StdRng) -> Result<(), DiskError> {
        let between = self.0.iter().filter(|(_, length)| *length == SAMPLE);
        let mut places: Vec<&(u64, u64)> = between.step_by(EACH).collect();
        if places.is_empty() {
            places = self.0.iter().collect();
        }
        for (offset, length) in places {
            let mut mark = Buffer::zeroed(usize::try_from(*length).unwrap_or(0));
            random.fill(mark.as_mut_slice());
            if let Err(error) = device.write(*offset, mark.as_slice()) {
                tracing::info!(disk = device.name(), %error, "a place was not marked");
            }
        }
        device.flush()
    }

    /// What is at each place now, where there is anything that an erasure cannot leave by chance: bytes that differ
    /// from each other. What cannot be read is left out.
    pub(super) fn remember(&self, device: &dyn Device) -> Remembered {
        let digest = |(offset, length): &(u64, u64)| {
            let bytes = read(device, *offset, *length).ok()?;
            let bytes = bytes.as_slice();
            // Each byte is the one before it.
            let is_plain = bytes.is_empty() || bytes[1..] == bytes[..bytes.len() - 1];
            (!is_plain).then(|| ((*offset, *length), Digest::of(bytes)))
        };
        Remembered(self.0.iter().filter_map(digest).collect())
    }
}

/// What was at some places before an erasure.
pub(super) struct Remembered(Vec<((u64, u64), Digest)>);

impl Remembered {
    /// Whether nothing would show an erasure.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all of it is gone: a drive that says that it erased itself, and still has what it had, did not. What
    /// cannot be read is gone: a drive whose key is a new one may answer so.
    ///
    /// # Errors
    /// At the first place that still has what it had.
    pub(super) fn are_gone(&self, device: &dyn Device) -> Result<(), DiskError> {
        for ((offset, length), before) in &self.0 {
            if read(device, *offset, *length).is_ok_and(|bytes| Digest::of(bytes.as_slice()) == *before) {
                let what = format!("{length} bytes at {offset}, which are what they were before,");
                return Err(DiskError::ReadBack { disk: device.name(), what });
            }
        }
        Ok(())
    }
}

fn read(device: &dyn Device, offset: u64, length: u64) -> Result<Buffer, DiskError> {
    let mut buffer = Buffer::zeroed(usize::try_from(length).unwrap_or(0));
    // Zeros are what is hoped for: a read that brings nothing must not look like it.
    buffer.as_mut_slice().fill(0xff);
    device.read(offset, buffer.as_mut_slice())?;
    Ok(buffer)
}
