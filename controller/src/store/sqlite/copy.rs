//! A copy of a database that is in use, as it was at one instant.
//!
//! By `VACUUM INTO`, and not by SQLite's backup interface: that one begins anew whenever somebody else writes between two of its
//! steps, which beside a controller would be for ever; in one step it is no kinder than this. `VACUUM INTO` reads in one
//! transaction, which sees the last commit, and in a write-ahead log nobody waits for who reads. It walks every row, so that a
//! damaged page is met now and not at the restoring; and what was deleted does not go along in free pages.

use super::migration::{self, MigrationError};
use rusqlite::{Connection, OpenFlags};
use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// Why there is no copy, or why it is not to be used.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// A file cannot be made or written.
    #[error("write the copy {path}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// SQLite cannot read the one, or write the other.
    #[error("copy the database")]
    Database(#[source] rusqlite::Error),
    /// The copy is not whole.
    #[error("use the copy: it is damaged ({0})")]
    Damaged(String),
    /// Another program's, or a newer version's.
    #[error("use the copy")]
    Version(#[source] MigrationError),
}

/// Copies the database at `from` to `to`, which must not exist: mode 0600, checked as a whole, and on disk when this returns.
/// Its name is not: that is the folder's.
///
/// # Errors
/// When it cannot be read, written or checked; what was written is left to the caller.
pub fn copy(from: &Path, to: &Path) -> Result<(), CopyError> {
    let failed = |source| CopyError::File { path: to.to_owned(), source };
    // SQLite takes an empty file, and would make one of the umask's mode.
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).map_err(failed)?;
    write(from, to).map_err(CopyError::Database)?;
    check(to)?;
    // SQLite does not sync what it vacuums into.
    file.sync_all().map_err(failed)
}

fn write(from: &Path, to: &Path) -> rusqlite::Result<()> {
    let source = reader(from)?;
    source.busy_timeout(super::BUSY_TIMEOUT)?;
    source.execute("VACUUM INTO ?1", [to.to_string_lossy()]).map(drop)
}

/// Whether the file at `path` is a whole database of ours that this version can read: every page, index, rule and reference.
///
/// # Errors
/// When it is not.
pub fn check(path: &Path) -> Result<(), CopyError> {
    let connection = reader(path).map_err(CopyError::Database)?;
    migration::check(&connection).map_err(CopyError::Version)?;
    let one = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, String>(0));
    let said = one("PRAGMA integrity_check(1)").map_err(CopyError::Database)?;
    if said != "ok" {
        return Err(CopyError::Damaged(said));
    }
    match one("SELECT \"table\" FROM pragma_foreign_key_check LIMIT 1") {
        Err(rusqlite::Error::QueryReturnedNoRows) => Ok(()),
        Ok(table) => Err(CopyError::Damaged(format!("a row of {table} refers to one that is not there"))),
        Err(error) => Err(CopyError::Database(error)),
    }
}

fn reader(path: &Path) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
}

