//! Why there is no backup, or why it is not put back.

use crate::{
    clock::Timestamp,
    images::BlobError,
    seal::{KeyError, OpenError},
    store::{
        StoreError,
        sqlite::{CopyError, OpenError as OpenStore},
    },
};
use std::{io, path::PathBuf};

/// Nothing was changed, unless it says so.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Nothing to copy.
    #[error("back up {0}: there is no such database; state_dir in the configuration names its folder")]
    NoDatabase(PathBuf),
    /// A backup is never written over.
    #[error("make the backup {0}: it is there already")]
    Exists(PathBuf),
    /// The keys in a backup are sealed by it.
    #[error(
        "find the master key {0}: a backup is sealed by it; put the one line there that was kept apart (mode 0600), or name its \
         file with --master-key"
    )]
    NoMasterKey(PathBuf),
    /// It cannot be used.
    #[error("use the master key")]
    MasterKey(#[source] KeyError),
    /// A file or folder cannot be read or written.
    #[error("use {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The database cannot be copied, or the copy is not whole.
    #[error("copy the database")]
    Copy(#[from] CopyError),
    /// A step of a replacement fell in between.
    #[error("read the keys in {0}: somebody changed them meanwhile; take the backup again")]
    Moved(PathBuf),
    /// Another master key's, or it was changed.
    #[error("open the backup's {path}: it was sealed by another controller's master key, or was changed since")]
    Sealed {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: OpenError,
    },
    /// Sealed, and still not what a backup has.
    #[error("read the backup's {0}: another version wrote it")]
    Unreadable(PathBuf),
    /// The database is not the one that was sealed.
    #[error("use the backup's {0}: it was changed since the backup was taken, or is not all there")]
    Changed(PathBuf),
    /// Another controller runs there.
    #[error("take the state folder")]
    InUse(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A database or key is there that would be lost.
    #[error("put {0} back: another one is there already; with --replace it is kept beside it, under a dated name")]
    There(PathBuf),
    /// The database cannot be opened.
    #[error("open the restored database")]
    Open(#[from] OpenStore),
    /// It cannot be read or written.
    #[error("put the restored database in doubt")]
    Store(#[from] StoreError),
    /// The folder of images cannot be used.
    #[error("look through the folder of images")]
    Images(#[from] BlobError),
    /// What is given out from the time would be given out twice.
    #[error("put back a backup of {taken_at}: this machine's clock says {now}; set the clock first")]
    Clock {
        /// By the backup.
        taken_at: Timestamp,
        /// By the clock.
        now: Timestamp,
    },
}

/// An error of that path.
pub(super) fn at(path: &std::path::Path) -> impl Fn(io::Error) -> BackupError {
    let path = path.to_owned();
    move |source| BackupError::File { path: path.clone(), source }
}
