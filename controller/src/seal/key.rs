//! The master key: where it lies and how it is read.

use super::file;
use crate::clock::Entropy;
use sha2::{Digest, Sha256};
use std::{
    io,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// Bytes of a key's id.
pub(super) const KEY_ID_BYTES: usize = 4;
/// A key in use and those before it; nobody rotates more often between two sweeps.
const MAX_KEYS: usize = 16;
/// Longer than any key file.
const MAX_FILE_BYTES: u64 = 4096;

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or written, or others may read it.
    #[error("use the key file {path}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Something else than keys.
    #[error("use the key file {path}: line {line} is not 64 hexadecimal digits")]
    Line {
        /// Which file.
        path: PathBuf,
        /// Counts from 1.
        line: usize,
    },
    /// Empty, or endless.
    #[error("use the key file {path}: it holds {found} keys, not 1 to {MAX_KEYS}")]
    Count {
        /// Which file.
        path: PathBuf,
        /// How many.
        found: usize,
    },
}

/// 256 bits, wiped when dropped; without `Debug`.
pub(super) struct MasterKey {
    bytes: Zeroizing<[u8; 32]>,
    id: [u8; KEY_ID_BYTES],
}

impl MasterKey {
    fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        // A digest under a name of its own tells nothing of the key that could be used elsewhere.
        let digest = Sha256::new().chain_update(b"billet master key id\0").chain_update(&bytes[..]).finalize();
        let mut id = [0; KEY_ID_BYTES];
        id.copy_from_slice(&digest[..KEY_ID_BYTES]);
        Self { bytes, id }
    }
    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }
    pub(super) fn id(&self) -> [u8; KEY_ID_BYTES] {
        self.id
    }
}

/// The keys of `credential` where that file is, else of `path`, where one is made when there is none.
pub(super) fn load_or_create(
    credential: Option<&Path>,
    path: &Path,
    entropy: &dyn Entropy,
) -> Result<Vec<MasterKey>, KeyError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| KeyError::File { path, source }
    };
    // systemd guards its credentials by an ACL, which shows as a mode of 0440: the mode proves nothing there.
    if let Some(credential) = credential.filter(|file| file.exists()) {
        let text = file::read(credential, MAX_FILE_BYTES).map_err(failed(credential))?;
        return parse(credential, &text);
    }
    if let Some(text) = file::read_private(path, MAX_FILE_BYTES).map_err(failed(path))? {
        return parse(path, &text);
    }
    let mut bytes = Zeroizing::new([0; 32]);
    entropy.fill(&mut *bytes);
    let mut line = Zeroizing::new(hex::encode(&bytes[..]));
    line.push('\n');
    file::create_private(path, line.as_bytes()).map_err(failed(path))?;
    Ok(vec![MasterKey::new(bytes)])
}

fn parse(path: &Path, text: &str) -> Result<Vec<MasterKey>, KeyError> {
    let mut keys = Vec::new();
    for (line, digits) in (1..).zip(text.lines()).filter(|(_, digits)| !digits.trim().is_empty()) {
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(digits.trim(), &mut *bytes).map_err(|_| KeyError::Line { path: path.to_owned(), line })?;
        keys.push(MasterKey::new(bytes));
    }
    if keys.is_empty() || keys.len() > MAX_KEYS {
        return Err(KeyError::Count { path: path.to_owned(), found: keys.len() });
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemEntropy;
    use std::os::unix::fs::PermissionsExt;

    fn ids(keys: &[MasterKey]) -> Vec<[u8; KEY_ID_BYTES]> {
        keys.iter().map(MasterKey::id).collect()
    }

    #[test]
    fn a_key_is_made_once_and_is_the_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let made = load_or_create(None, &path, &SystemEntropy).unwrap();
        let read = load_or_create(None, &path, &SystemEntropy).unwrap();
        assert_eq!(ids(&made), ids(&read));
        assert_eq!(made[0].bytes(), read[0].bytes());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_key_file_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        std::fs::write(&path, "00".repeat(32)).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(load_or_create(None, &path, &SystemEntropy), Err(KeyError::File { .. })));
    }

    #[test]
    fn a_credential_goes_before_the_file_and_none_is_made_then() {
        let folder = tempfile::tempdir().unwrap();
        let (credential, path) = (folder.path().join("master-key"), folder.path().join("file"));
        std::fs::write(&credential, "11".repeat(32)).unwrap();
        let keys = load_or_create(Some(&credential), &path, &SystemEntropy).unwrap();
        assert_eq!(keys[0].bytes(), &[0x11; 32]);
        assert!(!path.exists());
        std::fs::remove_file(&credential).unwrap();
        load_or_create(Some(&credential), &path, &SystemEntropy).unwrap();
        assert!(path.exists());
    }

    #[test]
    fn the_first_line_is_the_newest_key() {
        let text = format!("{}\n\n{}\n", "22".repeat(32), "11".repeat(32));
        let keys = parse(Path::new("k"), &text).unwrap();
        assert_eq!([keys[0].bytes()[0], keys[1].bytes()[0]], [0x22, 0x11]);
    }

    #[test]
    fn anything_but_keys_is_refused_with_its_line_and_without_its_text() {
        for (text, expected) in [
            ("", "it holds 0 keys"),
            ("hunter2", "line 1 is not"),
            (&format!("{}\nhunter2", "11".repeat(32)), "line 2 is not"),
            (&"11".repeat(31), "line 1 is not"),
            (&format!("{}\n", "11".repeat(32)).repeat(17), "it holds 17 keys"),
        ] {
            let Err(error) = parse(Path::new("k"), text) else { panic!("{text} was taken") };
            assert!(error.to_string().contains(expected), "{error}");
            assert!(!error.to_string().contains("hunter2"));
        }
    }
}
