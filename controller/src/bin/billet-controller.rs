//! The controller: API, life cycle and images.

use anyhow::Context;
use billet_controller::{api::openapi, auth::new_token, clock::Edge, config::Config, daemon};
use billet_proto::ProjectId;
use clap::{Parser, Subcommand};
use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

/// The Billet controller.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Run the daemon.
    Serve {
        /// Its configuration.
        #[arg(long, default_value = "/etc/billet/controller.toml")]
        config: PathBuf,
    },
    /// Tell every problem in a configuration, and do nothing else.
    Check {
        /// The configuration.
        #[arg(long, default_value = "/etc/billet/controller.toml")]
        config: PathBuf,
    },
    /// Write the API's OpenAPI document to standard output.
    Openapi,
    /// Callers' tokens.
    #[command(subcommand)]
    Token(TokenTask),
}

#[derive(Debug, Subcommand)]
enum TokenTask {
    /// Make a token: its text goes to standard output, once; its entry into the token file.
    New {
        /// Whose it is, for logs and limits.
        #[arg(long)]
        name: String,
        /// The tenant's project; without it the token is an administrator's.
        #[arg(long)]
        project: Option<ProjectId>,
        /// The token file; made with mode 0600 where there is none. Reload the controller afterwards.
        #[arg(long, default_value = "/etc/billet/tokens.toml")]
        file: PathBuf,
    },
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Serve { config } => serve(&config),
        Task::Check { config } => Config::load(&config).map(|_| println!("good")).map_err(Into::into),
        Task::Openapi => std::io::stdout().write_all(openapi::text().as_bytes()).context("write the document"),
        Task::Token(TokenTask::New { name, project, file }) => new(&name, project.as_ref(), &file),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("billet-controller: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve(config: &Path) -> anyhow::Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_from_env("BILLET_LOG").unwrap_or_else(|_| "info".into());
    // systemd stamps the time; the journal shows no colours.
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .without_time()
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .init();
    let config = Config::load(config)?;
    // Few threads: the allocator keeps memory for each, and none of them computes for long.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(16)
        .enable_all()
        .build()
        .context("start the runtime")?;
    let ended = runtime.block_on(daemon::run(config));
    // What blocks (a disk) does not hold the exit up.
    runtime.shutdown_timeout(Duration::from_secs(1));
    ended
}

fn new(name: &str, project: Option<&ProjectId>, path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let token = new_token(&Edge::system(), name, project)?;
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("open the token file {}", path.display()))?;
    let entry = format!("{}\n", token.entry);
    file.write_all(entry.as_bytes())
        .and_then(|()| file.sync_all())
        .with_context(|| format!("write {}", path.display()))?;
    println!("{}", token.text.as_str());
    Ok(())
}
