//! A disk of a few MiB under a folder, so that it can be full: a tmpfs in a mount namespace of its own, which ends with the
//! process that holds it.

use crate::{process, record::Process};
use anyhow::{Context, Result, ensure};
use nix::unistd::geteuid;
use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

/// What was in the folder is on the new disk; `$1` is the folder, `$2` MiB.
const HOLD: &str = "set -e; umask 077; tar -C \"$1\" -cf \"$1.tar\" .; mount -t tmpfs -o size=$2m,mode=700 small \"$1\"; \
                    tar -C \"$1\" -xpf \"$1.tar\"; rm \"$1.tar\"; touch \"$1.held\"; exec sleep infinity";
/// It is there within this time.
const HELD: Duration = Duration::from_secs(20);
/// What fills it.
const FILLER: &str = "filler";

/// A disk; it is there until its process ends.
#[derive(Debug, Clone)]
pub struct SmallDisk {
    /// Who holds it; to be put on record.
    pub holder: Process,
    dir: PathBuf,
}

impl SmallDisk {
    /// Puts `mib` MiB under a folder that is there; for programs of [`SmallDisk::command`] alone, and not for what runs already.
    ///
    /// # Errors
    /// When this machine allows no mount namespace, or what is in the folder does not fit.
    pub fn under(dir: &Path, mib: u32) -> Result<Self> {
        let mut command = Command::new("unshare");
        if !geteuid().is_root() {
            command.args(["--user", "--map-root-user"]);
        }
        command.args(["--mount", "--propagation", "private", "sh", "-c", HOLD, "sh"]);
        command.arg(dir).arg(mib.to_string());
        let (log, held) = (dir.with_extension("disk.log"), dir.with_extension("held"));
        let holder = process::start("small disk", &mut command, &log)?;
        let began = Instant::now();
        while !held.exists() {
            let is_well = process::is_running(&holder) && began.elapsed() < HELD;
            ensure!(is_well, "no small disk under {}; see {}", dir.display(), log.display());
            std::thread::sleep(Duration::from_millis(10));
        }
        fs::remove_file(&held).with_context(|| format!("remove {}", held.display()))?;
        Ok(Self { holder, dir: dir.to_owned() })
    }

    /// A program that sees it.
    #[must_use]
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.holder.pid.to_string(), "--mount"]);
        if !geteuid().is_root() {
            command.args(["--user", "--preserve-credentials"]);
        }
        command.arg(program);
        command
    }

    /// The folder as those programs have it.
    #[must_use]
    pub fn seen(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.pid));
        root.join(self.dir.strip_prefix("/").unwrap_or(&self.dir))
    }

    /// Leaves no room for anything.
    ///
    /// # Errors
    /// When it is not the room that is missing.
    pub fn fill(&self) -> Result<()> {
        let path = self.seen().join(FILLER);
        let file = OpenOptions::new().append(true).create(true).open(&path);
        let mut file = file.with_context(|| format!("open {}", path.display()))?;
        let piece = vec![b'x'; 64 << 10];
        loop {
            match file.write(&piece) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => return Ok(()),
                Err(error) => return Err(error).with_context(|| format!("fill {}", path.display())),
            }
        }
    }

    /// Gives the room back, if it was taken.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn free(&self) -> Result<()> {
        let path = self.seen().join(FILLER);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(error).with_context(|| format!("remove {}", path.display()))
            }
            _ => Ok(()),
        }
    }
}
