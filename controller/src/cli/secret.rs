//! Files that hold one secret in their first line.

use secrecy::SecretString;
use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// Longer than any token or password.
const MAX_LINE_BYTES: u64 = 4096;

/// Why the file of a secret cannot be used. It never repeats what stands in it.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// It cannot be read.
    #[error("read the {what} in {path}")]
    Read {
        /// `token` or `password`.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Nothing stands in its first line.
    #[error("read the {what}: the first line of {path} is empty")]
    Empty {
        /// `token` or `password`.
        what: &'static str,
        /// Which file.
        path: PathBuf,
    },
    /// Not the file that was meant.
    #[error("read the {what}: the first line of {path} is not text of at most {MAX_LINE_BYTES} bytes")]
    NotText {
        /// `token` or `password`.
        what: &'static str,
        /// Which file.
        path: PathBuf,
    },
}

/// A secret, and the warning to give when others may read its file.
#[derive(Debug)]
pub struct FromFile {
    /// Without the line's end.
    pub secret: SecretString,
    /// For a person.
    pub warning: Option<String>,
}

/// Reads the first line of the file at `path`, which holds a `what`.
///
/// # Errors
/// When there is none.
pub fn read(what: &'static str, path: &Path) -> Result<FromFile, SecretFileError> {
    let path = path.to_owned();
    match first_line(&path) {
        Err(source) => Err(SecretFileError::Read { what, path, source }),
        Ok((line, mode)) => match line.as_ref().map(|line| line.trim_end_matches(['\n', '\r'])) {
            None => Err(SecretFileError::NotText { what, path }),
            Some("") => Err(SecretFileError::Empty { what, path }),
            Some(line) => Ok(FromFile { secret: line.into(), warning: warning(what, &path, mode) }),
        },
    }
}

fn first_line(path: &Path) -> io::Result<(Option<Zeroizing<String>>, u32)> {
    let file = File::open(path)?;
    let meta = file.metadata()?;
    // A pipe or a terminal (`--password-file /dev/stdin`) is not a file that others could read later.
    let mode = if meta.is_file() { meta.permissions().mode() } else { 0 };
    let mut bytes = Zeroizing::new(Vec::new());
    let length = BufReader::new(file.take(MAX_LINE_BYTES + 1)).read_until(b'\n', &mut bytes)?;
    let short = u64::try_from(length).is_ok_and(|length| length <= MAX_LINE_BYTES);
    let line = std::str::from_utf8(&bytes).ok().filter(|_| short);
    Ok((line.map(|line| Zeroizing::new(line.to_owned())), mode))
}

fn warning(what: &str, path: &Path, mode: u32) -> Option<String> {
    (mode & 0o044 != 0).then(|| {
        let mode = mode & 0o777;
        format!("warning: others may read the {what} in {} (mode {mode:o}); chmod 600 it", path.display())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;
    use std::fs::{Permissions, set_permissions, write};

    fn file(content: &[u8], mode: u32) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        write(&path, content).unwrap();
        set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        (dir, path)
    }

    #[test]
    fn the_secret_is_the_first_line_without_its_end() {
        for (content, secret) in [
            ("tops3cret", "tops3cret"),
            ("tops3cret\n", "tops3cret"),
            ("tops3cret\r\nmore", "tops3cret"),
            (" a b ", " a b "),
        ] {
            let (_dir, path) = file(content.as_bytes(), 0o600);
            let read = read("password", &path).unwrap();
            assert_eq!(read.secret.expose_secret(), secret);
            assert!(read.warning.is_none());
        }
    }

    #[test]
    fn a_file_that_others_may_read_is_warned_of() {
        for (mode, warned) in [(0o600, false), (0o400, false), (0o640, true), (0o604, true), (0o711, false)] {
            let (_dir, path) = file(b"tops3cret\n", mode);
            assert_eq!(read("token", &path).unwrap().warning.is_some(), warned, "{mode:o}");
        }
    }

    #[test]
    fn what_is_no_secret_is_refused_without_being_repeated() {
        let long = vec![b'x'; 5000];
        for content in [&b"\nsecond"[..], b"", b"\xff\xfe", &long] {
            let (_dir, path) = file(content, 0o600);
            let error = read("token", &path).unwrap_err();
            assert!(!format!("{error:?}").contains("xx"), "{error:?}");
        }
        assert!(matches!(read("token", Path::new("/nowhere/at-all")), Err(SecretFileError::Read { .. })));
    }
}
