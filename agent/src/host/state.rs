//! Where each server's order stands, on disk, so that an agent that was killed goes on where it was.
//!
//! Nothing secret is in it: tokens and sessions are kept as digests. A file is replaced as a whole
//! (write, fsync, rename, fsync of the folder), so that a crash leaves the old one or the new one.

use super::kept::Kept;
use billet_proto::{
    ServerId,
    link::{BmcFacts, Inventory, Step, WipedDisk},
    manifest::Digest,
};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

/// Where one server's newest order stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The order's generation; an older order is refused.
    pub generation: u64,
    /// How far it came.
    pub stage: Stage,
    /// Boots of its ramdisk that were lost, and made again.
    #[serde(default, skip_serializing_if = "is_none")]
    pub boots_lost: u32,
    /// What the last ramdisk saw, until the order is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inventory: Option<Box<Kept<Inventory>>>,
}

impl Record {
    /// An order of which no boot was lost, and none saw anything yet.
    pub fn new(generation: u64, stage: Stage) -> Self {
        Self { generation, stage, boots_lost: 0, inventory: None }
    }
}

fn is_none(boots: &u32) -> bool {
    *boots == 0
}

/// What every version keeps.
#[derive(Deserialize)]
struct Fence {
    generation: u64,
}

/// How far an order came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Nothing irreversible happened; begin at the beginning.
    Begun,
    /// The server was found as the order needs it, or powered off by it: that it is on now is the order's own doing.
    Taken,
    /// A ramdisk enlisted and works; it calls with this session.
    Ramdisk {
        /// Digest of the session.
        session: Digest,
        /// Digest of the boot token that became it, until the session was used for the first time.
        #[serde(default)]
        token: Option<Digest>,
        /// The system on the disk, when it came that far.
        #[serde(flatten)]
        installed: Option<Installed>,
    },
    /// The ramdisk did all that there was to do, and nothing is handed over to: the server is to be powered off.
    Visited(Produced),
    /// The ramdisk left; ports are being moved. The reset has not been sent.
    Leaving(Installed),
    /// The reset was sent, or is about to be: whether it arrived is found out by asking.
    Verifying(Installed),
    /// The order is over.
    Ended(Outcome),
}

/// A system on the disk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Installed {
    /// Public half of its host key: what must answer.
    pub host_key: String,
    /// Serial number of the disk; may be empty.
    #[serde(default)]
    pub disk_serial: String,
}

/// What a finished order leaves.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Produced {
    /// The last step, by number of the protocol's enumeration.
    pub step: i32,
    /// The key that answered, where a system was brought into service.
    pub host_key: Option<String>,
    /// Of the disk that it is on.
    pub disk_serial: String,
    /// Whether a ramdisk was booted.
    pub booted: bool,
    /// Disks erased.
    pub wiped: Vec<Kept<WipedDisk>>,
    /// What an inspection saw, or a wipe left.
    pub inventory: Option<Box<Kept<Inventory>>>,
    /// What the BMC said of itself at an inspection, or at the end of a wipe.
    pub bmc: Option<Box<Kept<BmcFacts>>>,
}

impl Produced {
    /// Nothing but the end of that step.
    pub fn after(step: Step) -> Self {
        Self { step: step.into(), ..Self::default() }
    }

    /// A system that answers.
    pub fn running(installed: Installed) -> Self {
        let Installed { host_key, disk_serial } = installed;
        Self { host_key: Some(host_key), disk_serial, booted: true, ..Self::after(Step::Verify) }
    }
}

/// How an order ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Well.
    Done(Produced),
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
        /// The generation, where that is all that can be read, as in what a newer version kept.
        fence: Option<u64>,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

/// The records of all servers.
#[derive(Debug, Clone)]
pub struct Records {
    dir: PathBuf,
    #[cfg(test)]
    pub(super) disk: Option<PlayedDisk>,
}

/// What a test does as a record is kept: before it is on disk, where it may refuse, and after.
#[cfg(test)]
#[derive(Clone)]
pub(super) struct PlayedDisk(pub(super) std::sync::Arc<dyn Fn(bool) -> std::io::Result<()> + Send + Sync>);

#[cfg(test)]
impl std::fmt::Debug for PlayedDisk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PlayedDisk")
    }
}

