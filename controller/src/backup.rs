//! Backups: a copy of the database that is of one instant, and what a controller needs beside it on another machine.
//!
//! A backup is a folder of two files, `billet.db` and `keys.sealed`. The second one holds the authority's key and certificate, the
//! receipts' key, and the digest of the first, sealed by the master key, which is in no backup: backups travel, and this way none
//! of them has a secret in clear, none can be changed unnoticed, and one line is all that has to be kept apart. Images are not in
//! it, because they are large and never change: their folder is copied as it is.
//!
//! Invariants: nothing that is there is written over; what has its name is whole, checked, and on disk.

mod error;
mod folder;
mod keys;
mod replace;
mod restore;
mod take;

pub use error::BackupError;
pub use restore::{Restored, Wish, restore};
pub use take::take;

use crate::{clock::Edge, daemon::state, seal::Sealer};
use std::path::Path;

/// The database's file in a backup.
const DATABASE: &str = "billet.db";
/// The sealed file's.
const KEYS: &str = "keys.sealed";

/// The master key that is there: in `file` where one is named, else where the daemon has it. None is made.
///
/// # Errors
/// When there is none, or it cannot be read.
pub fn sealer(state_dir: &Path, file: Option<&Path>, edge: &Edge) -> Result<Sealer, BackupError> {
    let usual = state_dir.join(state::MASTER_KEY);
    let path = file.unwrap_or(&usual);
    let given = state::credential().is_some_and(|credential| credential.exists());
    if !given && !path.exists() {
        return Err(BackupError::NoMasterKey(path.to_owned()));
    }
    Sealer::load_or_create(path, &edge.entropy).map_err(BackupError::MasterKey)
}

#[cfg(test)]
mod tests;
