//! The controller: API, life cycle and images.

use anyhow::Context;
use billet_controller::{
    api::openapi,
    auth::{Role, new_access_key, new_token, new_token_of},
    ca::{Ca, replace},
    clock::Edge,
    config::Config,
    daemon,
    seal::Sealer,
};
use billet_proto::ProjectId;
use clap::{Parser, Subcommand};
use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

#[global_allocator]
static MEMORY: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

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
    /// Callers' access keys, for signatures.
    #[command(subcommand)]
    AccessKey(AccessKeyTask),
    /// The authority that vouches for agents and for the controller itself, and its replacement by another. Run it as the
    /// daemon's user, and reload the controller after each step.
    Ca {
        /// What to do.
        #[command(subcommand)]
        step: CaStep,
        /// The daemon's configuration, which names its state folder.
        #[arg(long, global = true, default_value = "/etc/billet/controller.toml")]
        config: PathBuf,
    },
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum CaStep {
    /// Write the certificates that agents and clients are to trust to standard output.
    Show,
    /// Make the next authority, to be trusted and not yet to sign.
    Prepare,
    /// Make the next authority the one that signs.
    Switch,
    /// Remove the authority before.
    Retire,
}

#[derive(Debug, Subcommand)]
enum TokenTask {
    /// Make a token: its text goes to standard output, once; its entry into the token file.
    New {
        /// Whose it is, for logs and limits.
        #[arg(long)]
        name: String,
        /// The project; without it the token is an operator's.
        #[arg(long)]
        project: Option<ProjectId>,
        /// tenant, operator or read-only; a reader without a project reads everything.
        #[arg(long, value_parser = role)]
        role: Option<Role>,
        /// The token file; made with mode 0600 where there is none. Reload the controller afterwards.
        #[arg(long, default_value = "/etc/billet/tokens.toml")]
        file: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum AccessKeyTask {
    /// Make a key: access key and secret key go to standard output, once; its entry, with the secret sealed by the master
    /// key, into the file of access keys. Run it as the daemon's user.
    New {
        /// Whose it is, for logs and limits.
        #[arg(long)]
        name: String,
        /// The project; without it the key is an operator's.
        #[arg(long)]
        project: Option<ProjectId>,
        /// tenant, operator or read-only; a reader without a project reads everything.
        #[arg(long, value_parser = role)]
        role: Option<Role>,
        /// The daemon's configuration, which names both files. Reload the controller afterwards.
        #[arg(long, default_value = "/etc/billet/controller.toml")]
        config: PathBuf,
    },
}

fn role(word: &str) -> Result<Role, &'static str> {
    Role::from_word(word).ok_or("it must be tenant, operator or read-only")
}

/// What a credential is when nobody said.
fn role_or_usual(role: Option<Role>, project: Option<&ProjectId>) -> Role {
    role.unwrap_or(if project.is_some() { Role::Tenant } else { Role::Operator })
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Serve { config } => serve(&config),
        Task::Check { config } => Config::load(&config).map(|_| println!("good")).map_err(Into::into),
        Task::Openapi => std::io::stdout().write_all(openapi::text().as_bytes()).context("write the document"),
        Task::Token(TokenTask::New { name, project, role, file }) => new(&name, project.as_ref(), role, &file),
        Task::AccessKey(AccessKeyTask::New { name, project, role, config }) => {
            new_key(&name, project.as_ref(), role, &config)
        }
        Task::Ca { step, config } => authority(step, &config),
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

fn authority(step: CaStep, config: &Path) -> anyhow::Result<()> {
    let (dir, edge) = (Config::load(config)?.state_dir, Edge::system());
    // The daemon makes the first one: whoever runs this by mistake elsewhere makes none.
    anyhow::ensure!(dir.join("ca.pem").exists(), "use the authority: there is none in {}", dir.display());
    match step {
        CaStep::Show => print!("{}", Ca::load_or_create(&dir, &edge)?.trusted_pem()),
        CaStep::Prepare => replace::prepare(&dir, &edge)?,
        CaStep::Switch => replace::switch(&dir, &edge)?,
        CaStep::Retire => replace::retire(&dir)?,
    }
    Ok(())
}

fn new_key(name: &str, project: Option<&ProjectId>, role: Option<Role>, config: &Path) -> anyhow::Result<()> {
    let (config, edge) = (Config::load(config)?, Edge::system());
    let sealer = Sealer::load_or_create(&config.state_dir.join("master.key"), &edge.entropy)?;
    let key = new_access_key(&edge, &sealer, name, project, role_or_usual(role, project))?;
    append(&config.auth.access_keys_file, &key.entry)?;
    println!("{}\n{}", key.access_key, key.secret_key.as_str());
    Ok(())
}

fn new(name: &str, project: Option<&ProjectId>, role: Option<Role>, path: &Path) -> anyhow::Result<()> {
    let token = match role {
        Some(role) => new_token_of(&Edge::system(), name, project, role)?,
        None => new_token(&Edge::system(), name, project)?,
    };
    append(path, &token.entry)?;
    println!("{}", token.text.as_str());
    Ok(())
}

/// To a file of credentials, made with mode 0600 where there is none; on disk when this returns.
fn append(path: &Path, entry: &str) -> anyhow::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("open {}", path.display()))?;
    let entry = format!("{entry}\n");
    let written = file.write_all(entry.as_bytes()).and_then(|()| file.sync_all());
    written.with_context(|| format!("write {}", path.display()))
}