impl Records {
    /// Opens the folder, making it when it is not there.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn open(state_dir: &Path) -> Result<Self, StateError> {
        let dir = state_dir.join("servers");
        fs::create_dir_all(&dir).map_err(|source| StateError::Io { path: dir.clone(), source })?;
        Ok(Self {
            dir,
            #[cfg(test)]
            disk: None,
        })
    }

    /// The record of one server.
    ///
    /// # Errors
    /// When the file is there and does not read back.
    pub fn load(&self, id: ServerId) -> Result<Option<Record>, StateError> {
        let path = self.path(id);
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|source| {
                let fence = serde_json::from_slice(&bytes).ok().map(|Fence { generation }| generation);
                StateError::Broken { path, fence, source }
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(StateError::Io { path, source }),
        }
    }

    /// Keeps a record in the place of one that does not read back, which stays beside it, as `ID.json.broken`. At each instant
    /// there is one of the two.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn save_in_place_of_broken(&self, id: ServerId, record: &Record) -> Result<(), StateError> {
        let path = self.path(id);
        let broken = path.with_extension("json.broken");
        let kept = fs::read(&path).and_then(|bytes| replace(&broken, &bytes, 0o600));
        kept.map_err(|source| StateError::Io { path: broken, source })?;
        self.save(id, record)
    }

    /// Keeps a record; it is on disk when this returns.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn save(&self, id: ServerId, record: &Record) -> Result<(), StateError> {
        let path = self.path(id);
        let bytes = serde_json::to_vec(record).expect("a record has only string keys");
        let kept = self.written(&path, &bytes);
        kept.map_err(|source| StateError::Io { path, source })
    }

    #[cfg(not(test))]
    fn written(&self, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        replace(path, bytes, 0o600)
    }

    #[cfg(test)]
    fn written(&self, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        let Some(PlayedDisk(disk)) = &self.disk else { return replace(path, bytes, 0o600) };
        disk(false)?;
        replace(path, bytes, 0o600)?;
        disk(true)
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
        let record = Record::new(7, Stage::Ramdisk { session: Digest::of(b"s"), token: None, installed: None });
        records.save(id, &record).unwrap();
        assert_eq!(Records::open(dir.path()).unwrap().load(id).unwrap(), Some(record));
        let installed = Installed { host_key: "ssh-ed25519 A".into(), disk_serial: "D1".into() };
        let ramdisk = Stage::Ramdisk { session: Digest::of(b"s"), token: None, installed: Some(installed.clone()) };
        let visited = Stage::Visited(wiped());
        for stage in [ramdisk, Stage::Leaving(installed.clone()), visited, Stage::Ended(Outcome::Done(wiped()))] {
            let inventory = Some(Box::new(Inventory { cpus: 4, ..Inventory::default() }.into()));
            let record = Record { boots_lost: 1, inventory, ..Record::new(8, stage) };
            records.save(id, &record).unwrap();
            assert_eq!(records.load(id).unwrap(), Some(record));
        }
        fs::write(records.path(id), b"{").unwrap();
        assert!(matches!(records.load(id), Err(StateError::Broken { fence: None, .. })));
        let newer = br#"{"generation":9,"stage":"begun","since":1}"#;
        fs::write(records.path(id), newer).unwrap();
        assert!(matches!(records.load(id), Err(StateError::Broken { fence: Some(9), .. })), "a newer version's");
        let record = Record::new(10, Stage::Begun);
        records.save_in_place_of_broken(id, &record).unwrap();
        assert_eq!(records.load(id).unwrap(), Some(record));
        assert_eq!(fs::read(dir.path().join(format!("servers/{id}.json.broken"))).unwrap(), newer);
    }

    fn wiped() -> Produced {
        let disk = WipedDisk { method: "overwrite".into(), bytes: 512, read_back: 3, ..WipedDisk::default() };
        Produced { wiped: vec![disk.into()], booted: true, ..Produced::after(Step::Wipe) }
    }

    #[test]
    fn what_an_older_version_kept_is_read() {
        let record: Record = serde_json::from_str(r#"{"generation":7,"stage":"begun"}"#).unwrap();
        assert_eq!(record, Record::new(7, Stage::Begun));
        let old = |stage: &str| serde_json::from_str::<Stage>(stage).unwrap();
        let digest = Digest::of(b"s");
        let text = serde_json::to_string(&digest).unwrap();
        let begun = old(&format!(r#"{{"ramdisk":{{"session":{text},"token":null,"host_key":null}}}}"#));
        assert_eq!(begun, Stage::Ramdisk { session: digest, token: None, installed: None });
        let installed = Installed { host_key: "K".into(), disk_serial: String::new() };
        assert_eq!(old(r#"{"verifying":{"host_key":"K"}}"#), Stage::Verifying(installed));
        let done = Produced { host_key: Some("K".into()), ..Produced::default() };
        assert_eq!(old(r#"{"ended":{"done":{"host_key":"K"}}}"#), Stage::Ended(Outcome::Done(done)));
    }
}
