//! The manifest of an image in its canonical form: what lies beside the seekable zstd file.
//!
//! Invariants, checked by [`Manifest::parse`]: the chunks cover the image exactly; each data chunk's
//! frame lies inside the file, behind the one before it, and is at most [`MAX_FRAME_BYTES`] long.

use serde::{Deserialize, Serialize};

/// Bytes of the image in each chunk, except the last, which may be shorter.
pub const CHUNK_BYTES: u64 = 4 << 20;
/// Upper bound of a compressed frame: zstd's bound for incompressible 4 MiB is 16 KiB more.
pub const MAX_FRAME_BYTES: u32 = (4 << 20) + (64 << 10);
/// Largest image that is accepted: 2 TiB, so that a manifest stays below 64 MiB.
pub const MAX_IMAGE_BYTES: u64 = 2 << 40;

/// A manifest of version 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Always 1.
    pub version: u32,
    /// Size of the raw image in bytes; a multiple of 512.
    pub size_bytes: u64,
    /// `Linux`, `Windows` or `Other`.
    pub os_type: String,
    /// SHA-256 of the raw image, in hex.
    pub sha256: String,
    /// One entry for each [`CHUNK_BYTES`] of the image.
    pub chunks: Vec<ChunkEntry>,
}

/// One chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ChunkEntry {
    /// All bytes are zero; nothing is stored.
    Zero,
    /// One zstd frame of the file.
    Data {
        /// BLAKE3 of the chunk's raw bytes.
        digest: Digest,
        /// Where the frame begins in the file, in bytes.
        offset: u64,
        /// Length of the frame in bytes.
        length: u32,
    },
}

/// A BLAKE3 digest; hexadecimal in text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}
impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}
impl TryFrom<String> for Digest {
    type Error = hex::FromHexError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes)?;
        Ok(Self(bytes))
    }
}
impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        hex::encode(digest.0)
    }
}

/// Why a manifest is refused.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not the JSON expected.
    #[error("read the manifest")]
    Json(#[source] serde_json::Error),
    /// A field breaks its rule.
    #[error("use the manifest: {0}")]
    Rule(String),
}

impl Manifest {
    /// Reads and checks a manifest.
    ///
    /// # Errors
    /// When it is not the JSON expected or breaks an invariant.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let manifest: Self = serde_json::from_slice(bytes).map_err(ManifestError::Json)?;
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), ManifestError> {
        let rule = |text: String| Err(ManifestError::Rule(text));
        if self.version != 1 {
            return rule(format!("version is 1, not {}", self.version));
        }
        if self.size_bytes == 0 || !self.size_bytes.is_multiple_of(512) || self.size_bytes > MAX_IMAGE_BYTES {
            return rule(format!("size_bytes is a multiple of 512 up to {MAX_IMAGE_BYTES}, not {}", self.size_bytes));
        }
        let expected = self.size_bytes.div_ceil(CHUNK_BYTES);
        if self.chunks.len() as u64 != expected {
            return rule(format!("{expected} chunks cover the image, not {}", self.chunks.len()));
        }
        let mut end = 0;
        for (index, chunk) in self.chunks.iter().enumerate() {
            let ChunkEntry::Data { offset, length, .. } = *chunk else { continue };
            if offset < end || length == 0 || length > MAX_FRAME_BYTES {
                return rule(format!("chunk {index}: offset {offset} and length {length} are out of place"));
            }
            end = offset
                .checked_add(length.into())
                .ok_or_else(|| ManifestError::Rule(format!("chunk {index}: offset overflows")))?;
        }
        Ok(())
    }

    /// The bytes whose digest stands in orders.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a manifest has only string keys and finite numbers")
    }

    /// How many raw bytes chunk `index` has.
    pub fn chunk_len(&self, index: usize) -> u64 {
        (self.size_bytes - (index as u64 * CHUNK_BYTES)).min(CHUNK_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn manifest() -> Manifest {
        Manifest {
            version: 1,
            size_bytes: CHUNK_BYTES + 512,
            os_type: "Linux".into(),
            sha256: "00".repeat(32),
            chunks: vec![ChunkEntry::Zero, ChunkEntry::Data { digest: Digest::of(b"x"), offset: 0, length: 9 }],
        }
    }

    #[test]
    fn a_manifest_survives_its_own_bytes() {
        assert_eq!(Manifest::parse(&manifest().to_bytes()).unwrap(), manifest());
        assert_eq!(manifest().chunk_len(1), 512);
    }

    #[test]
    fn a_manifest_that_does_not_cover_the_image_is_refused() {
        let mut short = manifest();
        short.chunks.pop();
        assert!(Manifest::parse(&short.to_bytes()).is_err());
        let mut overlapping = manifest();
        overlapping.size_bytes = 2 * CHUNK_BYTES;
        overlapping.chunks = vec![overlapping.chunks[1]; 2];
        assert!(Manifest::parse(&overlapping.to_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Manifest::parse(&bytes);
        }
    }
}
