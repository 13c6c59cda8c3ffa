//! The store on SQLite: one file, one connection, write-ahead log, every commit synced.
//!
//! Non-goals: several controllers on one file. A second process may read it, and waits at most
//! `BUSY_TIMEOUT` for a write in progress.

mod access;
mod agent;
mod error;
mod event;
mod image;
mod instance;
mod migration;
mod network;
mod reservation;
mod server;
mod server_event;
mod transaction;
mod value;

#[cfg(test)]
mod tests;

pub use migration::MigrationError;

use super::{Result, Store, Transaction};
use rusqlite::{Connection, TransactionBehavior};
use std::{
    fs::{File, OpenOptions, Permissions},
    io,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

/// How long a transaction waits for another process that is writing, such as a backup.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The database of one controller.
#[derive(Debug)]
pub struct SqliteStore {
    connection: Connection,
}

/// Why a database is not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be made, or not be made private.
    #[error("make the database file {path}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// SQLite refuses the file or a setting.
    #[error("open the database")]
    Database(#[source] rusqlite::Error),
    /// The file system cannot hold a write-ahead log (a network file system, for one).
    #[error("open the database: its journal is '{0}', not 'wal'")]
    Journal(String),
    /// The tables are not ours, or cannot be brought up to date.
    #[error("bring the database up to date")]
    Migration(#[source] MigrationError),
}

impl SqliteStore {
    /// Opens the database at `path`, makes it when there is none (mode 0600), and brings its tables up to date.
    ///
    /// # Errors
    /// When the file cannot be used, belongs to another program, or was written by a newer version.
    pub fn open(path: &Path) -> std::result::Result<Self, OpenError> {
        make_private(path).map_err(|source| OpenError::File { path: path.to_owned(), source })?;
        let connection = Connection::open(path).map_err(OpenError::Database)?;
        let journal: String = connection
            .pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))
            .map_err(OpenError::Database)?;
        if journal != "wal" {
            return Err(OpenError::Journal(journal));
        }
        Self::prepare(connection)
    }

    /// Makes an empty database that lives as long as the value: for tests and simulations.
    ///
    /// # Errors
    /// When SQLite has no memory.
    pub fn open_in_memory() -> std::result::Result<Self, OpenError> {
        Self::prepare(Connection::open_in_memory().map_err(OpenError::Database)?)
    }

    fn prepare(mut connection: Connection) -> std::result::Result<Self, OpenError> {
        configure(&connection).map_err(OpenError::Database)?;
        migration::migrate(&mut connection).map_err(OpenError::Migration)?;
        Ok(Self { connection })
    }
}

impl Store for SqliteStore {
    fn begin(&mut self) -> Result<Box<dyn Transaction + '_>> {
        let inner = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        Ok(Box::new(transaction::SqliteTransaction::new(inner)))
    }
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // FULL and not NORMAL: in WAL mode NORMAL may lose the last commits in a power cut, and an answer 202 is a promise.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // Views and triggers of a file that somebody else prepared must not call functions with side effects.
    connection.pragma_update(None, "trusted_schema", false)
}

/// Makes the file before SQLite does, because SQLite would give it the umask's mode; the WAL inherits the file's.
fn make_private(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.sync_all()?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
