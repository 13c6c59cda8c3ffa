//! The controller: API, life cycle and images.

use anyhow::Context;
use billet_controller::{
    api::openapi,
    auth::{Role, new_access_key, new_token, new_token_of},
    backup,
    ca::{Ca, replace},
    clock::Edge,
    config::{Config, LoadError},
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
    /// Copy the database and the keys, sealed, beside a controller that runs or not: prints the folder that was made.
    ///
    /// A backup is the folder billet-TIME with the files billet.db and keys.sealed, for the owner alone. The master key is not in
    /// it, and nothing in it can be read or put back without: keep that one line apart, once. Images are not in it either: copy the
    /// folder images of the state folder as it is. Run it as the daemon's user. More: /usr/share/doc/billet/backup.md
    Backup {
        /// The folder to make it in, which must be there.
        into: PathBuf,
        /// The daemon's configuration, which names the state folder.
        #[arg(long, default_value = "/etc/billet/controller.toml")]
        config: PathBuf,
        /// The master key's file, where the daemon has it as a credential.
        #[arg(long)]
        master_key: Option<PathBuf>,
    },
    /// Put a backup back, where no controller runs: on this machine or on another.
    ///
    /// The master key must be there already: master.key in the state folder, or --master-key. What the backup says of servers is in
    /// doubt afterwards, because it may be old: servers that were ready are in maintain until they are wiped (billet server wipe, then
    /// ready) or accepted (billet server accept-unwiped), and instances take no orders before an operator confirmed their servers
    /// (billet server ready). More: /usr/share/doc/billet/backup.md
    Restore {
        /// The folder that `backup` made.
        backup: PathBuf,
        /// The daemon's configuration, which names the state folder.
        #[arg(long, default_value = "/etc/billet/controller.toml")]
        config: PathBuf,
        /// Take the place of a database that is there; it is kept beside, under a dated name.
        #[arg(long)]
        replace: bool,
        /// No controller ran after the backup was taken, as when one moves to another machine: nothing is in doubt then.
        #[arg(long)]
        nothing_happened_since: bool,
        /// The master key's file, where the daemon has it as a credential.
        #[arg(long)]
        master_key: Option<PathBuf>,
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

/// A configuration that does not parse (sysexits.h, EX_CONFIG): the unit tries no more.
const MISCONFIGURED: u8 = 78;

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Serve { config } => serve(&config),
        Task::Check { config } => Config::load(&config).map(|_| println!("good")).map_err(Into::into),
        Task::Backup { into, config, master_key } => back_up(&into, &config, master_key.as_deref()),
        Task::Restore { backup, config, replace, nothing_happened_since, master_key } => {
            put_back(&backup, &config, master_key.as_deref(), backup::Wish { replace, nothing_happened_since })
        }
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
            match error.downcast_ref::<LoadError>() {
                Some(LoadError::Problems { .. }) => ExitCode::from(MISCONFIGURED),
                Some(LoadError::File { .. }) | None => ExitCode::FAILURE,
            }
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

fn back_up(into: &Path, config: &Path, master_key: Option<&Path>) -> anyhow::Result<()> {
    let (config, edge) = (Config::load(config)?, Edge::system());
    let sealer = backup::sealer(&config.state_dir, master_key, &edge)?;
    let made = backup::take(&config.state_dir, &sealer, edge.now(), into)?;
    println!("{}", made.display());
    eprintln!("The master key and the images are not in it: keep a copy of each apart.");
    Ok(())
}

fn put_back(from: &Path, config: &Path, master_key: Option<&Path>, wish: backup::Wish) -> anyhow::Result<()> {
    let (config, edge) = (Config::load(config)?, Edge::system());
    let sealer = backup::sealer(&config.state_dir, master_key, &edge)?;
    let restored = backup::restore(from, &config, &sealer, edge.now(), wish)?;
    println!("The backup of {} is in {}.", restored.taken_at, config.state_dir.display());
    for path in &restored.kept {
        println!("kept: {}", path.display());
    }
    if let Some(doubted) = restored.doubted {
        println!("{} servers were ready: wipe them and put them back, or accept them unwiped", doubted.ready);
        println!("{} servers have an instance: confirm each by `billet server ready`", doubted.in_use);
        println!("{} pieces of work were in progress, and ended with database_restored", doubted.given_up);
        println!("Whatever was created after the backup is not known: power off what runs and should not.");
    }
    for image in &restored.missing {
        println!("missing: image {image}; copy its two files into {}/images", config.state_dir.display());
    }
    if let Some((count, path)) = &restored.set_aside {
        println!("{count} images are newer than the backup, and are in {}; import them again", path.display());
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
