//! A simulated fleet in service: brought up by its own program, taken down when it is dropped.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use billet_lab::Lab;
use serde_json::Value;

use crate::build::Binaries;
use crate::{stage, step};

/// A fleet in service.
pub struct Fleet {
    /// The file that says how to reach it.
    pub file: PathBuf,
    /// What that file says.
    pub site: Value,
    name: &'static str,
    keep: bool,
}

impl Fleet {
    /// Brings it into service; `file` will say how to reach it.
    ///
    /// # Errors
    /// Naming the step that failed.
    pub fn up(binaries: &Binaries, name: &'static str, servers: u32, agents: u32, file: &Path) -> Result<Self> {
        // A step runs at the top of the checkout.
        let absolute = |path: &Path| std::path::absolute(path).with_context(|| format!("find {}", path.display()));
        let (file, dir) = (absolute(file)?, absolute(&dir(name))?);
        let mut up = Command::new(&binaries.fleet);
        up.args(["up", "--name", name, "--servers", &servers.to_string(), "--agents", &agents.to_string()]);
        up.arg("--dir").arg(dir).arg("--controller").arg(&binaries.controller).arg("--json").arg(&file);
        step::run(&format!("a simulated fleet: {servers} servers, {agents} agents"), &mut up)?;
        // From here on it is taken down, whatever comes.
        let mut fleet = Self { file, site: Value::Null, name, keep: false };
        let read = || format!("read {}", fleet.file.display());
        let text = fs::read_to_string(&fleet.file).with_context(read)?;
        fleet.site = serde_json::from_str(&text).with_context(read)?;
        Ok(fleet)
    }

    /// A text that its file has under that name.
    ///
    /// # Errors
    /// When there is none.
    pub fn text(&self, name: &str) -> Result<&str> {
        self.site[name].as_str().with_context(|| format!("{} has no {name}", self.file.display()))
    }

    /// Leaves it in service.
    pub fn keep(mut self) {
        self.keep = true;
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        if self.keep {
            return;
        }
        if let Err(error) = Lab::down(self.name) {
            eprintln!("the simulated fleet was not taken down: {error:#}");
        }
    }
}

/// The folder of a fleet.
pub fn dir(name: &str) -> PathBuf {
    stage::cache().join(name)
}
