//! The agent: a daemon on a rack host, and PID 1 of the ramdisk that its servers boot.

use anyhow::Context;
use billet_agent::{
    config::{Config, ConfigErrors},
    host, ramdisk,
};
use clap::{Parser, Subcommand};
use std::{path::PathBuf, process::ExitCode};

/// The Billet agent.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Run the daemon.
    Run {
        /// Its configuration.
        #[arg(long, default_value = "/etc/billet/agent.toml")]
        config: PathBuf,
    },
    /// Tell every problem in a configuration, and do nothing else.
    Check {
        /// The configuration.
        #[arg(long, default_value = "/etc/billet/agent.toml")]
        config: PathBuf,
    },
}

/// A configuration that does not parse (sysexits.h, EX_CONFIG): the unit tries no more.
const MISCONFIGURED: u8 = 78;

fn main() -> ExitCode {
    // As PID 1 there is nothing else that it could be: the kernel's arguments are not ours.
    if std::process::id() == 1 {
        ramdisk::run();
    }
    let done = match Arguments::parse().task {
        Task::Run { config } => run(&config),
        Task::Check { config } => load(&config).map(|config| println!("good: {} servers", config.servers.len())),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("billet-agent: {error:#}");
            if error.is::<ConfigErrors>() { ExitCode::from(MISCONFIGURED) } else { ExitCode::FAILURE }
        }
    }
}

fn load(path: &std::path::Path) -> anyhow::Result<Config> {
    let text = std::fs::read_to_string(path).with_context(|| format!("read the configuration {}", path.display()))?;
    Ok(Config::parse(&text)?)
}

fn run(path: &std::path::Path) -> anyhow::Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_from_env("BILLET_LOG").unwrap_or_else(|_| "info".into());
    // systemd stamps the time; the journal shows no colours.
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .without_time()
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .init();
    let config = load(path)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.context("start the runtime")?;
    let ended = runtime.block_on(host::run(config));
    // What blocks (a file, a hook) does not hold the exit up.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    ended
}
