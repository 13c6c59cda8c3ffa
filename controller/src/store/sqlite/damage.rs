//! Whether a database file is what was written: looked at before anything of it is used, because a server that is read as free
//! out of a damaged page would be given to somebody.

use super::OpenError;
use rusqlite::{Connection, Error, ErrorCode};
use std::path::Path;

/// Reads every page and how the pages hang together; not whether each index has each row, which takes several times as long.
/// A database of 40 MB takes about a quarter of a second on a small machine that is busy, once for each start.
pub(super) fn look(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let said: String =
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(|error| failed(path, error))?;
    if said == "ok" { Ok(()) } else { Err(OpenError::Damaged { path: path.to_owned(), said }) }
}

/// SQLite's error at opening, where it says that the file is damaged, as that.
pub(super) fn failed(path: &Path, error: Error) -> OpenError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            OpenError::Damaged { path: path.to_owned(), said: error.to_string() }
        }
        _ => OpenError::Database(error),
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        causes::chain,
        store::sqlite::{
            OpenError, SqliteStore,
            tests::sample::{event, furnish, instance, within},
        },
    };
    use std::{
        fs::{self, OpenOptions},
        os::unix::fs::FileExt,
        path::{Path, PathBuf},
    };

    /// A database that is events for the most part, closed, and whose log is carried over.
    fn database(folder: &Path) -> PathBuf {
        let path = folder.join("billet.db");
        let mut store = SqliteStore::open(&path).unwrap();
        furnish(&mut store);
        within(&mut store, |tx| {
            tx.insert_instance(&instance(1, 1))?;
            (0..5000).try_for_each(|_| tx.insert_event(&event(1, "as long as such a line is")).map(drop))
        })
        .unwrap();
        drop(store);
        assert!(!folder.join("billet.db-wal").exists());
        path
    }

    #[test]
    fn a_database_whose_middle_was_overwritten_is_refused_with_what_to_do_and_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = database(folder.path());
        let middle = fs::metadata(&path).unwrap().len() / 2;
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all_at(&[0x5a; 8192], middle).unwrap();
        let damaged = fs::read(&path).unwrap();
        let error = SqliteStore::open(&path).unwrap_err();
        assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
        let text = chain(&error);
        for word in ["billet.db", "is damaged", "billet-controller restore --replace"] {
            assert!(text.contains(word), "{text}");
        }
        assert!(fs::read(&path).unwrap() == damaged, "the file was changed");
    }

    #[test]
    fn a_database_whose_head_was_overwritten_or_that_was_cut_off_is_refused_as_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let path = database(folder.path());
        let whole = fs::read(&path).unwrap();
        let headless = [vec![0x5a; 100], whole[100..].to_vec()].concat();
        for damaged in [headless, whole[..whole.len() / 2].to_vec(), b"<html>".repeat(1000)] {
            fs::write(&path, &damaged).unwrap();
            let error = SqliteStore::open(&path).unwrap_err();
            assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
        }
        fs::write(&path, &whole).unwrap();
        SqliteStore::open(&path).unwrap();
    }
}
