//! Putting the controller together, and taking it down.

mod authority;
mod bounded;
mod callers;
mod forget;
mod notify;
mod rest;
pub(crate) mod state;

use crate::{
    api::{AppState, AuditLog, Once, Rates, router},
    ca::Ca,
    clock::Edge,
    config::Config,
    images::{Blobs, ImageService},
    lifecycle::{Lifecycle, Parts, secrets::InstanceSecrets},
    link::{JoinTokens, LinkServer, Sessions},
    password::Hasher,
    receipt::ReceiptKey,
    seal::Sealer,
    store::{Handle, StoreError, access::Audited, sqlite::SqliteStore},
};
use anyhow::Context;
use std::{fs::DirBuilder, os::unix::fs::DirBuilderExt, sync::Arc, time::Duration};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinHandle,
};

/// How long calls in progress may take when the daemon stops.
const STOP_DEADLINE: Duration = Duration::from_secs(5);
/// Threads that read beside the store's own: as many as the smallest machine has cores.
const READERS: usize = 2;
/// How often systemd is told what there is to do.
const STATUS_PAUSE: Duration = Duration::from_secs(10);

/// Runs the daemon until SIGTERM or SIGINT; SIGHUP reads the files of credentials and the authority's again.
///
/// # Errors
/// When a file or a port cannot be had, or a door fails.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut reload = signal(SignalKind::hangup())?;
    let (stop, stopped) = watch::channel(false);
    let watchdog = tokio::spawn(notify::watchdog());
    let edge = Edge::system();
    let state_dir = &config.state_dir;
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(state_dir)
        .with_context(|| format!("make {}", state_dir.display()))?;
    let _held = state::lock(state_dir)?;
    state::check(state_dir, state::credential().as_deref())?;
    let sealer = Arc::new(Sealer::load_or_create(&state_dir.join(state::MASTER_KEY), &edge.entropy)?);
    let ca = Arc::new(Ca::load_or_create(state_dir, &edge)?);
    let receipts = ReceiptKey::load_or_create(&state_dir.join(state::RECEIPT_KEY), &*edge.entropy)?;
    let database = state_dir.join(state::DATABASE);
    let store = SqliteStore::open(&database)?;
    let readers = (0..READERS).map(|_| SqliteStore::open_reader(&database)).collect::<Result<Vec<_>, _>>()?;
    let store = Handle::with_readers(store, readers).context("start the store")?;
    let blobs = Blobs::new(&state_dir.join("images"))?;
    let images = ImageService::fetching(store.clone(), edge.clone(), blobs.clone(), config.images.clone());
    images.remove_orphans().await?;

    let (auth, taken) = callers::load(&config, &sealer)?;
    let lines = taken.into_iter().map(|taken| taken.line(edge.now())).collect();
    write_down(&store, lines).await.context("write down the credentials in the audit log")?;
    let quota = config.quota;
    store.read(move |tx| tx.set_quota(None, &quota)).await.context("write the quota of all projects")?;

    let sessions = Sessions::new(store.clone());
    let secrets = InstanceSecrets::new(sealer.clone());
    let lifecycle = Lifecycle::new(Parts {
        store: store.clone(),
        edge: edge.clone(),
        secrets: secrets.clone(),
        receipts,
        deadlines: config.deadlines,
        policy: config.policy,
        dispatch: Arc::new(sessions.clone()),
    });
    let state = AppState {
        store: store.clone(),
        edge: edge.clone(),
        auth: auth.clone(),
        audit: AuditLog::spawn(store.clone()),
        once: Once::new(sealer.clone()),
        rates: Rates::with_calls(config.limits.requests_per_second, config.limits.burst, config.limits.calls_at_once),
        hasher: Hasher::new(config.limits.password_hash_threads, &edge),
        lifecycle: Arc::new(lifecycle.clone()),
        presence: Arc::new(sessions.clone()),
        images: Arc::new(images),
        enrolment: Arc::new(JoinTokens::new(store.clone(), edge.clone(), ca.clone())),
        secrets: Arc::new(secrets),
    };
    let rest = rest::Rest::open(&config.rest, &ca).await?;
    let authority = authority::Authority::new(ca.clone(), rest.own_certificate());
    let keeping = tokio::spawn(authority.clone().keep(edge.clone()));
    let (store_to_clean, clock) = (store.clone(), edge.clone());
    let (store_to_tell, clock_to_tell) = (store.clone(), edge.clone());
    let door = LinkServer { store, edge, ca, sessions: sessions.clone(), lifecycle: lifecycle.clone(), blobs };
    let mut door = tokio::spawn(door.bind(config.link.listen, &config.link.names, stopped.clone()).await?);
    let handle = rest.handle();
    let address = rest.address();
    let mut rest = tokio::spawn(rest.serve(router(state), config.limits.connections));
    let forgetting = tokio::spawn(forget::run(store_to_clean, clock, lifecycle.clone(), config.audit.retention));
    let mut driver = tokio::spawn(lifecycle.run(stopped));
    let status = tokio::spawn(tell_status(sessions.clone()));
    tracing::info!(rest = %address, link = %config.link.listen, "the controller is ready");
    notify::ready();

    let ended = loop {
        tokio::select! {
            _ = terminate.recv() => break Ok(()),
            _ = interrupt.recv() => break Ok(()),
            _ = reload.recv() => {
                notify::reloading();
                let now = clock_to_tell.now();
                let taken = callers::reload(&config, &sealer, &auth).into_iter().map(|taken| taken.line(now));
                let lines = taken.chain(authority.reload(now).await).collect();
                if let Err(error) = write_down(&store_to_tell, lines).await {
                    tracing::error!(error = &error as &dyn std::error::Error, "the audit log cannot be written");
                }
                notify::ready();
            }
            ended = &mut rest => break Err(anyhow::anyhow!("the REST API ended: {ended:?}")),
            ended = &mut driver => break Err(anyhow::anyhow!("the life cycle's driver ended: {ended:?}")),
            ended = &mut door => break Err(anyhow::anyhow!("the agents' door ended: {ended:?}")),
        }
    };
    tracing::info!("stopping");
    notify::stopping();
    stop.send_replace(true);
    sessions.close_all();
    handle.graceful_shutdown(Some(STOP_DEADLINE));
    end("the REST API", rest).await;
    end("the agents' door", door).await;
    end("the life cycle", driver).await;
    status.abort();
    forgetting.abort();
    keeping.abort();
    watchdog.abort();
    ended
}

/// Every accepted request is on disk: what does not end in time may be dropped.
async fn end<T>(what: &str, task: JoinHandle<T>) {
    if task.is_finished() {
        return;
    }
    let abort = task.abort_handle();
    if tokio::time::timeout(STOP_DEADLINE + Duration::from_secs(1), task).await.is_err() {
        tracing::warn!("{what} did not end in time");
        abort.abort();
    }
}

/// Credentials that come into force are lines of the audit log.
async fn write_down(store: &Handle, lines: Vec<Audited>) -> Result<(), StoreError> {
    store.read(move |tx| lines.iter().try_for_each(|line| tx.insert_audited(line))).await
}

async fn tell_status(sessions: Sessions) {
    let mut beat = tokio::time::interval(STATUS_PAUSE);
    loop {
        beat.tick().await;
        notify::status(&format!("{} agents attached", sessions.len()));
    }
}
