//! The sealed file of a backup: the keys, and what the rest of it was.

use super::{
    KEYS,
    error::{BackupError, at},
};
use crate::{
    clock::Timestamp,
    daemon::state,
    seal::{Sealed, Sealer, file},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, io::ErrorKind, path::Path};
use zeroize::{Zeroize, Zeroizing};

/// In a state folder; the last ones only while one authority takes another's place.
const NAMES: [&str; state::KEPT.len() + state::KEPT_IF_THERE.len()] = {
    let ([a, b, c], [d, e, f, g]) = (state::KEPT, state::KEPT_IF_THERE);
    [a, b, c, d, e, f, g]
};
/// What it is sealed for.
const ROW: &str = "backup/keys";
/// Longer than any file of a key or certificate.
const MAX_FILE_BYTES: u64 = 64 << 10;
/// Longer than all of them.
const MAX_SEALED_BYTES: u64 = 1 << 20;

/// Whoever has them is this controller: its agents trust it, and its receipts are its own.
#[derive(Serialize, Deserialize)]
pub(super) struct Keys {
    pub(super) taken_at: Timestamp,
    pub(super) database_sha256: String,
    /// By their names in the state folder.
    files: BTreeMap<String, String>,
}

impl Keys {
    /// Reads them from the state folder.
    pub(super) fn load(state_dir: &Path, taken_at: Timestamp, database_sha256: String) -> Result<Self, BackupError> {
        let keys = Self { taken_at, database_sha256, files: read(state_dir)? };
        // A step of the authority's in between would leave a key without its certificate, and be found at the restore.
        let again = Self { taken_at, database_sha256: String::new(), files: read(state_dir)? };
        if keys.files == again.files { Ok(keys) } else { Err(BackupError::Moved(state_dir.to_owned())) }
    }

    /// Each file's name in the state folder, and its text. Names that this version does not know are not files of its folder.
    pub(super) fn files(&self) -> impl Iterator<Item = (&'static str, &str)> {
        NAMES.into_iter().filter_map(|name| Some((name, self.files.get(name)?.as_str())))
    }

    /// Names that a state folder may have, and the one of the backup did not.
    pub(super) fn absent(&self) -> impl Iterator<Item = &'static str> {
        NAMES.into_iter().filter(|name| !self.files.contains_key(*name))
    }

    /// Writes them, sealed, into a backup.
    pub(super) fn save(&self, folder: &Path, sealer: &Sealer) -> Result<(), BackupError> {
        let text = Zeroizing::new(serde_json::to_vec(self).expect("texts and a time have a JSON form"));
        let path = folder.join(KEYS);
        file::create_private(&path, &sealer.seal(ROW, &text).0).map_err(at(&path))
    }

    /// Opens those of a backup.
    pub(super) fn open(folder: &Path, sealer: &Sealer) -> Result<Self, BackupError> {
        use std::io::Read;
        let path = folder.join(KEYS);
        let mut sealed = Vec::new();
        std::fs::File::open(&path)
            .and_then(|file| file.take(MAX_SEALED_BYTES).read_to_end(&mut sealed))
            .map_err(at(&path))?;
        let failed = |source| BackupError::Sealed { path: path.clone(), source };
        let text = sealer.open(ROW, &Sealed(sealed)).map_err(failed)?;
        let keys: Self = serde_json::from_slice(&text).map_err(|_| BackupError::Unreadable(path.clone()))?;
        if state::KEPT.iter().any(|name| !keys.files.contains_key(*name)) {
            return Err(BackupError::Unreadable(path));
        }
        Ok(keys)
    }
}

fn read(state_dir: &Path) -> Result<BTreeMap<String, String>, BackupError> {
    let mut files = BTreeMap::new();
    for name in NAMES {
        let path = state_dir.join(name);
        match file::read(&path, MAX_FILE_BYTES) {
            Ok(text) => drop(files.insert(name.to_owned(), text.to_string())),
            Err(error) if error.kind() == ErrorKind::NotFound && !state::KEPT.contains(&name) => {}
            Err(error) => return Err(at(&path)(error)),
        }
    }
    Ok(files)
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.files.values_mut().for_each(Zeroize::zeroize);
    }
}
