//! What a laboratory has on this machine: its record, in `/run/billet-lab/NAME.json`; an ordinary user's in `/tmp/billet-lab-UID/`.

use crate::{ordinary, process};
use anyhow::{Context, Result, bail};
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

/// The record.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its processes, oldest first.
    pub processes: Vec<Process>,
    /// Its network namespaces.
    pub namespaces: Vec<String>,
}

/// A process, so exactly that no other is taken for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// What it is, for people.
    pub what: String,
    /// Its number.
    pub pid: i32,
    /// When it started, in the kernel's ticks since boot (proc(5), stat field 22).
    pub started: u64,
}

/// A record that this process holds.
#[derive(Debug)]
pub struct Held {
    path: PathBuf,
    record: Record,
    _lock: Option<Flock<File>>,
}

impl Held {
    /// Takes hold of a laboratory's record; what an earlier one left is cleared.
    ///
    /// # Errors
    /// When another process holds it, or something cannot be cleared.
    pub fn take(name: &str) -> Result<Self> {
        let dir = ordinary::record_dir()?;
        let lock = File::create(dir.join(format!("{name}.lock"))).context("make the laboratory's lock")?;
        let Ok(lock) = Flock::lock(lock, FlockArg::LockExclusiveNonblock) else {
            bail!("laboratory \"{name}\" is in use by another process");
        };
        let path = dir.join(format!("{name}.json"));
        let record = read(&path)?;
        let mut held = Self { path, record, _lock: Some(lock) };
        held.clear()?;
        Ok(held)
    }

    /// The record of a laboratory that this process holds already.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn again(name: &str) -> Result<Self> {
        let path = ordinary::record_dir()?.join(format!("{name}.json"));
        Ok(Self { record: read(&path)?, path, _lock: None })
    }

    /// Whether anything is on record under that name.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn exists(name: &str) -> Result<bool> {
        let record = read(&ordinary::record_dir()?.join(format!("{name}.json")))?;
        Ok(record != Record::default())
    }

    /// Ends every process and removes every namespace on record.
    ///
    /// # Errors
    /// When one stays.
    pub fn clear(&mut self) -> Result<()> {
        // The newest first: what supervises others comes after them.
        for process in self.record.processes.iter().rev() {
            process::end(process)?;
        }
        self.record.processes.clear();
        for namespace in std::mem::take(&mut self.record.namespaces) {
            if Path::new("/run/netns").join(&namespace).exists() {
                let done = Command::new("ip").args(["netns", "del", &namespace]).status().context("run ip")?;
                anyhow::ensure!(done.success(), "remove namespace {namespace}");
            }
        }
        self.save()
    }

    /// Notes a namespace that is about to be made.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn note_namespace(&mut self, name: &str) -> Result<()> {
        self.record.namespaces.push(name.to_owned());
        self.save()
    }

    /// Notes a process that was started.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn note_process(&mut self, process: Process) -> Result<()> {
        self.record.processes.push(process);
        self.save()
    }

    /// Processes on record.
    #[must_use]
    pub fn processes(&self) -> &[Process] {
        &self.record.processes
    }

    fn save(&self) -> Result<()> {
        let new = self.path.with_extension("new");
        let text = serde_json::to_vec_pretty(&self.record).context("write the record")?;
        fs::write(&new, text)
            .and_then(|()| fs::rename(&new, &self.path))
            .with_context(|| format!("write {}", self.path.display()))
    }
}

fn read(path: &Path) -> Result<Record> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| format!("read {}", path.display())),
        Err(_) => Ok(Record::default()),
    }
}
