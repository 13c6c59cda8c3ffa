//! Files that only their owner may read, written whole or not at all.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};
use zeroize::Zeroizing;

/// Reads a text of at most `max_bytes`, whatever its mode.
///
/// # Errors
/// When it cannot be read, is longer, or is not UTF-8.
pub(crate) fn read(path: &Path, max_bytes: u64) -> io::Result<Zeroizing<String>> {
    read_open(&File::open(path)?, max_bytes)
}

/// As [`read`]; `None` where there is no such file.
///
/// # Errors
/// As [`read`], and when group or others have any right to it.
pub(crate) fn read_private(path: &Path, max_bytes: u64) -> io::Result<Option<Zeroizing<String>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mode = file.metadata()?.mode() & 0o7777;
    if mode & 0o077 != 0 {
        let text = format!("its mode is {mode:04o}; a secret's is 0600");
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
    }
    read_open(&file, max_bytes).map(Some)
}

/// Writes a file with mode 0600 that must not exist yet; it is on disk when this returns.
///
/// # Errors
/// When it exists or cannot be written; nothing is left then.
pub(crate) fn create_private(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
    name.push(".new");
    let unfinished = path.with_file_name(name);
    remove_if_there(&unfinished)?;
    let written = write(&unfinished, contents)
        // A link and not a rename: it fails where the file exists, so that no secret is ever overwritten.
        .and_then(|()| std::fs::hard_link(&unfinished, path));
    remove_if_there(&unfinished)?;
    written?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

fn write(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(contents)?;
    file.sync_all()
}

fn read_open(file: &File, max_bytes: u64) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    let read = file.take(max_bytes + 1).read_to_string(&mut text)?;
    if read as u64 > max_bytes {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("it is longer than {max_bytes} bytes")));
    }
    Ok(text)
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_exists_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        create_private(&path, b"one").unwrap();
        assert_eq!(create_private(&path, b"two").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(**read_private(&path, 9).unwrap().unwrap(), *"one");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_crash_left_unfinished_does_not_stand_in_the_way() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret.new"), "half").unwrap();
        create_private(&folder.path().join("secret"), b"whole").unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_longer_than_asked_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        create_private(&path, b"four").unwrap();
        assert!(read_private(&path, 4).is_ok());
        assert!(read_private(&path, 3).is_err());
        assert!(read_private(&folder.path().join("none"), 3).unwrap().is_none());
    }
}
