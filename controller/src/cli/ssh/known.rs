//! A known_hosts file with one key, for as long as one ssh runs.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// The file, in a folder of its own that others cannot enter; both are removed when dropped.
pub(super) struct KnownHosts {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl KnownHosts {
    /// With `key`, in OpenSSH's public form, for `alias`.
    ///
    /// # Errors
    /// When it is no public key, or the file cannot be written.
    pub(super) fn write(alias: &str, key: &str) -> io::Result<Self> {
        let line = line(alias, key).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, "the controller gave something else than a public key")
        })?;
        let folder = tempfile::Builder::new().prefix("billet-ssh-").tempdir()?;
        let path = folder.path().join("known_hosts");
        fs::File::create_new(&path)?.write_all(line.as_bytes())?;
        Ok(Self { _folder: folder, path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Nothing of the key but its type and its bytes: a line's end or a marker such as `@cert-authority` would be more than
/// one key.
fn line(alias: &str, key: &str) -> Option<String> {
    let mut words = key.split(' ');
    let (kind, blob) = (words.next()?, words.next()?);
    let legal = |c: char| c.is_ascii_alphanumeric() || "-@.".contains(c);
    let bytes = STANDARD.decode(blob).ok()?;
    // The bytes begin with their type (RFC 4253 §6.6).
    let named = bytes.get(4..4 + kind.len()) == Some(kind.as_bytes());
    (named && !kind.is_empty() && kind.chars().all(legal)).then(|| format!("{alias} {kind} {blob}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    #[test]
    fn a_line_is_one_key_and_nothing_else() {
        assert_eq!(line("i-1", KEY), Some(format!("i-1 {KEY}\n")));
        assert_eq!(line("i-1", &format!("{KEY} root@host\nx")), Some(format!("i-1 {KEY}\n")), "a comment is left out");
        let blob = KEY.split(' ').nth(1).unwrap();
        for bad in [
            String::new(),
            "ssh-ed25519".to_owned(),
            "ssh-ed25519 x".to_owned(),
            format!("ssh-rsa {blob}"),
            format!("@cert-authority {blob}"),
            format!("ssh-ed25519 {blob}\n* {KEY}"),
            format!(" {blob}"),
        ] {
            assert_eq!(line("i-1", &bad), None, "{bad}");
        }
    }

    #[test]
    fn the_file_goes_with_its_use() {
        let known = KnownHosts::write("i-1", KEY).unwrap();
        let path = known.path().to_owned();
        let told =
            std::process::Command::new("ssh-keygen").args(["-l", "-F", "i-1", "-f"]).arg(&path).output().unwrap();
        let told = String::from_utf8(told.stdout).unwrap();
        assert!(told.contains(&crate::host_key::fingerprint(KEY).unwrap()), "OpenSSH finds it: {told}");
        drop(known);
        assert!(!path.parent().unwrap().exists());
    }
}
