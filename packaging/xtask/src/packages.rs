//! The Debian packages that the tasks need: which are missing, and installing them.

use std::io::{BufRead, IsTerminal, Write};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::step;

/// A Debian package and what needs it.
#[derive(Clone, Copy)]
pub struct Package {
    /// Its name in Debian 12.
    pub name: &'static str,
    /// What needs it.
    pub reason: &'static str,
}

/// What the unit and integration tests need.
pub const TESTS: &[Package] = &[
    Package { name: "gcc", reason: "the linker, and SQLite's and zstd's sources" },
    Package { name: "make", reason: "jemalloc's sources" },
    Package { name: "libc6-dev", reason: "the static C library of the agent" },
    Package { name: "openipmi", reason: "ipmi_sim, the BMC that the tests talk to" },
    Package { name: "ipmitool", reason: "the independent peer of our IPMI" },
    Package { name: "openssh-server", reason: "the independent peer of the SSH probe" },
    Package { name: "openssh-client", reason: "ssh and ssh-keygen" },
    Package { name: "openssl", reason: "the independent peer of hashes and certificates" },
    Package { name: "zstd", reason: "the independent peer of image frames" },
    Package { name: "gdisk", reason: "sgdisk, the independent peer of partition tables" },
    Package { name: "e2fsprogs", reason: "mke2fs and debugfs, for file systems in tests" },
    Package { name: "iproute2", reason: "ip, for network namespaces" },
    Package { name: "cpio", reason: "the independent peer of the ramdisk's archive" },
    Package { name: "sqlite3", reason: "reads the database as a stranger" },
    Package { name: "python3-venv", reason: "the public client library, and schemathesis" },
    Package { name: "systemd", reason: "systemd-analyze verify for the units" },
];

/// What demo and laboratory need: a compiler, and the laboratory's own list.
pub fn for_lab() -> Vec<Package> {
    let lab = billet_lab::packages::PACKAGES.iter().map(|(name, reason)| Package { name, reason });
    TESTS.iter().copied().filter(|package| ["gcc", "make", "libc6-dev"].contains(&package.name)).chain(lab).collect()
}

/// Installs those of `wanted` that are missing, after having said which; asks first unless `yes`.
///
/// # Errors
/// When packages are missing and cannot be installed: not root, no answer, or apt-get failed.
pub fn install(wanted: &[Package], yes: bool) -> Result<()> {
    let missing: Vec<&Package> = wanted.iter().filter(|package| !is_installed(package.name)).collect();
    if missing.is_empty() {
        println!("==> Debian packages: all {} are installed", wanted.len());
        return Ok(());
    }
    println!("==> Debian packages that are missing:");
    for package in &missing {
        println!("    {:<20} {}", package.name, package.reason);
    }
    if !yes {
        ask()?;
    }
    if !nix::unistd::geteuid().is_root() {
        let names: Vec<&str> = missing.iter().map(|package| package.name).collect();
        bail!("installing needs root; run: sudo apt-get install --no-install-recommends {}", names.join(" "));
    }
    let mut update = Command::new("apt-get");
    update.args(["update", "-q"]).env("DEBIAN_FRONTEND", "noninteractive");
    step::run("apt-get update", &mut update)?;
    let mut install = Command::new("apt-get");
    install.args([
        "install",
        "-q",
        "-y",
        "--no-install-recommends",
        "-o",
        "Dpkg::Use-Pty=0",
        "-o",
        "Acquire::Retries=5",
    ]);
    install.args(missing.iter().map(|package| package.name)).env("DEBIAN_FRONTEND", "noninteractive");
    // A package's daemon must not start on the machine of the one who tries Billet.
    install.env("RUNLEVEL", "1");
    step::run("apt-get install", &mut install)
}

fn is_installed(name: &str) -> bool {
    Command::new("dpkg-query")
        .args(["-W", "-f=${db:Status-Status}", name])
        .output()
        .is_ok_and(|output| output.status.success() && output.stdout == b"installed")
}

fn ask() -> Result<()> {
    if !std::io::stdin().is_terminal() {
        bail!("packages are missing and there is no terminal to ask on; --yes installs them");
    }
    print!("    Install them now? [y/N] ");
    std::io::stdout().flush().context("failed to write to the terminal")?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).context("failed to read the answer")?;
    if !matches!(answer.trim(), "y" | "Y" | "yes") {
        bail!("nothing was installed");
    }
    Ok(())
}
