//! A laboratory of an ordinary user: in a user namespace, where he has the rights over the networks that he makes.
//!
//! He stays in the machine's own network, so that the API's port is on its loopback, and keeps his processes visible.

use anyhow::{Context, Result, bail, ensure};
use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
    unistd::{getegid, geteuid},
};
use std::{
    fs::{self, OpenOptions},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

const TUN: &str = "/dev/net/tun";

/// The ordinary user for whom this process is root; none when it is the machine's root, or nobody's.
#[must_use]
pub fn owner() -> Option<u32> {
    let map = fs::read_to_string("/proc/self/uid_map").ok()?;
    let mut words = map.lines().next()?.split_whitespace();
    let (inside, outside) = (words.next()?, words.next()?);
    if inside == outside { None } else { outside.parse().ok() }
}

/// Whether this user may have a laboratory on this machine, as far as can be said beforehand.
///
/// # Errors
/// When the servers' NICs cannot be made.
pub fn check() -> Result<()> {
    let opened = OpenOptions::new().read(true).write(true).open(TUN);
    opened.map(drop).with_context(|| {
        let cure = if geteuid().is_root() { "load the module tun" } else { "run it by sudo, or let users open it" };
        format!("the laboratory needs {TUN}, for the servers' NICs ({cure})")
    })
}

/// Makes an ordinary user root of a user namespace of his own, with a `/run/netns` of his own; root stays what it is.
/// To be called before there is a second thread.
///
/// # Errors
/// When the machine does not let users have namespaces.
pub fn enter() -> Result<()> {
    if geteuid().is_root() {
        return Ok(());
    }
    let (user, group) = (geteuid(), getegid());
    if let Err(error) = unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS) {
        bail!("this machine lets ordinary users have no namespaces ({error}): run it by sudo");
    }
    let files =
        [("setgroups", "deny".to_owned()), ("uid_map", format!("0 {user} 1")), ("gid_map", format!("0 {group} 1"))];
    for (file, text) in files {
        fs::write(Path::new("/proc/self").join(file), text).with_context(|| format!("write /proc/self/{file}"))?;
    }
    own_netns().context("make a /run/netns of its own (run it by sudo instead)")
}

/// Puts a file system of its own at `/run`, with everything that was there, and an empty `netns`.
fn own_netns() -> Result<()> {
    let none: Option<&str> = None;
    let run = Path::new("/run");
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).context("keep mounts private")?;
    let new = std::env::temp_dir().join(format!("billet-lab-run.{}", std::process::id()));
    fs::create_dir(&new).with_context(|| format!("make {}", new.display()))?;
    mount(Some("tmpfs"), &new, Some("tmpfs"), MsFlags::empty(), Some("mode=755")).context("mount a tmpfs")?;
    for entry in fs::read_dir(run).context("read /run")? {
        let entry = entry.context("read /run")?;
        let (old, at) = (entry.path(), new.join(entry.file_name()));
        let kind = entry.file_type().with_context(|| format!("look at {}", old.display()))?;
        if entry.file_name() == "netns" {
            continue;
        }
        if kind.is_symlink() {
            let to = fs::read_link(&old).with_context(|| format!("read {}", old.display()))?;
            symlink(to, &at).with_context(|| format!("make {}", at.display()))?;
            continue;
        }
        if kind.is_dir() { fs::create_dir(&at) } else { fs::write(&at, "") }
            .with_context(|| format!("make {}", at.display()))?;
        mount(Some(&old), &at, none, MsFlags::MS_BIND | MsFlags::MS_REC, none)
            .with_context(|| format!("show {} again", old.display()))?;
    }
    fs::create_dir(new.join("netns")).context("make netns")?;
    mount(Some(&new), run, none, MsFlags::MS_MOVE, none).context("move it to /run")?;
    fs::remove_dir(&new).with_context(|| format!("remove {}", new.display()))
}

/// Where this user's laboratories are on record.
///
/// # Errors
/// When the folder cannot be made, or is somebody else's.
pub(crate) fn record_dir() -> Result<PathBuf> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};
    let ordinary = match owner() {
        Some(user) => Some(user),
        // A simulated fleet needs no namespaces: its user is nobody's root.
        None => (!geteuid().is_root()).then(|| geteuid().as_raw()),
    };
    let dir = match ordinary {
        None => PathBuf::from("/run/billet-lab"),
        Some(user) => std::env::temp_dir().join(format!("billet-lab-{user}")),
    };
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir);
    made.with_context(|| format!("make {}", dir.display()))?;
    let found = fs::symlink_metadata(&dir).with_context(|| format!("look at {}", dir.display()))?;
    ensure!(found.is_dir() && found.uid() == geteuid().as_raw(), "{} is somebody else's", dir.display());
    Ok(dir)
}
