//! A file with a secret of the operator's: a BMC's password or key.

use anyhow::{Context, bail};
use secrecy::SecretString;
use std::{
    fs::File,
    io::Read,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
};
use zeroize::Zeroizing;

/// A password is not longer, nor is what somebody wrote beside it.
const MAX_BYTES: u64 = 4096;
/// Its owner's, and to be read by its group: a daemon may have a user of its own, and the file may be root's.
const FORBIDDEN: u32 = 0o037;

/// The first line of a short file. Whoever has a BMC's password has the server: one that others may read is refused.
///
/// # Errors
/// When it cannot be read, is longer than 4096 bytes, others than its owner and group may read it, or others than its owner
/// may change it.
pub(super) fn read(path: &Path) -> anyhow::Result<SecretString> {
    let reading = || format!("read {}", path.display());
    let file = File::open(path).with_context(reading)?;
    let status = file.metadata().with_context(reading)?;
    let mode = status.permissions().mode() & 0o7777;
    if mode & FORBIDDEN != 0 {
        let path = path.display();
        bail!("read {path}: its mode is {mode:04o}, so that others may read or change it; chmod 0600 {path}");
    }
    if status.size() > MAX_BYTES {
        bail!("read {}: it has {} bytes, more than {MAX_BYTES}", path.display(), status.size());
    }
    let mut text = Zeroizing::new(String::new());
    file.take(MAX_BYTES).read_to_string(&mut text).with_context(reading)?;
    Ok(SecretString::from(text.lines().next().unwrap_or_default().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;
    use std::fs::{self, Permissions};

    #[test]
    fn a_secret_is_the_first_line_of_a_file_that_others_may_neither_read_nor_change() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        fs::write(&path, "Zq7\nnot this\n").unwrap();
        let with = |mode: u32| {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            read(&path)
        };
        for mode in [0o400, 0o440, 0o600, 0o640] {
            assert_eq!(with(mode).unwrap().expose_secret(), "Zq7");
        }
        for mode in [0o644, 0o604, 0o602, 0o660, 0o601] {
            let error = with(mode).unwrap_err().to_string();
            assert!(error.contains(&format!("its mode is {mode:04o}")) && error.contains("chmod 0600"), "{error}");
        }
        fs::write(&path, "a".repeat(4097)).unwrap();
        assert!(with(0o600).unwrap_err().to_string().contains("4097 bytes"));
    }
}
