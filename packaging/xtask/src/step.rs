//! A step of a task: its title, the program it runs, its time.

use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::time::Instant;

use anyhow::{Context, Result, bail};

/// The top of the checkout.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap_or_else(|_| PathBuf::from("."))
}

/// Runs one step with its output shown; fails with the step's title and the way the program ended.
///
/// # Errors
/// When the program cannot be started or does not end well.
pub fn run(title: &str, command: &mut Command) -> Result<()> {
    println!("\n==> {title}");
    let began = Instant::now();
    let status = command.current_dir(root()).status().with_context(|| format!("{title}: cannot start {command:?}"))?;
    check(title, command, status)?;
    println!("    {title}: {:.0} s", began.elapsed().as_secs_f32());
    Ok(())
}

fn check(title: &str, command: &Command, status: ExitStatus) -> Result<()> {
    if !status.success() {
        bail!("step \"{title}\": {command:?} ended with {status}");
    }
    Ok(())
}

/// A `cargo` command of the toolchain that runs this task.
pub fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    command
}
