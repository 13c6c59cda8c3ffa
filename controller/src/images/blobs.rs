//! The folder of canonical images.

use billet_proto::{
    ImageId,
    manifest::{ChunkEntry, MAX_FRAME_BYTES, Manifest},
};
use std::{
    fs::{DirBuilder, File},
    io::{self, Read},
    os::unix::fs::{DirBuilderExt, FileExt},
    path::{Path, PathBuf},
};

/// Chunks that one call hands out at most: 64 MiB of memory.
pub const MAX_INDICES: usize = 16;
/// A manifest of the largest image stays below (see `MAX_IMAGE_BYTES`).
const MAX_MANIFEST_BYTES: u64 = 64 << 20;
/// What an import writes to until it is whole.
const UNFINISHED: &str = "partial";

/// Why an image is not read or kept.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// A file of the folder cannot be used.
    #[error("use {path}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// More chunks at once than [`MAX_INDICES`].
    #[error("read {0} chunks at once: {MAX_INDICES} are allowed")]
    TooMany(usize),
    /// The image has no such chunk.
    #[error("read chunk {0}: the image does not have it")]
    NoChunk(u32),
    /// A chunk of zeros has no frame to hand out; the reader writes zeros.
    #[error("read chunk {0}: it is all zeros")]
    Zero(u32),
}

/// The folder. All methods block: call them where blocking is allowed.
#[derive(Debug, Clone)]
pub struct Blobs {
    dir: PathBuf,
}

impl Blobs {
    /// Opens the folder, makes it where there is none (mode 0700), and removes what interrupted imports left: files under
    /// a temporary name, and frames without a manifest. No import may be in progress.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub fn new(dir: &Path) -> Result<Self, BlobError> {
        let blobs = Self { dir: dir.to_owned() };
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed(dir))?;
        for name in blobs.names()? {
            let path = dir.join(&name);
            let frames_alone =
                path.extension().is_some_and(|e| e == "zst") && !path.with_extension("manifest").exists();
            if frames_alone || path.extension().is_some_and(|e| e == UNFINISHED) {
                std::fs::remove_file(&path).map_err(failed(&path))?;
                tracing::info!(file = %path.display(), "removed what an interrupted import left");
            }
        }
        Ok(blobs)
    }

    /// The ids of all whole images, in no order: for comparing with the database.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn ids(&self) -> Result<Vec<ImageId>, BlobError> {
        let names = self.names()?;
        Ok(names.iter().filter_map(|name| name.strip_suffix(".manifest")?.parse().ok()).collect())
    }

    /// The manifest's bytes, whose digest stands in orders.
    ///
    /// # Errors
    /// When there is no such image, or its manifest cannot be read.
    pub fn manifest_bytes(&self, id: ImageId) -> Result<Vec<u8>, BlobError> {
        let path = self.manifest_path(id);
        let mut bytes = Vec::new();
        File::open(&path)
            .and_then(|file| file.take(MAX_MANIFEST_BYTES).read_to_end(&mut bytes))
            .map_err(failed(&path))?;
        Ok(bytes)
    }

    /// The frames of at most [`MAX_INDICES`] data chunks, in the order asked. `manifest` is the image's own.
    ///
    /// # Errors
    /// When a chunk is not there or is all zeros, or the file cannot be read.
    pub fn frames(&self, id: ImageId, manifest: &Manifest, indices: &[u32]) -> Result<Vec<(u32, Vec<u8>)>, BlobError> {
        if indices.len() > MAX_INDICES {
            return Err(BlobError::TooMany(indices.len()));
        }
        let path = self.frames_path(id);
        let file = File::open(&path).map_err(failed(&path))?;
        indices
            .iter()
            .map(|&index| {
                let (offset, length) = place(manifest, index)?;
                let mut frame = vec![0; length.min(MAX_FRAME_BYTES) as usize];
                file.read_exact_at(&mut frame, offset).map_err(failed(&path))?;
                Ok((index, frame))
            })
            .collect()
    }

    /// Removes an image, the manifest first; one that is not there is no error.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn remove(&self, id: ImageId) -> Result<(), BlobError> {
        for path in [self.manifest_path(id), self.frames_path(id)] {
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&path)(error)),
                _ => {}
            }
        }
        self.sync()
    }

    /// Moves an image out of the folder. The frames go first: what is cut off in between has its manifest still, and is moved
    /// when this is called again.
    ///
    /// # Errors
    /// When a file cannot be moved.
    pub fn set_aside(&self, id: ImageId, into: &Path) -> Result<(), BlobError> {
        let other = Self { dir: into.to_owned() };
        for (from, to) in
            [(self.frames_path(id), other.frames_path(id)), (self.manifest_path(id), other.manifest_path(id))]
        {
            match std::fs::rename(&from, to) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&from)(error)),
                _ => {}
            }
        }
        other.sync()?;
        self.sync()
    }

    /// `ID.zst`.
    pub(super) fn frames_path(&self, id: ImageId) -> PathBuf {
        self.dir.join(format!("{id}.zst"))
    }
    /// `ID.manifest`.
    pub(super) fn manifest_path(&self, id: ImageId) -> PathBuf {
        self.dir.join(format!("{id}.manifest"))
    }
    /// Where `path` is written until it is whole.
    pub(super) fn unfinished(path: &Path) -> PathBuf {
        let mut name = path.as_os_str().to_owned();
        name.push(".");
        name.push(UNFINISHED);
        name.into()
    }
    /// Makes renames and removals durable.
    pub(super) fn sync(&self) -> Result<(), BlobError> {
        File::open(&self.dir).and_then(|dir| dir.sync_all()).map_err(failed(&self.dir))
    }

    /// Names that are not UTF-8 are not ours.
    fn names(&self) -> Result<Vec<String>, BlobError> {
        let entries = std::fs::read_dir(&self.dir).map_err(failed(&self.dir))?;
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(failed(&self.dir))?.file_name();
            names.extend(name.into_string());
        }
        Ok(names)
    }
}

