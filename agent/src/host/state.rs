//! Where each server's order stands, on disk, so that an agent that was killed goes on where it was.
//!
//! Nothing secret is in it: tokens and sessions are kept as digests. A file is replaced as a whole
//! (write, fsync, rename, fsync of the folder), so that a crash leaves the old one or the new one.

use billet_proto::{ServerId, manifest::Digest};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

/// Where one server's newest order stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The order's generation; an older order is refused.
    pub generation: u64,
    /// How far it came.
    pub stage: Stage,
}

/// How far an order came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Nothing irreversible happened; begin at the beginning.
    Begun,
    /// A ramdisk enlisted and works; it calls with this session.
    Ramdisk {
        /// Digest of the session.
        session: Digest,
        /// Digest of the boot token that became it, until the session was used for the first time.
        #[serde(default)]
        token: Option<Digest>,
        /// Public half of the host key that it made, when it came that far.
        host_key: Option<String>,
    },
    /// The ramdisk left; ports are being moved. The reset has not been sent.
    Leaving {
        /// What must answer.
        host_key: String,
    },
    /// The reset was sent, or is about to be: whether it arrived is found out by asking.
    Verifying {
        /// What must answer.
        host_key: String,
    },
    /// The order is over.
    Ended(Outcome),
}

/// How an order ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Well.
    Done {
        /// The key that answered; none for other orders than installations.
        host_key: Option<String>,
    },
    /// With a cause.
    Failed {
        /// The step it failed in, by number of the protocol's enumeration.
        step: i32,
        /// One word.
        cause: String,
        /// For a person.
        message: String,
    },
}

/// Why a record cannot be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The file system refused.
    #[error("keep the state in {path}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is not what was written.
    #[error("read the state in {path}")]
    Broken {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

/// The records of all servers.
#[derive(Debug, Clone)]
pub struct Records {
    dir: PathBuf,
}

impl Records {
    /// Opens the folder, making it when it is not there.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn open(state_dir: &Path) -> Result<Self, StateError> {
        let dir = state_dir.join("servers");
        fs::create_dir_all(&dir).map_err(|source| StateError::Io { path: dir.clone(), source })?;
        Ok(Self { dir })
    }

    /// The record of one server.
    ///
    /// # Errors
    /// When the file is there and does not read back.
    pub fn load(&self, id: ServerId) -> Result<Option<Record>, StateError> {
        let path = self.path(id);
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|source| StateError::Broken { path, source }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(StateError::Io { path, source }),
        }
    }

    /// Keeps a record; it is on disk when this returns.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn save(&self, id: ServerId, record: &Record) -> Result<(), StateError> {
        let path = self.path(id);
        let bytes = serde_json::to_vec(record).expect("a record has only string keys");
        replace(&path, &bytes, 0o600).map_err(|source| StateError::Io { path, source })
    }

    fn path(&self, id: ServerId) -> PathBuf {
        self.dir.join(format!("{id}.json"))
    }
}

/// Replaces a file as a whole; it is on disk when this returns.
///
/// # Errors
/// When the file system refuses; the old file is then still there.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    // What a crash left may have another mode.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    match path.parent() {
        Some(parent) => fs::File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_survives_and_a_broken_one_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let records = Records::open(dir.path()).unwrap();
        let id: ServerId = "0198170e-4ca7-7000-8000-000000000001".parse().unwrap();
        assert_eq!(records.load(id).unwrap(), None);
        let record =
            Record { generation: 7, stage: Stage::Ramdisk { session: Digest::of(b"s"), token: None, host_key: None } };
        records.save(id, &record).unwrap();
        assert_eq!(Records::open(dir.path()).unwrap().load(id).unwrap(), Some(record));
        fs::write(records.path(id), b"{").unwrap();
        assert!(matches!(records.load(id), Err(StateError::Broken { .. })));
    }
}
