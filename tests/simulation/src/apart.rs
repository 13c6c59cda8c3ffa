//! Each seed in a process of its own, which is this program once more.

use anyhow::Context;
use billet_proto::planted::Bug;
use billet_simulation::world::{self, Outcome};
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The option of a process that lives one seed's life and prints what it showed, as JSON.
pub(crate) const ALONE: &str = "alone";

/// One seed's life.
#[derive(Debug, Clone)]
pub(crate) struct Life {
    /// Which.
    pub(crate) seed: u64,
    /// What is planted in it.
    pub(crate) bug: Option<Bug>,
    /// Whether its journal is wanted.
    pub(crate) journal: bool,
    /// What it logs to standard error, by this filter of tracing's.
    pub(crate) log: Option<String>,
}

impl Life {
    /// Lives it in another process, and waits for its end.
    ///
    /// # Errors
    /// When the process cannot be started, or fails; what it says of that stands on standard error.
    pub(crate) fn start(&self) -> anyhow::Result<Outcome> {
        let program = std::env::current_exe().context("find this program")?;
        let mut command = Command::new(program);
        command.arg(format!("--{ALONE}")).args(["--from", &self.seed.to_string()]);
        if let Some(bug) = self.bug {
            command.args(["--bug", bug.word()]);
        }
        if self.journal {
            command.arg("--journal");
        }
        if let Some(filter) = &self.log {
            command.args(["--log", filter]);
        }
        let ended = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().context("start this program")?;
        anyhow::ensure!(ended.status.success(), "its process ended with {}", ended.status);
        serde_json::from_slice(&ended.stdout).context("read what its process printed")
    }

    /// Lives it in this process, and prints what it showed.
    ///
    /// # Errors
    /// When it cannot be set up, or panics.
    pub(crate) fn live(&self) -> anyhow::Result<()> {
        if let Some(filter) = &self.log {
            let filter: tracing_subscriber::EnvFilter = filter.parse().context("read --log")?;
            tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
        }
        let outcome = world::run(self.seed, self.bug, &in_memory(), self.journal)?;
        serde_json::to_writer(std::io::stdout().lock(), &outcome).context("print what it showed")
    }
}

/// Agents flush their journals: on a disk that takes most of the time.
fn in_memory() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if tempfile::tempdir_in(memory).is_ok() { memory.to_owned() } else { std::env::temp_dir() }
}