pub(super) fn failed(path: &Path) -> impl Fn(io::Error) -> BlobError {
    let path = path.to_owned();
    move |source| BlobError::File { path: path.clone(), source }
}

fn place(manifest: &Manifest, index: u32) -> Result<(u64, u32), BlobError> {
    match manifest.chunks.get(index as usize) {
        Some(ChunkEntry::Data { offset, length, .. }) => Ok((*offset, *length)),
        Some(ChunkEntry::Zero) => Err(BlobError::Zero(index)),
        None => Err(BlobError::NoChunk(index)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use billet_proto::manifest::{CHUNK_BYTES, Digest};
    use std::os::unix::fs::PermissionsExt;

    fn id(n: u128) -> ImageId {
        ImageId::new(uuid::Uuid::from_u128(n))
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn image(dir: &Path) -> (Blobs, Manifest) {
        let blobs = Blobs::new(dir).unwrap();
        std::fs::write(blobs.frames_path(id(1)), b"..onetwo").unwrap();
        let data = |offset| ChunkEntry::Data { digest: Digest::of(b""), offset, length: 3 };
        let manifest = Manifest {
            version: 1,
            size_bytes: 4 * CHUNK_BYTES,
            os_type: "Linux".into(),
            sha256: "00".repeat(32),
            chunks: vec![data(2), ChunkEntry::Zero, data(5), data(6)],
        };
        std::fs::write(blobs.manifest_path(id(1)), manifest.to_bytes()).unwrap();
        (blobs, manifest)
    }

    #[test]
    fn frames_come_in_the_order_asked() {
        let folder = tempfile::tempdir().unwrap();
        let (blobs, manifest) = image(folder.path());
        let frames = blobs.frames(id(1), &manifest, &[2, 0, 2]).unwrap();
        assert_eq!(frames, [(2, b"two".to_vec()), (0, b"one".to_vec()), (2, b"two".to_vec())]);
        assert_eq!(blobs.manifest_bytes(id(1)).unwrap(), manifest.to_bytes());
        assert_eq!(blobs.ids().unwrap(), [id(1)]);
    }

    #[test]
    fn what_cannot_be_handed_out_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (blobs, manifest) = image(folder.path());
        assert!(matches!(blobs.frames(id(1), &manifest, &[0; 17]), Err(BlobError::TooMany(17))));
        assert!(matches!(blobs.frames(id(1), &manifest, &[4]), Err(BlobError::NoChunk(4))));
        assert!(matches!(blobs.frames(id(1), &manifest, &[1]), Err(BlobError::Zero(1))));
        // The last frame reaches beyond the file's end.
        assert!(matches!(blobs.frames(id(1), &manifest, &[3]), Err(BlobError::File { .. })));
        assert!(matches!(blobs.frames(id(2), &manifest, &[0]), Err(BlobError::File { .. })));
        assert!(matches!(blobs.manifest_bytes(id(2)), Err(BlobError::File { .. })));
    }

    #[test]
    fn a_start_removes_what_an_interrupted_import_left_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("images");
        image(&dir);
        assert_eq!(std::fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
        let whole = names(&dir);
        for leftover in
            [format!("{}.zst.partial", id(2)), format!("{}.manifest.partial", id(2)), format!("{}.zst", id(3))]
        {
            std::fs::write(dir.join(leftover), b"x").unwrap();
        }
        std::fs::write(dir.join("README"), b"an operator's").unwrap();
        Blobs::new(&dir).unwrap();
        let mut expected = whole;
        expected.push("README".into());
        expected.sort();
        assert_eq!(names(&dir), expected);
    }

    #[test]
    fn a_removed_image_is_gone_and_may_be_removed_again() {
        let folder = tempfile::tempdir().unwrap();
        let (blobs, _) = image(folder.path());
        blobs.remove(id(1)).unwrap();
        blobs.remove(id(1)).unwrap();
        assert!(names(folder.path()).is_empty());
    }
}
