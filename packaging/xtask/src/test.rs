//! `cargo xtask test`: everything that a merge must pass.

use anyhow::Result;
use clap::Args;

use crate::packages;
use crate::step::{self, cargo};

/// What to run.
#[derive(Debug, Args)]
pub struct Options {
    /// Install missing Debian packages without asking.
    #[arg(long)]
    yes: bool,
}

/// Installs, checks and tests; stops at the first step that fails.
///
/// # Errors
/// Naming the step that failed.
pub fn run(options: &Options) -> Result<()> {
    packages::install(packages::TESTS, options.yes)?;
    step::run("formatting", &mut cargo(&["fmt", "--all", "--check"]))?;
    step::run("lints", &mut cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))?;
    step::run(
        "documentation",
        cargo(&["doc", "--workspace", "--no-deps", "--locked"]).env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    step::run("tests", &mut cargo(&["test", "--workspace", "--locked"]))?;
    println!("\nall passed");
    Ok(())
}
