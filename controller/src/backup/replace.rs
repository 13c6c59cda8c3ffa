//! Putting a file in another's place: what was there is kept beside it, under a dated name, before anything takes its name.

use super::error::{BackupError, at};
use crate::seal::file;
use std::{
    fs,
    io::{self, ErrorKind},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// Gives the file a second name, `NAME.before-DATE`; nothing is done where it is not there. Answers the name.
pub(super) fn keep(path: &Path, date: &str) -> Result<Option<PathBuf>, BackupError> {
    let kept = beside(path, &format!(".before-{date}"));
    match fs::hard_link(path, &kept) {
        Ok(()) => Ok(Some(kept)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(at(&kept)(error)),
    }
}

/// Keeps a database, with its log beside it, so that it opens under the new name as under the old one.
pub(super) fn keep_database(path: &Path, date: &str) -> Result<Option<PathBuf>, BackupError> {
    let Some(kept) = keep(path, date)? else { return Ok(None) };
    let (log, kept_log) = (beside(path, "-wal"), beside(&kept, "-wal"));
    match fs::hard_link(&log, &kept_log) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(at(&kept_log)(error)),
        _ => Ok(Some(kept)),
    }
}

/// Removes a database's log and what else SQLite keeps beside it: SQLite would carry any log of that name over into any file.
pub(super) fn remove_log(path: &Path) -> Result<(), BackupError> {
    ["-wal", "-shm"].iter().try_for_each(|end| remove(&beside(path, end)))
}

/// One that is not there is no error.
pub(super) fn remove(path: &Path) -> Result<(), BackupError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(at(path)(error)),
        _ => Ok(()),
    }
}

/// Writes a key's file where it has another text, or none; another one is kept.
pub(super) fn write(path: &Path, text: &str, date: &str) -> Result<Option<PathBuf>, BackupError> {
    if is(path, text)? {
        return Ok(None);
    }
    let kept = keep(path, date)?;
    remove(path)?;
    file::create_private(path, text.as_bytes()).map_err(at(path))?;
    Ok(kept)
}

/// Whether the file has that text.
pub(super) fn is(path: &Path, text: &str) -> Result<bool, BackupError> {
    match fs::read(path) {
        Ok(there) => Ok(there == text.as_bytes()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(at(path)(error)),
    }
}

/// Gives a file to whom its folder belongs: who restores as root does it for the daemon's user.
pub(super) fn give_to_the_folders_owner(path: &Path) -> Result<(), BackupError> {
    let owner = |path: &Path| fs::metadata(path).map(|found| (found.uid(), found.gid()));
    let given = || -> io::Result<()> {
        let (uid, gid) = owner(path.parent().unwrap_or(Path::new(".")))?;
        if owner(path)? == (uid, gid) { Ok(()) } else { std::os::unix::fs::chown(path, Some(uid), Some(gid)) }
    };
    given().map_err(at(path))
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}
