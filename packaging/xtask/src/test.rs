//! `cargo xtask test`: everything that a merge must pass.

use std::time::Instant;

use anyhow::Result;
use clap::Args;
use nix::unistd::geteuid;

use crate::step::{self, cargo};
use crate::{conformance, packages, stage, units};

/// What to run.
#[derive(Debug, Args)]
pub struct Options {
    /// Install missing Debian packages without asking.
    #[arg(long)]
    yes: bool,
    /// Thousands of made-up calls instead of hundreds.
    #[arg(long)]
    all: bool,
    /// Only these parts.
    #[arg(long, value_enum)]
    only: Vec<Part>,
    /// Of the laboratory's stories only these, by their laboratories' names.
    #[arg(long)]
    story: Vec<String>,
}

/// A part of the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Formatting, lints, documentation, units.
    Checks,
    /// Unit and integration tests.
    Unit,
    /// The public client library and made-up calls, against a simulated fleet.
    Conformance,
    /// The controller with a real Keystone.
    Keystone,
    /// Whole installations in the laboratory.
    Laboratory,
}

/// A laboratory's stories and their laboratories' names.
const STORIES: [(&str, &str); 4] = [
    ("failing::what_cannot_work_ends_in_error_and_names_its_cause", "fails"),
    ("wires::each_rail_has_its_own_table_and_leads_nowhere_else", "rails"),
    ("wires::a_bond_with_a_tag_lives_on_when_a_cable_is_pulled", "bond"),
    ("installing::two_powered_off_servers_become_the_machines_that_were_asked_for", "story"),
];

/// Installs, checks and tests; stops at the first step that fails.
///
/// # Errors
/// Naming the step that failed.
pub fn run(options: &Options) -> Result<()> {
    let began = Instant::now();
    let wants = |part: Part| options.only.is_empty() || options.only.contains(&part);
    packages::install(&[packages::TESTS.to_vec(), packages::for_lab()].concat(), options.yes)?;
    if wants(Part::Checks) {
        step::run("formatting", &mut cargo(&["fmt", "--all", "--check"]))?;
        step::run(
            "lints",
            &mut cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]),
        )?;
        let mut doc = cargo(&["doc", "--workspace", "--no-deps", "--locked"]);
        step::run("documentation", doc.env("RUSTDOCFLAGS", "-D warnings"))?;
        units::verify()?;
    }
    if wants(Part::Unit) {
        step::run("tests", &mut cargo(&["test", "--workspace", "--locked"]))?;
    }
    if wants(Part::Conformance) {
        conformance::run(options.all)?;
    }
    if wants(Part::Keystone) {
        let words = ["test", "--locked", "-p", "billet-controller", "--test", "keystone", "--", "--ignored"];
        step::run("Keystone", &mut cargo(&words))?;
    }
    if wants(Part::Laboratory) {
        laboratory(&options.story)?;
    }
    println!("\nall passed in {:.0} min", began.elapsed().as_secs_f32() / 60.0);
    Ok(())
}

/// The stories, one after the other: each has a laboratory of its own.
fn laboratory(only: &[String]) -> Result<()> {
    let stage = stage::prepare()?;
    if geteuid().is_root() && only.is_empty() {
        let mut story = cargo(&["test", "--locked", "-p", "billet-lab", "--test", "ordinary", "--", "--ignored"]);
        step::run("laboratory: an ordinary user's", story.envs(stage.environment()))?;
    }
    for (test, lab) in STORIES.into_iter().filter(|(_, lab)| only.is_empty() || only.iter().any(|name| name == lab)) {
        stage::with_lab(lab, &stage.lab_dir(lab), || {
            let words = ["test", "--locked", "-p", "billet-lab", "--test", "stories", "--"];
            let mut story = cargo(&[&words[..], &["--ignored", "--exact", "--nocapture", test]].concat());
            story.envs(stage.environment());
            step::run(&format!("laboratory: {lab}"), &mut story)
        })?;
    }
    Ok(())
}