/// Closes a database that nobody has open, with all of its log in the one file, and on disk.
///
/// # Errors
/// When a file cannot be written.
pub fn settle(path: &Path) -> Result<(), CopyError> {
    let connection = Connection::open(path).map_err(CopyError::Database)?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(CopyError::Database)?;
    connection.close().map_err(|(_, error)| CopyError::Database(error))?;
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced.map_err(|source| CopyError::File { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{
        Store,
        sqlite::{
            SqliteStore,
            tests::sample::{event, furnish, instance, within},
        },
    };
    use std::os::unix::fs::{FileExt, PermissionsExt};

    fn database(folder: &Path) -> (SqliteStore, PathBuf) {
        let path = folder.join("billet.db");
        let mut store = SqliteStore::open(&path).unwrap();
        furnish(&mut store);
        within(&mut store, |tx| (1..=2).try_for_each(|n| tx.insert_instance(&instance(n, n)))).unwrap();
        (store, path)
    }

    fn count(connection: &Connection, of: u128) -> i64 {
        let sql = "SELECT count(*) FROM event WHERE instance_id = ?1";
        connection.query_row(sql, [instance(of, of).id.to_string()], |row| row.get(0)).unwrap()
    }

    /// The writer adds one event to each of two instances in one transaction: a copy with more of one than of the other is
    /// of two instants.
    #[test]
    fn copies_taken_while_somebody_writes_are_each_of_one_instant_and_nobody_waits() {
        let folder = tempfile::tempdir().unwrap();
        let (mut store, path) = database(folder.path());
        // The log is carried over into the file all the time: a copy of the files alone would be torn.
        store.connection.pragma_update(None, "wal_autocheckpoint", 4).unwrap();
        let (mut commits, mut longest) = (0, std::time::Duration::ZERO);
        let seen: Vec<_> = std::thread::scope(|scope| {
            let copies = scope.spawn(|| {
                let copied = (0..10).map(|n| {
                    let to = folder.path().join(format!("copy-{n}"));
                    copy(&path, &to).unwrap();
                    let copy = reader(&to).unwrap();
                    (count(&copy, 1), count(&copy, 2))
                });
                copied.collect()
            });
            while !copies.is_finished() {
                let began = std::time::Instant::now();
                within(&mut store, |tx| {
                    (0..20).try_for_each(|_| tx.insert_event(&event(1, "first")).map(drop))?;
                    (0..20).try_for_each(|_| tx.insert_event(&event(2, "second")).map(drop))
                })
                .unwrap();
                store.flush().unwrap();
                longest = longest.max(began.elapsed());
                commits += 1;
            }
            copies.join().unwrap()
        });
        assert!(seen.iter().all(|(one, two)| one == two), "{seen:?}");
        assert!(seen[9].0 > seen[0].0, "nobody wrote meanwhile: {seen:?}, {commits} commits");
        assert!(longest < super::super::BUSY_TIMEOUT, "a commit took {longest:?}");
    }

    #[test]
    fn a_copy_is_the_owners_alone_has_all_rows_and_opens_as_a_database() {
        let folder = tempfile::tempdir().unwrap();
        let (_store, path) = database(folder.path());
        let to = folder.path().join("copy");
        copy(&path, &to).unwrap();
        assert_eq!(std::fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
        within(&mut SqliteStore::open(&to).unwrap(), |tx| {
            assert_eq!(tx.instance(instance(1, 1).id)?, Some(instance(1, 1)));
            Ok(())
        })
        .unwrap();
    }

    #[test]
    fn a_file_that_is_there_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let (_store, path) = database(folder.path());
        let to = folder.path().join("copy");
        std::fs::write(&to, "mine").unwrap();
        assert!(matches!(copy(&path, &to), Err(CopyError::File { .. })));
        assert_eq!(std::fs::read(&to).unwrap(), b"mine");
    }

    #[test]
    fn a_damaged_database_is_not_copied_and_a_damaged_copy_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let (mut store, path) = database(folder.path());
        within(&mut store, |tx| (0..2000).try_for_each(|_| tx.insert_event(&event(1, "such a line")).map(drop)))
            .unwrap();
        drop(store);
        let to = folder.path().join("copy");
        copy(&path, &to).unwrap();
        for file in [&to, &path] {
            let middle = std::fs::metadata(file).unwrap().len() / 2;
            OpenOptions::new().write(true).open(file).unwrap().write_all_at(&[0x5a; 8192], middle).unwrap();
        }
        assert!(check(&to).is_err());
        assert!(copy(&path, &folder.path().join("another")).is_err());
    }

    #[test]
    fn another_programs_database_and_a_newer_one_are_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let (store, path) = database(folder.path());
        store.connection.pragma_update(None, "user_version", 1000).unwrap();
        let error = copy(&path, &folder.path().join("newer")).unwrap_err();
        assert!(matches!(error, CopyError::Version(MigrationError::Newer { found: 1000, .. })), "{error:?}");
        let theirs = folder.path().join("theirs");
        Connection::open(&theirs).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
        let error = check(&theirs).unwrap_err();
        assert!(matches!(error, CopyError::Version(MigrationError::Foreign(0))), "{error:?}");
    }
}
