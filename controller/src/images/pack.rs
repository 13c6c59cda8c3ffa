//! One chunk to one frame, and frames to the file: the blocking half of an import.

use super::blobs::{BlobError, failed};
use billet_proto::manifest::{ChunkEntry, Digest, MAX_FRAME_BYTES};
use sha2::{Digest as _, Sha256};
use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
};

/// zstd's own default: higher levels cost an import several times the time for a few per cent.
const LEVEL: i32 = 3;

/// A chunk with the frame made of it.
pub(super) struct Packed {
    raw: Vec<u8>,
    frame: Vec<u8>,
    /// None: all bytes are zero.
    digest: Option<Digest>,
}

/// Compresses a chunk, and takes its digest unless it is all zeros.
pub(super) fn pack(raw: Vec<u8>) -> io::Result<Packed> {
    let digest = (!is_zero(&raw)).then(|| Digest::of(&raw));
    let frame = zstd::bulk::compress(&raw, LEVEL)?;
    Ok(Packed { raw, frame, digest })
}

fn is_zero(bytes: &[u8]) -> bool {
    // In words of 16 bytes the compiler makes vector code of it; byte by byte it would not, because it may stop early.
    let (blocks, rest) = bytes.as_chunks::<16>();
    blocks.iter().all(|block| u128::from_ne_bytes(*block) == 0) && rest.iter().all(|byte| *byte == 0)
}

/// The file of frames while it grows.
pub(super) struct Sink {
    file: File,
    path: PathBuf,
    offset: u64,
    raw_sha256: Sha256,
    chunks: Vec<ChunkEntry>,
}

/// What a finished sink knows.
pub(super) struct Written {
    /// Of all raw bytes.
    pub(super) sha256: [u8; 32],
    /// In the image's order.
    pub(super) chunks: Vec<ChunkEntry>,
}

impl Sink {
    /// Makes the file, which must not exist yet.
    pub(super) fn create(path: PathBuf) -> Result<Self, BlobError> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(failed(&path))?;
        Ok(Self { file, path, offset: 0, raw_sha256: Sha256::new(), chunks: Vec::new() })
    }

    /// Appends the next chunk's frame.
    pub(super) fn append(&mut self, packed: &Packed) -> Result<(), BlobError> {
        self.raw_sha256.update(&packed.raw);
        self.file.write_all(&packed.frame).map_err(failed(&self.path))?;
        let length = u32::try_from(packed.frame.len())
            .ok()
            .filter(|length| *length <= MAX_FRAME_BYTES)
            .expect("zstd's bound for a chunk is below MAX_FRAME_BYTES");
        self.chunks.push(match packed.digest {
            Some(digest) => ChunkEntry::Data { digest, offset: self.offset, length },
            None => ChunkEntry::Zero,
        });
        self.offset += u64::from(length);
        Ok(())
    }

    /// Brings everything to the disk.
    pub(super) fn finish(self) -> Result<Written, BlobError> {
        self.file.sync_all().map_err(failed(&self.path))?;
        Ok(Written { sha256: self.raw_sha256.finalize().into(), chunks: self.chunks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use billet_proto::manifest::CHUNK_BYTES;

    #[test]
    fn only_a_chunk_of_zeros_is_zero() {
        for length in [0, 1, 15, 16, 17, 512, 4096] {
            assert!(is_zero(&vec![0; length]));
            for index in [0, length / 2, length.saturating_sub(1)].into_iter().filter(|_| length > 0) {
                let mut bytes = vec![0; length];
                bytes[index] = 1;
                assert!(!is_zero(&bytes), "{index} of {length}");
            }
        }
    }

    #[test]
    fn the_worst_chunk_fits_the_largest_frame() {
        use rand::{RngCore, SeedableRng};
        let mut raw = vec![0; usize::try_from(CHUNK_BYTES).unwrap()];
        rand::rngs::StdRng::seed_from_u64(1).fill_bytes(&mut raw);
        let packed = pack(raw).unwrap();
        assert!(packed.frame.len() > packed.raw.len());
        assert!(packed.frame.len() <= MAX_FRAME_BYTES as usize);
        assert!(zstd::zstd_safe::compress_bound(packed.raw.len()) <= MAX_FRAME_BYTES as usize);
    }
}
