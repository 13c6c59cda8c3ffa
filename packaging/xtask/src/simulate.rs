//! `cargo xtask simulate`: thousands of virtual hours, each from one seed.

use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::step::{self, cargo};

/// Seeds that a merge must pass.
const SEEDS: u64 = 500;
/// Each bug that is planted must be found within so many seeds.
const SEEDS_FOR_A_BUG: u64 = 500;

/// What to run.
#[derive(Debug, Args)]
pub struct Options {
    /// How many seeds.
    #[arg(long, default_value_t = SEEDS)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Print what happened, line by line; for one seed.
    #[arg(long)]
    journal: bool,
    /// Instead: plant each bug in its turn, and tell which seed finds it.
    #[arg(long)]
    planted: bool,
}

/// Builds the simulation and runs it.
///
/// # Errors
/// When it cannot be built, a seed failed, or a planted bug was not found.
pub fn run(options: &Options) -> Result<()> {
    let (seeds, from) = (options.seeds.to_string(), options.from.to_string());
    if options.planted {
        return find_planted_bugs();
    }
    let mut arguments = vec!["--seeds", &seeds, "--from", &from];
    if options.journal {
        arguments.push("--journal");
    }
    step::run("simulation", &mut command(&arguments))
}

/// The seeds that a merge must pass.
///
/// # Errors
/// When one failed.
pub fn seeds() -> Result<()> {
    step::run("simulation", &mut command(&["--seeds", &SEEDS.to_string()]))
}

/// Plants each bug, one after the other.
///
/// # Errors
/// When one is not found.
pub fn find_planted_bugs() -> Result<()> {
    let seeds = SEEDS_FOR_A_BUG.to_string();
    step::run("planted bugs", &mut command(&["--seeds", &seeds, "--all-bugs"]))
}

fn command(arguments: &[&str]) -> Command {
    let mut command = cargo(&["run", "--profile", "simulation", "--locked", "-p", "billet-simulation", "--"]);
    command.args(arguments);
    command
}
