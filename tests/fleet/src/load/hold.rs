//! The fleet takes its time: a rule for as long as the value lives.

use anyhow::{Context, Result};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Longer than any measurement: a server that is held goes on when its instance is deleted.
const POWERING_ON: &str = "[[rule]]\nwork = \"install\"\nstep = \"power\"\ndelay_ms = 600000\n";

/// Installations wait; dropped or let go, the fleet takes no time again.
pub(super) struct Hold {
    file: PathBuf,
}

impl Hold {
    /// Installations stop at powering on.
    ///
    /// # Errors
    /// When the file of the rules cannot be written.
    pub(super) fn on_powering_on(rules_file: &Path) -> Result<Self> {
        write(rules_file, POWERING_ON)?;
        Ok(Self { file: rules_file.to_owned() })
    }

    /// New installations take no time again.
    ///
    /// # Errors
    /// When the file of the rules cannot be written.
    pub(super) fn let_go(self) -> Result<()> {
        write(&self.file, "")
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        // After an error in a measurement, which is what is told.
        let _ = write(&self.file, "");
    }
}

/// At once: the fleet reads it whenever it changes.
fn write(rules_file: &Path, rules: &str) -> Result<()> {
    let new = rules_file.with_extension("new");
    let what = || format!("write {}", rules_file.display());
    fs::write(&new, rules).with_context(what)?;
    fs::rename(&new, rules_file).with_context(what)
}
