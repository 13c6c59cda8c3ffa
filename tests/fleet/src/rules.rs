//! Delays and faults, by rule.
//!
//! ```toml
//! [[rule]]                  # every field that is given must match
//! server = "019a…000001"
//! instance = "0198…"
//! work = "install"          # install, power-off, reconfigure, power, inspect, wipe
//! step = "write"            # a step's word; without one the rule holds for each
//! delay_ms = 200            # the step takes so long
//! fail = "disk_error"       # then it ends with this cause
//! silent = true             # or nothing is heard of it again
//! times = 1                 # the rule holds so often; without it, always
//! ```
//!
//! The first rule that matches is applied, and no other.

use anyhow::{Context, Result};
use serde::Deserialize;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

/// One rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    server: Option<String>,
    instance: Option<String>,
    work: Option<String>,
    step: Option<String>,
    #[serde(default)]
    delay_ms: u64,
    fail: Option<String>,
    #[serde(default)]
    silent: bool,
    times: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RulesFile {
    #[serde(default)]
    rule: Vec<Rule>,
}

/// A step about to be taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) server: &'a str,
    pub(super) instance: &'a str,
    pub(super) work: &'a str,
    pub(super) step: &'a str,
}

/// What a rule does to a step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Fate {
    pub(super) delay: Duration,
    pub(super) fail: Option<String>,
    pub(super) silent: bool,
}

/// The rules in force.
#[derive(Debug)]
pub struct Rules {
    file: PathBuf,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    changed: Option<SystemTime>,
    rules: Vec<Rule>,
}

impl Rules {
    /// Reads a file, and reads it again whenever it changed; one that is not there has no rules.
    ///
    /// # Errors
    /// When it cannot be read, or is none.
    pub fn watch(file: &Path) -> Result<Self> {
        let changed = changed(file);
        let rules = if changed.is_some() { load(file)? } else { Vec::new() };
        Ok(Self { file: file.to_owned(), known: Mutex::new(Known { changed, rules }) })
    }

    /// What happens to this step; counts the rule that says so.
    pub(super) fn fate(&self, asked: Asked<'_>) -> Fate {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = changed(&self.file);
        if changed != known.changed {
            match load(&self.file) {
                Ok(rules) => known.rules = rules,
                // It may be half written: the old rules hold until it can be read.
                Err(error) => eprintln!("the old rules stay in force: {error:#}"),
            }
            known.changed = changed;
        }
        let rule = known.rules.iter_mut().find(|rule| rule.times != Some(0) && rule.matches(asked));
        let Some(rule) = rule else { return Fate::default() };
        rule.times = rule.times.map(|times| times - 1);
        Fate { delay: Duration::from_millis(rule.delay_ms), fail: rule.fail.clone(), silent: rule.silent }
    }
}

impl Rule {
    fn matches(&self, asked: Asked<'_>) -> bool {
        let given = [
            (&self.server, asked.server),
            (&self.instance, asked.instance),
            (&self.work, asked.work),
            (&self.step, asked.step),
        ];
        given.into_iter().all(|(wanted, is)| wanted.as_deref().is_none_or(|wanted| wanted == is))
    }
}

fn changed(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).and_then(|found| found.modified()).ok()
}

fn load(file: &Path) -> Result<Vec<Rule>> {
    let text = fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
    let rules: RulesFile = toml::from_str(&text).with_context(|| format!("read {}", file.display()))?;
    Ok(rules.rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_matches_holds_so_often_as_it_says() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("rules.toml");
        let text =
            "[[rule]]\nstep = \"write\"\nfail = \"disk_error\"\ntimes = 1\n[[rule]]\nserver = \"a\"\ndelay_ms = 5\n";
        fs::write(&file, text).unwrap();
        let rules = Rules::watch(&file).unwrap();
        let asked = Asked { server: "a", instance: "i", work: "install", step: "write" };
        assert_eq!(rules.fate(Asked { step: "boot", server: "b", ..asked }), Fate::default());
        assert_eq!(rules.fate(asked).fail.as_deref(), Some("disk_error"));
        let slow = Fate { delay: Duration::from_millis(5), ..Fate::default() };
        assert_eq!(rules.fate(asked), slow, "the first rule is spent");
    }

    #[test]
    fn a_file_that_changed_is_read_again_and_one_without_sense_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("rules.toml");
        let rules = Rules::watch(&file).unwrap();
        let asked = Asked { server: "a", instance: "", work: "wipe", step: "wipe" };
        assert_eq!(rules.fate(asked), Fate::default());
        let write = |text: &str, second: u64| {
            fs::write(&file, text).unwrap();
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(second);
            fs::File::options().write(true).open(&file).unwrap().set_modified(at).unwrap();
        };
        write("[[rule]]\nsilent = true\n", 1);
        assert!(rules.fate(asked).silent);
        write("[[rule]]\nslient = true\n", 2);
        assert!(rules.fate(asked).silent);
    }
}
