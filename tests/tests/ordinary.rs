//! An ordinary user has a laboratory too: his server is powered on by its BMC, and nothing is left of it.
//!
//! A program of its own, not the usual harness: a process with threads cannot enter a user namespace.

use anyhow::{Context, Result, ensure};
use billet_lab::{Lab, Options, ServerSpec, net::inside, ordinary, server::BMC_USER};
use nix::unistd::geteuid;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

const NAME: &str = "user";
/// Debian's `nobody`.
const NOBODY: &str = "65534";

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.first().map(String::as_str) {
        Some("--as-user") => as_user(Path::new(words.get(1).context("a folder")?)),
        Some("--ignored") => as_root(),
        _ => {
            println!("ordinary: needs the laboratory's packages; `cargo xtask test --only laboratory` runs it");
            Ok(())
        }
    }
}

/// Becomes `nobody`, for whom /dev/net/tun is open.
fn as_root() -> Result<()> {
    ensure!(geteuid().is_root(), "run it as root: it becomes an ordinary user");
    let program = std::env::var_os("BILLET_LAB_PROGRAM").context("BILLET_LAB_PROGRAM is not set")?;
    let dir = tempfile::tempdir().context("make a folder")?;
    for (from, to) in [(PathBuf::from(program), "billet-lab"), (std::env::current_exe()?, "ordinary")] {
        fs::copy(&from, dir.path().join(to)).with_context(|| format!("copy {}", from.display()))?;
    }
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).context("open the folder")?;
    let script = "mknod tun c 10 200 && chmod 666 tun && mount --bind tun /dev/net/tun && \
                  exec setpriv --reuid $0 --regid $0 --clear-groups ./ordinary --as-user .";
    let mut shell = Command::new("unshare");
    shell.args(["--mount", "sh", "-c", script, NOBODY]).current_dir(dir.path());
    let done = shell.status().context("run unshare")?;
    ensure!(done.success(), "an ordinary user's laboratory: {done}");
    println!("ordinary: ok");
    Ok(())
}

fn as_user(dir: &Path) -> Result<()> {
    ensure!(!geteuid().is_root(), "this part is an ordinary user's");
    let dir = dir.canonicalize().context("find the folder")?;
    ordinary::check()?;
    ordinary::enter()?;
    ensure!(ordinary::owner().map(|owner| owner.to_string()).as_deref() == Some(NOBODY), "not in a user namespace");
    let options = Options {
        name: NAME.into(),
        dir: dir.join("lab"),
        program: dir.join("billet-lab"),
        servers: vec![ServerSpec::default()],
        racks: 1,
        vpcs: 1,
    };
    let lab = Lab::start(&options)?;
    let server = &lab.servers[0];
    let power = |word: &str| -> Result<String> {
        let mut tool = inside(&lab.names.rack(0), "ipmitool");
        tool.args(["-I", "lanplus", "-C", "3", "-H", &server.bmc_address, "-U", BMC_USER, "-f"]);
        let output = tool.arg(server.accepted_password_file()).args(["chassis", "power", word]).output()?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    ensure!(power("status")?.contains("is off"), "a server is off at first");
    power("on")?;
    ensure!(power("status")?.contains("is on"), "its BMC powers it on");
    let folder = server.dir.clone();
    ensure!(is_machine_on(&folder)?, "QEMU runs");
    drop(lab);
    ensure!(!is_machine_on(&folder)?, "QEMU outlives its laboratory, {}", folder.display());
    let left = fs::read_dir("/run/netns").context("read /run/netns")?.count();
    ensure!(left == 0, "{left} namespaces are left");
    Ok(())
}

/// Whether a QEMU runs that has a disk of that folder. One that has ended has no command line any more.
fn is_machine_on(dir: &Path) -> Result<bool> {
    let disk = dir.join("disk0.raw").display().to_string();
    let words = |entry: fs::DirEntry| fs::read(entry.path().join("cmdline")).unwrap_or_default();
    let mut processes = fs::read_dir("/proc").context("read /proc")?.filter_map(Result::ok).map(words);
    Ok(processes.any(|words| {
        let words = String::from_utf8_lossy(&words);
        words.contains("qemu-system") && words.contains(&disk)
    }))
}
