//! The static binaries of the product.

use std::{path::PathBuf, process::Command};

use anyhow::Result;

use crate::step::{self, cargo};

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Named for the target alone: build scripts and macros stay as they are.
const FLAGS: (&str, &str) = ("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS", "-C target-feature=+crt-static");

/// Where they are.
pub struct Binaries {
    /// The daemon on rack hosts, and PID 1 of the ramdisk.
    pub agent: PathBuf,
    /// The controller.
    pub controller: PathBuf,
    /// The client.
    pub client: PathBuf,
    /// The laboratory's own program.
    pub lab: PathBuf,
    /// The simulated fleet's.
    pub fleet: PathBuf,
}

/// Where cargo builds.
pub fn target_dir() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| step::root().join("target"), PathBuf::from)
}

/// Builds all of them, linked statically: one file each, for any Linux. Always all: for other packages cargo would choose
/// other features, and build most of what they share once more.
///
/// # Errors
/// When the build fails.
pub fn binaries() -> Result<Binaries> {
    let arguments = ["build", "--release", "--locked", "--target", TARGET];
    let packages = ["-p", "billet-agent", "-p", "billet-controller", "-p", "billet-lab", "-p", "billet-fleet"];
    let mut command = cargo(&[&arguments[..], &packages].concat());
    command.env(FLAGS.0, FLAGS.1);
    step::run("static binaries", &mut command)?;
    let at = |name: &str| target_dir().join(TARGET).join("release").join(name);
    Ok(Binaries {
        agent: at("billet-agent"),
        controller: at("billet-controller"),
        client: at("billet"),
        lab: at("billet-lab"),
        fleet: at("billet-fleet"),
    })
}

/// A benchmark of a package, built as the binaries are.
pub fn bench_command(package: &str, bench: &str) -> Command {
    let mut command = cargo(&["bench", "--locked", "--target", TARGET, "-p", package, "--bench", bench, "--"]);
    command.env(FLAGS.0, FLAGS.1);
    command
}
