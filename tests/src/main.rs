//! What others call of the laboratory: the BMC's chassis program, the agent's network hook, SSH to an instance.

use anyhow::{Context, Result};
use billet_lab::{chassis, hook, load, simulated, ssh, trunk};
use clap::{Parser, Subcommand};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Parts of the laboratory that other programs call.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    part: Part,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// Run a server's chassis.
    Chassis {
        /// The server's folder.
        #[arg(long)]
        dir: PathBuf,
    },
    /// Hand a command of `ipmi_sim` to the chassis.
    ChassisControl {
        /// The server's folder.
        #[arg(long)]
        dir: PathBuf,
        /// As `ipmi_sim` gives it.
        #[arg(last = true)]
        words: Vec<String>,
    },
    /// Move a port: JSON on standard input, JSON on standard output.
    NetworkHook {
        /// The laboratory's folder.
        #[arg(long)]
        dir: PathBuf,
    },
    /// Run a port that speaks 802.1Q, between a server's NIC and its taps.
    Trunk {
        /// The server's folder.
        #[arg(long)]
        dir: PathBuf,
        /// By number.
        #[arg(long)]
        nic: usize,
        /// The tap for what has no tag.
        #[arg(long)]
        tap: String,
        /// The tag.
        #[arg(long)]
        vlan: u16,
    },
    /// Run every agent of a simulated fleet.
    Simulate {
        /// Its plan.
        #[arg(long)]
        plan: PathBuf,
    },
    /// Put load on a simulated fleet's controller, and print what was measured.
    Load {
        /// What `cargo xtask lab up --simulated` wrote.
        #[arg(long)]
        site: PathBuf,
        /// Clients at once.
        #[arg(long, value_delimiter = ',', default_value = "1,8,64")]
        clients: Vec<usize>,
        /// Where to write the figures as JSON.
        #[arg(long)]
        json: Option<PathBuf>,
    },
    /// Run ssh, or a command that does, where instances can be reached.
    Ssh {
        /// The namespace of their VPC.
        #[arg(long)]
        namespace: String,
        /// A host with a command for it, or a whole command such as `sshpass -f FILE ssh …`.
        #[arg(last = true)]
        words: Vec<String>,
    },
}

fn main() -> ExitCode {
    let done: Result<bool> = match Arguments::parse().part {
        Part::Chassis { dir } => chassis::run(&dir).map(|()| true),
        Part::ChassisControl { dir, words } => chassis::control(&dir, &words).map(|()| true),
        Part::NetworkHook { dir } => Ok(hook::answer(&dir)),
        Part::Trunk { dir, nic, tap, vlan } => trunk::run(&dir, nic, &tap, vlan).map(|()| true),
        Part::Simulate { plan } => simulated::run(&plan).map(|()| true),
        Part::Load { site, clients, json } => run_load(&site, &clients, json.as_deref()).map(|()| true),
        Part::Ssh { namespace, words } => ssh::run(&namespace, &words).map(|()| true),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("billet-lab: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run_load(site: &Path, clients: &[usize], json: Option<&Path>) -> Result<()> {
    let samples = load::run(&load::Target::load(site)?, clients)?;
    let Some(path) = json else { return Ok(()) };
    let samples: Vec<serde_json::Value> = samples.iter().map(load::Sample::json).collect();
    std::fs::write(path, serde_json::Value::from(samples).to_string())
        .with_context(|| format!("write {}", path.display()))
}
