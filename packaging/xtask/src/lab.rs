//! `cargo xtask lab`: an idle system that stays until it is taken down.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use billet_lab::{
    Firmware, Lab,
    daemons::write_private,
    ordinary,
    record::Held,
    site::{PROJECT, Site},
};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::fleet::Fleet;
use crate::{build, packages, stage};

const LAB: &str = "lab";
/// The simulated one's name.
const SIMULATED: &str = "sim";
/// Addresses of BMCs and servers are counted in one byte.
const MAX_SERVERS: usize = 64;
/// Simulated servers' addresses fit in a /16.
const MAX_SIMULATED: u32 = 50_000;

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Bring an idle system up; returns when it is ready and leaves it.
    Up(Up),
    /// Take it down.
    Down,
    /// Make the Debian images, and nothing else.
    Images {
        /// Install missing Debian packages without asking.
        #[arg(long)]
        yes: bool,
    },
}

/// How the system is to be.
#[derive(Debug, Args)]
pub struct Up {
    /// How many servers.
    #[arg(long, default_value_t = 1)]
    servers: usize,
    /// So many simulated servers instead: nothing boots, plain HTTP on loopback, no root.
    #[arg(long, value_name = "N", conflicts_with_all = ["servers", "bios"])]
    simulated: Option<u32>,
    /// Agents of the simulated servers.
    #[arg(long, value_name = "M", default_value_t = 1, requires = "simulated")]
    agents: u32,
    /// Servers that boot by BIOS instead of UEFI.
    #[arg(long)]
    bios: bool,
    /// Where to write how to reach it (mode 0600).
    #[arg(long, value_name = "FILE")]
    json: PathBuf,
    /// Install missing Debian packages without asking.
    #[arg(long)]
    yes: bool,
}

/// Does it.
///
/// # Errors
/// Naming the step that failed.
pub fn run(task: &Task) -> Result<()> {
    match task {
        Task::Up(up) => bring_up(up),
        Task::Down => {
            Lab::down(SIMULATED)?;
            if !Held::exists(LAB)? {
                return Ok(());
            }
            ordinary::enter()?;
            Lab::down(LAB)
        }
        Task::Images { yes } => {
            packages::install(&packages::for_lab(), *yes)?;
            stage::cache_images()
        }
    }
}

fn bring_up(up: &Up) -> Result<()> {
    if let Some(servers) = up.simulated {
        return bring_up_simulated(up, servers);
    }
    anyhow::ensure!((1..=MAX_SERVERS).contains(&up.servers), "--servers: 1 to {MAX_SERVERS}, not {}", up.servers);
    packages::install(&packages::for_lab(), up.yes)?;
    let stage = stage::prepare()?;
    let firmware = if up.bios { Firmware::Bios } else { Firmware::Uefi };
    let servers = vec![stage::server(firmware); up.servers];
    stage::with_labs(&[LAB], || {
        println!("\n==> the laboratory");
        let site = Site::start(stage.site(LAB, servers, 1))?;
        let file = json_of(&site, stage.program())?;
        write_private(&up.json, &format!("{file:#}\n"))?;
        site.lab.keep();
        println!("\nready; {} says how to reach it, `cargo xtask lab down` takes it down", up.json.display());
        Ok(())
    })
}

/// How to reach a laboratory.
///
/// # Errors
/// When its files cannot be read.
pub fn json_of(site: &Site, program: &Path) -> Result<serde_json::Value> {
    let token = std::fs::read_to_string(&site.tenant_token).context("read the tenant's token")?;
    let ids: Vec<&str> = site.lab.servers.iter().map(|server| server.id.as_str()).collect();
    Ok(json!({
        "endpoint": site.endpoint(),
        "ca_file": site.controller.ca_file(),
        "token": token.trim(),
        "access_key": site.controller.access_key.access,
        "secret_key": site.controller.access_key.secret,
        "project_id": PROJECT,
        "image_ids": site.images,
        "vpc_id": site.vpcs[0],
        "subnet_ids": site.subnets,
        "server_ids": ids,
        "ssh_argv": ssh_argv(site, program)?,
    }))
}

fn bring_up_simulated(up: &Up, servers: u32) -> Result<()> {
    let most = MAX_SIMULATED;
    anyhow::ensure!((1..=most).contains(&servers), "--simulated: 1 to {most}, not {servers}");
    anyhow::ensure!((1..=servers).contains(&up.agents), "--agents: 1 to {servers}, not {}", up.agents);
    Fleet::up(&build::binaries()?, SIMULATED, servers, up.agents, &up.json)?.keep();
    println!("\nready; {} says how to reach it, `cargo xtask lab down` takes it down", up.json.display());
    Ok(())
}

/// The words to put before a command to run ssh to an instance, from where this was called.
fn ssh_argv(site: &Site, program: &Path) -> Result<Vec<String>> {
    let mut words = Vec::new();
    if ordinary::owner().is_some() {
        // Into the user namespace, by a process that lives as long as the laboratory.
        let process = site.lab.process("chassis0").context("a server's chassis is on record")?;
        words.extend(["nsenter", "--user", "--mount", "--preserve-credentials", "--target"].map(str::to_owned));
        words.push(process.pid.to_string());
    }
    let program = program.canonicalize().context("find the laboratory's program")?.display().to_string();
    words.extend([&program, "ssh", "--namespace", &site.lab.names.vpc(0), "--"].map(str::to_owned));
    Ok(words)
}
