//! The password of one BMC's account, where it is changed at release: what it is now, and what it is about to be.
//!
//! The operator's `password_file` is never written: it may be a credential of systemd's, which nobody can. A password that was
//! changed is kept in the agent's state folder, `bmc/SERVER.password`, mode 0600, and counts before the operator's.
//! Invariants: a password is on disk, as `bmc/SERVER.password.next`, before any BMC hears of it; it takes the place of the one
//! before only after somebody logged in with it; until then no other is proposed, and whoever cannot log in with the one before
//! tries it.

use super::{secret_file, state::replace};
use anyhow::Context;
use billet_proto::ServerId;
use rand::TryRngCore;
use secrecy::{ExposeSecret, SecretString};
use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// IPMI 2.0 has room for 20; a BMC of the time before takes 16, and some cut what is longer without a word.
const LENGTH: usize = 16;
const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Where a BMC's password is kept.
#[derive(Debug, Clone)]
pub(super) struct BmcPassword {
    /// The operator's.
    configured: PathBuf,
    current: PathBuf,
    next: PathBuf,
}

impl BmcPassword {
    /// Of this server's BMC. Makes the folder.
    ///
    /// # Errors
    /// When the file system refuses.
    pub(super) fn open(state_dir: &Path, server: ServerId, configured: &Path) -> io::Result<Self> {
        let dir = state_dir.join("bmc");
        match DirBuilder::new().mode(0o700).create(&dir) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        // The folder too outlives a power failure, whichever start made it.
        File::open(state_dir)?.sync_all()?;
        Ok(Self {
            configured: configured.to_owned(),
            current: dir.join(format!("{server}.password")),
            next: dir.join(format!("{server}.password.next")),
        })
    }

    /// The one that somebody logged in with last: changed here, or else the operator's.
    ///
    /// # Errors
    /// When it cannot be read, or others may.
    pub(super) fn current(&self) -> anyhow::Result<SecretString> {
        let doing = "read the BMC's password";
        // A folder that cannot be looked into is no folder without a password.
        let is_changed = self.current.try_exists().context(doing)?;
        secret_file::read(if is_changed { &self.current } else { &self.configured }).context(doing)
    }

    /// The one that the BMC may have instead.
    ///
    /// # Errors
    /// When it cannot be read, or others may.
    pub(super) fn next(&self) -> anyhow::Result<Option<SecretString>> {
        let doing = "read the BMC's next password";
        let is_there = self.next.try_exists().context(doing)?;
        is_there.then(|| secret_file::read(&self.next).context(doing)).transpose()
    }

    /// Keeps the one that the BMC is about to be told; it is on disk when this returns.
    ///
    /// # Errors
    /// When there is one already: it may be the only one that lets us in. When the file system refuses.
    pub(super) fn propose(&self, password: &SecretString) -> io::Result<()> {
        if self.next.try_exists()? {
            let text = format!("{} is there, and the BMC may have it", self.next.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
        }
        replace(&self.next, password.expose_secret().as_bytes(), 0o600)
    }

    /// Somebody logged in with the next one: it is the one now.
    pub(super) fn promote(&self) -> io::Result<()> {
        fs::rename(&self.next, &self.current)?;
        self.sync()
    }

    fn sync(&self) -> io::Result<()> {
        self.next.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
    }
}

/// A password that nobody guesses, 95 bits of the operating system's randomness; with a letter of each kind and a digit, for
/// BMCs that want that.
///
/// # Errors
/// When the system has no randomness.
pub(super) fn make() -> io::Result<SecretString> {
    loop {
        let mut bytes = Zeroizing::new([0; LENGTH * 2]);
        rand::rngs::OsRng.try_fill_bytes(&mut *bytes).map_err(io::Error::other)?;
        // Bytes beyond a multiple of 62 would make some letters likelier.
        let even = bytes.iter().filter(|byte| **byte < 248).take(LENGTH);
        let text: Zeroizing<String> =
            Zeroizing::new(even.map(|byte| char::from(LETTERS[usize::from(byte % 62)])).collect());
        let has = |kind: fn(&char) -> bool| text.chars().any(|c| kind(&c));
        let of_each = has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase) && has(char::is_ascii_digit);
        if text.len() == LENGTH && of_each {
            return Ok(SecretString::from(text.as_str()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn passwords_are_long_unlike_and_fit_for_every_bmc() {
        let made: Vec<String> = (0..100).map(|_| make().unwrap().expose_secret().to_owned()).collect();
        for password in &made {
            assert!(password.len() == 16 && password.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{password}");
        }
        let mut unlike = made.clone();
        unlike.sort();
        unlike.dedup();
        assert_eq!(unlike.len(), made.len());
    }

    #[test]
    fn what_was_changed_counts_before_the_operators_and_nobody_else_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let configured = dir.path().join("configured");
        fs::write(&configured, "first\n").unwrap();
        fs::set_permissions(&configured, fs::Permissions::from_mode(0o400)).unwrap();
        let id: ServerId = "0198170e-4ca7-7000-8000-000000000001".parse().unwrap();
        let open = || BmcPassword::open(dir.path(), id, &configured).unwrap();
        let current = || open().current().unwrap().expose_secret().to_owned();
        assert_eq!(current(), "first");
        assert!(open().next().unwrap().is_none());
        open().propose(&"second".into()).unwrap();
        assert_eq!(open().propose(&"other".into()).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!((current(), open().next().unwrap().unwrap().expose_secret()), ("first".to_owned(), "second"));
        open().promote().unwrap();
        assert_eq!(current(), "second");
        assert!(open().next().unwrap().is_none());
        let mode = fs::metadata(&open().current).unwrap().permissions().mode() & 0o777;
        let folder = fs::metadata(dir.path().join("bmc")).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode, folder), (0o600, 0o700));
        open().propose(&"third".into()).unwrap();
        assert_eq!((current(), open().next().unwrap().unwrap().expose_secret()), ("second".to_owned(), "third"));
        assert_eq!(fs::read_to_string(&configured).unwrap(), "first\n");
    }

    #[test]
    fn a_folder_that_cannot_be_looked_into_is_not_one_without_a_password() {
        let dir = tempfile::tempdir().unwrap();
        let configured = dir.path().join("configured");
        fs::write(&configured, "first").unwrap();
        fs::set_permissions(&configured, fs::Permissions::from_mode(0o400)).unwrap();
        let id: ServerId = "0198170e-4ca7-7000-8000-000000000001".parse().unwrap();
        let password = BmcPassword::open(dir.path(), id, &configured).unwrap();
        // A file in the folder's place: root too sees nothing in it.
        fs::remove_dir(dir.path().join("bmc")).unwrap();
        fs::write(dir.path().join("bmc"), "").unwrap();
        assert!(password.current().is_err() && password.next().is_err());
        password.propose(&"second".into()).unwrap_err();
    }
}
