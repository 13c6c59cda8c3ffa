//! What demo, laboratory and laboratory tests have in common: builds, images, and an orderly end.

use std::{
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use anyhow::{Result, anyhow};
use billet_lab::{
    Firmware, Lab, Options, ServerSpec,
    daemons::Binaries,
    images::{self, Images},
    ordinary,
    site::{SiteOptions, first_disk},
};
use nix::{
    sys::signal::{SigSet, Signal},
    unistd::geteuid,
};

use crate::{build, demo, ramdisk, step};

/// Everything built.
#[derive(Clone)]
pub struct Stage {
    binaries: Binaries,
    program: PathBuf,
    images: Images,
}

/// Where images, kernel and laboratories are.
pub fn cache() -> PathBuf {
    std::env::var_os("BILLET_LAB_CACHE").map_or_else(|| step::root().join("target/lab"), PathBuf::from)
}

/// The folder of a laboratory.
pub fn lab_dir(name: &str) -> PathBuf {
    cache().join(name)
}

/// Builds binaries, ramdisk and images.
///
/// # Errors
/// Naming the step.
pub fn prepare() -> Result<Stage> {
    ordinary::check()?;
    let built = build::binaries()?;
    println!("\n==> the ramdisk");
    // Not in the cache, which other checkouts may share: it holds this one's agent.
    let ramdisk = ramdisk::build(&cache(), &build::target_dir().join("ramdisk"), &built.agent)?;
    println!("\n==> Debian images (made once, a few minutes)");
    let images = images::get(&cache().join("images"))?;
    let binaries =
        Binaries { agent: built.agent, controller: built.controller, client: built.client, ramdisk_dir: ramdisk.dir };
    Ok(Stage { binaries, program: built.lab, images })
}

/// Makes what only root can make, images, and fetches the kernel; under sudo it then belongs to the one who called.
///
/// # Errors
/// Naming the step.
pub fn cache_images() -> Result<()> {
    let cache = cache();
    images::get(&cache.join("images"))?;
    ramdisk::fetch_kernel(&cache)?;
    let id = |name: &str| std::env::var(name).ok()?.parse::<u32>().ok();
    if let (true, Some(user), Some(group)) = (geteuid().is_root(), id("SUDO_UID"), id("SUDO_GID")) {
        let mut chown = Command::new("chown");
        step::run("give them to you", chown.args(["-R", &format!("{user}:{group}")]).arg(&cache))?;
    }
    Ok(())
}

/// A server for showing.
#[must_use]
pub fn server(firmware: Firmware) -> ServerSpec {
    ServerSpec { firmware, ..ServerSpec::default() }
}

impl Stage {
    /// The laboratory's own program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// A site with these servers.
    #[must_use]
    pub fn site(&self, name: &str, servers: Vec<ServerSpec>, racks: usize) -> SiteOptions {
        let lab =
            Options { name: name.into(), dir: lab_dir(name), program: self.program.clone(), servers, racks, vpcs: 2 };
        SiteOptions {
            lab,
            binaries: self.binaries.clone(),
            images: self.images.clone(),
            imports: &["cloudinit", "plain"],
            controller: "[policy]\nallow_unwiped_reuse = true\n".into(),
            disk_hint: first_disk,
            say: |what| println!("    {what}"),
        }
    }

    /// Environment by which the laboratory's tests find what was built.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, PathBuf)> {
        vec![
            ("BILLET_LAB_AGENT", self.binaries.agent.clone()),
            ("BILLET_LAB_CONTROLLER", self.binaries.controller.clone()),
            ("BILLET_LAB_CLIENT", self.binaries.client.clone()),
            ("BILLET_LAB_RAMDISK", self.binaries.ramdisk_dir.clone()),
            ("BILLET_LAB_PROGRAM", self.program.clone()),
            ("BILLET_LAB_CLOUDINIT", self.images.cloudinit.clone()),
            ("BILLET_LAB_PLAIN", self.images.plain.clone()),
            ("BILLET_LAB_DIR", cache()),
        ]
    }
}

/// Runs `work` with laboratories of these names, an ordinary user's in a user namespace: a signal takes them down, and so does an error, after
/// their logs were shown.
///
/// # Errors
/// What `work` answers; an interruption.
pub fn with_labs(names: &'static [&'static str], work: impl FnOnce() -> Result<()> + Send) -> Result<()> {
    ordinary::enter()?;
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        signals.add(signal);
    }
    // Blocked here and in every thread from now on; children start with an empty mask.
    signals.thread_block()?;
    thread::spawn(move || {
        let Ok(signal) = signals.wait() else { return };
        eprintln!("\n{signal}: taking the laboratory down");
        for name in names {
            if let Err(error) = Lab::down_own(name) {
                eprintln!("{error:#}; the next start clears what is left in {}", lab_dir(name).display());
            }
        }
        std::process::exit(130);
    });
    let done = work();
    if done.is_err() {
        names.iter().for_each(|name| demo::logs(&lab_dir(name)));
    }
    let dirs: Vec<String> = names.iter().map(|name| lab_dir(name).display().to_string()).collect();
    done.map_err(|error| anyhow!("{error:#}\n    the logs stay in {}", dirs.join(" and ")))
}
