//! Writing an image: chunks are checked first, zeros become zeros, and the first MiB comes last.

use super::{DiskError, MIB, TargetDisk, buffer::Buffer, choose::TAIL_BYTES, gpt};
use billet_proto::manifest::{CHUNK_BYTES, ChunkEntry, Digest, Manifest};

/// Chunks that are read back, beside the first and the last.
const SAMPLES: usize = 16;

/// Where chunks come from.
pub trait Frames {
    /// The frame of the next data chunk, by ascending index; none when the source ended.
    fn next(&mut self) -> Option<(u32, Vec<u8>)>;
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Bytes that were not zero.
    pub data_bytes: u64,
    /// Chunks read back and compared.
    pub read_back: usize,
    /// What became of the partition table.
    pub table: String,
}

/// Writes the image. Blocks. `progress` is told bytes done, zeros included; `seed` chooses what is read back.
///
/// From the first write on until this returns well, the disk holds nothing that boots.
///
/// # Errors
/// When a chunk is not what the manifest says, the source ends early, or the disk fails.
pub fn write(
    disk: &TargetDisk,
    manifest: &Manifest,
    frames: &mut dyn Frames,
    seed: u64,
    progress: &mut dyn FnMut(u64),
) -> Result<Written, DiskError> {
    let needed = manifest.size_bytes.saturating_add(TAIL_BYTES);
    if disk.size() < needed {
        return Err(DiskError::TooSmall { disk: disk.name(), size: disk.size(), needed });
    }
    if !manifest.size_bytes.is_multiple_of(u64::from(disk.sector())) {
        return Err(DiskError::SectorSize { disk: disk.name(), sector: disk.sector() });
    }
    disk.clear_boot_areas()?;
    let mut writer = Writer::new(disk, manifest)?;
    for index in 0..manifest.chunks.len() {
        writer.chunk(index, frames)?;
        progress(((index as u64 + 1) * CHUNK_BYTES).min(manifest.size_bytes));
    }
    writer.finish(seed)
}

struct Writer<'a> {
    disk: &'a TargetDisk,
    manifest: &'a Manifest,
    decoder: zstd::bulk::Decompressor<'static>,
    chunk: Buffer,
    head: Buffer,
    data_bytes: u64,
}

impl<'a> Writer<'a> {
    fn new(disk: &'a TargetDisk, manifest: &'a Manifest) -> Result<Self, DiskError> {
        let decoder = zstd::bulk::Decompressor::new().map_err(DiskError::io("start a decoder for", disk.path()))?;
        let head = Buffer::zeroed(size(MIB.min(manifest.size_bytes)));
        Ok(Self { disk, manifest, decoder, chunk: Buffer::zeroed(size(CHUNK_BYTES)), head, data_bytes: 0 })
    }

    fn chunk(&mut self, index: usize, frames: &mut dyn Frames) -> Result<(), DiskError> {
        let length = size(self.manifest.chunk_len(index));
        let held = if index == 0 { self.head.as_slice().len().min(length) } else { 0 };
        let offset = index as u64 * CHUNK_BYTES;
        let ChunkEntry::Data { digest, .. } = self.manifest.chunks[index] else {
            return self.disk.zero(offset + held as u64, (length - held) as u64);
        };
        let (at, frame) = frames.next().ok_or(DiskError::Ended { at: index, total: self.manifest.chunks.len() })?;
        let corrupt = |reason: String| DiskError::ChunkCorrupt { index, reason };
        if at as usize != index {
            return Err(corrupt(format!("chunk {at} came in its place")));
        }
        let bytes = &mut self.chunk.as_mut_slice()[..length];
        let decoded = self.decoder.decompress_to_buffer(&frame, bytes);
        let decoded = decoded.map_err(|error| corrupt(format!("its frame does not decode ({error})")))?;
        if decoded != length {
            return Err(corrupt(format!("it has {decoded} bytes, not {length}")));
        }
        if Digest::of(bytes) != digest {
            return Err(corrupt("its digest is not the manifest's".into()));
        }
        // Checked: only now may it be written.
        self.head.as_mut_slice()[..held].copy_from_slice(&bytes[..held]);
        self.disk.write(offset + held as u64, &bytes[held..])?;
        self.data_bytes += length as u64;
        Ok(())
    }

    fn finish(mut self, seed: u64) -> Result<Written, DiskError> {
        let mut table = "the image has no GPT; left as it is".to_owned();
        if gpt::is_there(self.head.as_slice()) {
            if self.disk.sector() != 512 {
                return Err(DiskError::SectorSize { disk: self.disk.name(), sector: self.disk.sector() });
            }
            let repaired = gpt::repair(self.head.as_mut_slice(), self.disk.size())?;
            let mut tail = Buffer::zeroed(repaired.tail.len());
            tail.as_mut_slice().copy_from_slice(&repaired.tail);
            self.disk.write(self.disk.size() - TAIL_BYTES, tail.as_slice())?;
            table = repaired.detail;
        }
        self.disk.flush()?;
        let read_back = self.read_back(seed)?;
        // With this, and not before, the disk can boot.
        self.disk.write(0, self.head.as_slice())?;
        self.disk.flush()?;
        let mut head = Buffer::zeroed(self.head.as_slice().len());
        self.disk.read(0, head.as_mut_slice())?;
        if head.as_slice() != self.head.as_slice() {
            return Err(self.differs("the first MiB"));
        }
        Ok(Written { data_bytes: self.data_bytes, read_back, table })
    }

    /// Reads some chunks from the medium and compares them. The first chunk's beginning is compared after it is written.
    fn read_back(&mut self, seed: u64) -> Result<usize, DiskError> {
        let data: Vec<usize> = (1..self.manifest.chunks.len())
            .filter(|index| matches!(self.manifest.chunks[*index], ChunkEntry::Data { .. }))
            .collect();
        let (Some(first), Some(last)) = (data.first(), data.last()) else { return Ok(0) };
        let mut chosen = vec![*first, *last];
        let mut state = seed;
        for _ in 0..SAMPLES {
            // Knuth's MMIX generator: any spread will do.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            chosen.push(data[usize::try_from(state >> 33).unwrap_or(0) % data.len()]);
        }
        chosen.sort_unstable();
        chosen.dedup();
        for index in &chosen {
            let length = size(self.manifest.chunk_len(*index));
            let bytes = &mut self.chunk.as_mut_slice()[..length];
            self.disk.read(*index as u64 * CHUNK_BYTES, bytes)?;
            let ChunkEntry::Data { digest, .. } = self.manifest.chunks[*index] else { continue };
            if Digest::of(bytes) != digest {
                return Err(self.differs(&format!("chunk {index}")));
            }
        }
        Ok(chosen.len())
    }

    fn differs(&self, what: &str) -> DiskError {
        DiskError::ReadBack { disk: self.disk.name(), what: what.to_owned() }
    }
}

/// A length that is at most a chunk's.
fn size(bytes: u64) -> usize {
    usize::try_from(bytes).expect("a chunk has 4 MiB")
}

#[cfg(test)]
mod tests;
