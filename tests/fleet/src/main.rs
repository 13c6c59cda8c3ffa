//! A simulated fleet's program: it brings one into service, is its agents, and puts load on its controller.

use anyhow::{Context, Result};
use billet_fleet::{
    load,
    site::{Options, Site},
};
use billet_lab::daemons::write_private;
use clap::{Args, Parser, Subcommand};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// A simulated fleet.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Bring a controller and a fleet into service, and leave them; returns when every server is ready.
    Up(Up),
    /// Run every agent of a fleet.
    Agents {
        /// Its plan.
        #[arg(long)]
        plan: PathBuf,
    },
    /// Put load on a fleet's controller, and print what was measured.
    Load {
        /// What `up` wrote.
        #[arg(long)]
        site: PathBuf,
        /// Clients at once.
        #[arg(long, value_delimiter = ',', default_value = "1,8,64")]
        clients: Vec<usize>,
        /// Where to write the figures as JSON.
        #[arg(long)]
        json: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
struct Up {
    /// Its name on record, by which it is taken down.
    #[arg(long)]
    name: String,
    /// Its folder; what was in it is removed.
    #[arg(long)]
    dir: PathBuf,
    /// `billet-controller`.
    #[arg(long)]
    controller: PathBuf,
    /// How many servers.
    #[arg(long)]
    servers: u32,
    /// How many agents.
    #[arg(long)]
    agents: u32,
    /// Where to write how to reach it (mode 0600).
    #[arg(long, value_name = "FILE")]
    json: PathBuf,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Up(up) => bring_up(up),
        Task::Agents { plan } => billet_fleet::run(&plan),
        Task::Load { site, clients, json } => run_load(&site, &clients, json.as_deref()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("billet-fleet: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn bring_up(up: Up) -> Result<()> {
    let options = Options {
        name: up.name,
        dir: up.dir,
        controller: up.controller,
        program: std::env::current_exe().context("find this program")?,
        servers: up.servers,
        agents: up.agents,
        state_mib: None,
    };
    let site = Site::start(&options, |what| println!("    {what}"))?;
    write_private(&up.json, &format!("{:#}\n", site.json()))?;
    site.keep();
    Ok(())
}

fn run_load(site: &Path, clients: &[usize], json: Option<&Path>) -> Result<()> {
    let samples = load::run(&load::Target::load(site)?, clients)?;
    let Some(path) = json else { return Ok(()) };
    let samples: Vec<serde_json::Value> = samples.iter().map(load::Sample::json).collect();
    std::fs::write(path, serde_json::Value::from(samples).to_string())
        .with_context(|| format!("write {}", path.display()))
}
