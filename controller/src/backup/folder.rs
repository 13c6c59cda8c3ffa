//! Folders and names: private, dated, and on disk.

use super::error::{BackupError, at};
use crate::clock::Timestamp;
use sha2::{Digest, Sha256};
use std::{
    fs::{DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::Path,
};

/// A time as a part of a name, to the second: `2026-11-25T194300Z`.
pub(super) fn dated(time: Timestamp) -> String {
    Timestamp(time.0 / 1000 * 1000).to_string().replace(':', "")
}

/// Makes a folder with mode 0700, which must not exist.
pub(super) fn make(path: &Path) -> Result<(), BackupError> {
    DirBuilder::new().mode(0o700).create(path).map_err(at(path))
}

/// Names in the folder are on disk when this returns.
pub(super) fn sync(path: &Path) -> Result<(), BackupError> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(at(path))
}

/// SHA-256 of a file, in hexadecimal.
pub(super) fn sha256(path: &Path) -> Result<String, BackupError> {
    let mut hasher = Sha256::new();
    File::open(path).and_then(|mut file| io::copy(&mut file, &mut hasher)).map_err(at(path))?;
    Ok(hex::encode(hasher.finalize()))
}
