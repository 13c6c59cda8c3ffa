//! A state folder as a controller has it, for the tests of the verbs.

use super::*;
use crate::{ca::Ca, receipt::ReceiptKey, store::sqlite::SqliteStore};

/// With a database, which is not open, and all keys.
pub(super) struct State {
    folder: tempfile::TempDir,
    pub(super) sealer: Sealer,
}

impl State {
    pub(super) fn new() -> Self {
        let (folder, edge) = (tempfile::tempdir().unwrap(), Edge::system());
        let sealer = Sealer::load_or_create(&folder.path().join(state::MASTER_KEY), &edge.entropy).unwrap();
        Ca::load_or_create(folder.path(), &edge).unwrap();
        ReceiptKey::load_or_create(&folder.path().join(state::RECEIPT_KEY), &*edge.entropy).unwrap();
        SqliteStore::open(&folder.path().join(state::DATABASE)).unwrap();
        Self { folder, sealer }
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }
}

#[test]
fn a_master_key_that_is_not_there_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let error = sealer(folder.path(), None, &Edge::system()).unwrap_err();
    assert!(matches!(error, BackupError::NoMasterKey(_)), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let (known, apart) = (State::new(), folder.path().join("apart"));
    std::fs::copy(known.path().join(state::MASTER_KEY), &apart).unwrap();
    sealer(folder.path(), Some(&apart), &Edge::system()).unwrap();
}
