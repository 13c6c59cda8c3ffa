//! Processes of a laboratory: started apart from the terminal, ended by number and start time.

use crate::record::Process;
use anyhow::{Context, Result, bail};
use nix::{
    sys::{
        signal::{Signal, kill, killpg},
        wait::{WaitPidFlag, waitpid},
    },
    unistd::Pid,
};
use std::{
    fs::{self, File, OpenOptions},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// After SIGTERM a process has this long before SIGKILL.
const PATIENCE: Duration = Duration::from_secs(8);

/// Starts a program with its output appended to `log`, in a process group of its own.
///
/// # Errors
/// When it cannot be started.
pub fn start(what: &str, command: &mut Command, log: &Path) -> Result<Process> {
    let open = || -> Result<File> {
        OpenOptions::new().append(true).create(true).open(log).with_context(|| format!("open {}", log.display()))
    };
    let (_, process) = start_here(what, command.stdout(open()?).stderr(open()?))
        .with_context(|| format!("its log is {}", log.display()))?;
    Ok(process)
}

/// Starts a program with the output that it has, in a process group of its own.
///
/// # Errors
/// When it cannot be started.
pub fn start_here(what: &str, command: &mut Command) -> Result<(Child, Process)> {
    let child = command.stdin(Stdio::null()).process_group(0).spawn();
    let child = child.with_context(|| format!("start {what}: {command:?}"))?;
    let pid = i32::try_from(child.id()).context("a process number is an i32")?;
    let started = started(pid).with_context(|| format!("{what} ended at once"))?;
    Ok((child, Process { what: what.to_owned(), pid, started }))
}

/// Field 22 of /proc/PID/stat; none when there is no such process, or it is only waiting to be reaped.
///
/// A process whose first thread is a zombie has its files and locks as long as another of its threads is ending.
fn started(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold blanks and brackets: what counts comes after the last, from field 3 on.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3).copied();
    let is_over = field(3)? == "Z" && field(20)?.parse::<u32>().ok()? <= 1;
    if is_over { None } else { field(22)?.parse().ok() }
}

/// Whether it runs still.
#[must_use]
pub fn is_running(process: &Process) -> bool {
    started(process.pid) == Some(process.started)
}

/// Sends a signal, if it is still that process.
///
/// # Errors
/// When the kernel refuses.
pub fn signal(process: &Process, signal: Signal) -> Result<()> {
    if is_running(process) {
        kill(Pid::from_raw(process.pid), signal).with_context(|| format!("signal {}", process.what))?;
    }
    Ok(())
}

/// Ends it and what it started: SIGTERM to its process group, then SIGKILL; returns when they are gone.
///
/// # Errors
/// When it stays.
pub fn end(process: &Process) -> Result<()> {
    // Its number belongs to another process by now: then nobody of its group is left, for the kernel gives no number
    // away that is still a group's.
    let reused = started(process.pid).is_some_and(|started| started != process.started);
    if reused {
        return Ok(());
    }
    let group = Pid::from_raw(process.pid);
    let _ = killpg(group, Signal::SIGTERM);
    if !wait(process, PATIENCE) {
        let _ = killpg(group, Signal::SIGKILL);
        if !wait(process, PATIENCE) {
            bail!("{} (process {}) does not end", process.what, process.pid);
        }
    }
    // What outlived its leader.
    let _ = killpg(group, Signal::SIGKILL);
    Ok(())
}

fn wait(process: &Process, time: Duration) -> bool {
    let began = Instant::now();
    while is_running(process) {
        if began.elapsed() > time {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    // Ours is reaped; another's is not ours to reap.
    let _ = waitpid(Pid::from_raw(process.pid), Some(WaitPidFlag::WNOHANG));
    true
}
