//! The store on SQLite: one file, one connection, write-ahead log.
//!
//! A commit appends to the log; [`Store::flush`] syncs the log, for any number of commits at once. SQLite's own way of
//! syncing is once for each commit (`synchronous=FULL`), which is the disk's pace and not the controller's. Its frames
//! carry checksums over all that came before, so that a log cut off anywhere ends with a whole transaction.
//!
//! What changes nothing may read on connections of its own ([`SqliteStore::open_reader`]): it sees the last commit, and
//! waits neither for a write nor for the disk.
//!
//! Non-goals: several controllers on one file. A second process may read it, and waits at most
//! `BUSY_TIMEOUT` for a write in progress.

mod access;
mod agent;
mod baseline;
mod copy;
mod damage;
mod error;
mod event;
mod fleet;
mod image;
mod image_import;
mod instance;
mod instance_list;
mod inventory;
mod migration;
mod network;
mod parameter_plane;
mod private_ip;
mod reservation;
mod search;
mod server;
mod server_event;
mod server_list;
mod transaction;
mod value;
mod wipe_receipt;

#[cfg(test)]
mod tests;

pub use copy::{CopyError, check, copy, settle};
pub use migration::MigrationError;

use super::{Result, Store, StoreError, Transaction};
use rusqlite::{Connection, OpenFlags, TransactionBehavior, config::DbConfig};
use std::{
    fs::{File, OpenOptions, Permissions},
    io,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

/// How long a transaction waits for another process that is writing, such as a backup.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// SQLite begins its log anew when nobody reads in it. Should somebody always, it waits for them from this length on.
const LOG_BYTES: u64 = 64 << 20;
/// What a connection keeps of the database, in KiB: the rows and indexes of many pages of a list, or of many instances at
/// work. Asking the kernel for what SQLite's usual 2 MiB do not hold was much of the time of both.
const CACHE_KIB: i64 = 4 << 10;
/// Pages of the log after which SQLite carries it over into the file: 16 MiB. The pages that every transaction writes are
/// carried over once for so many, and so the longer, the less often; starting after a crash reads as much.
const LOG_PAGES: u32 = 4096;
/// Instances, and servers' events, that one purge deletes at most, so that its transaction stays short.
const PURGE_ROWS: u32 = 500;
/// Every text that this program has.
const STATEMENTS: usize = 256;

/// The database of one controller.
#[derive(Debug)]
pub struct SqliteStore {
    connection: Connection,
    /// It only reads, and so does not wait for who writes.
    reads: bool,
    log: Log,
}

/// The write-ahead log's file, open as long as the connection; SQLite keeps the same file as long.
#[derive(Debug, Default)]
struct Log {
    /// None for a database in memory.
    file: Option<File>,
    /// SQLite's count of changed rows when it was synced last.
    synced: u64,
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
    /// It would be read wrongly: a row that is gone, or one that never was. Nothing was changed in it.
    #[error(
        "use the database {path}: it is damaged ({said}); leave it as it is, and put a backup in its place: \
         billet-controller restore --replace BACKUP"
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What SQLite says of it.
        said: String,
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
    /// When the file cannot be used, is damaged, belongs to another program, or was written by a newer version.
    pub fn open(path: &Path) -> std::result::Result<Self, OpenError> {
        make_private(path).map_err(|source| OpenError::File { path: path.to_owned(), source })?;
        let connection = Connection::open(path).map_err(OpenError::Database)?;
        let journal: String = connection
            .pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))
            .map_err(|error| damage::failed(path, error))?;
        if journal != "wal" {
            return Err(OpenError::Journal(journal));
        }
        damage::look(&connection, path)?;
        let mut store = Self::prepare(connection)?;
        // Migrations were synced by SQLite; the log is there since they looked at the file.
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        let log = PathBuf::from(log);
        let file = OpenOptions::new().read(true).write(true).open(&log);
        store.log.file = Some(file.map_err(|source| OpenError::File { path: log, source })?);
        store.connection.pragma_update(None, "synchronous", "NORMAL").map_err(OpenError::Database)?;
        Ok(store)
    }

    /// Opens a database, that is open already, a second time, for reading alone: whatever would write is refused.
    ///
    /// # Errors
    /// When SQLite refuses the file.
    pub fn open_reader(path: &Path) -> std::result::Result<Self, OpenError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = || {
            let connection = Connection::open_with_flags(path, flags)?;
            connection.busy_timeout(BUSY_TIMEOUT)?;
            keep_statements(&connection)?;
            connection.pragma_update(None, "trusted_schema", false)?;
            // Negative: in KiB rather than in pages.
            connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
            Ok(connection)
        };
        let connection = open().map_err(OpenError::Database)?;
        let synced = connection.total_changes();
        Ok(Self { connection, reads: true, log: Log { file: None, synced } })
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
        let synced = connection.total_changes();
        Ok(Self { connection, reads: false, log: Log { file: None, synced } })
    }
}

impl Store for SqliteStore {
    fn begin(&mut self) -> Result<Box<dyn Transaction + '_>> {
        let behavior = if self.reads { TransactionBehavior::Deferred } else { TransactionBehavior::Immediate };
        let inner = self.connection.transaction_with_behavior(behavior)?;
        Ok(Box::new(transaction::SqliteTransaction::new(inner)))
    }

    fn flush(&mut self) -> Result<()> {
        if self.is_flushed() {
            return Ok(());
        }
        let changed = self.connection.total_changes();
        if let Some(file) = &self.log.file {
            // fdatasync and not fsync: a longer file's length is data to it, its times are not.
            let failed = |error| StoreError::Database(Box::new(error));
            file.sync_data().map_err(failed)?;
            if file.metadata().map_err(failed)?.len() > LOG_BYTES {
                self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
            }
        }
        self.log.synced = changed;
        Ok(())
    }

    /// Rows of transactions that were rolled back count too; a sync too many does no harm.
    fn is_flushed(&self) -> bool {
        self.connection.total_changes() == self.log.synced
    }
}

/// Each statement is compiled once, and its plan stays the same: else SQLite compiles it anew whenever a value is bound by which
/// its planner might choose another one (`sqlite3_db_config`, `SQLITE_DBCONFIG_ENABLE_QPSG`).
fn keep_statements(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    keep_statements(connection)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
    // FULL and not NORMAL for migrations; afterwards `flush` syncs, because an answer 202 is a promise.
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
