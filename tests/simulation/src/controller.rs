//! The controller's process, and what outlives it: its database and its keys.

use crate::{
    journal::Journal,
    network::{Listener, Network, Node},
    process::Process,
    random::Random,
    time::{ProcessClock, Skew, Timeline},
};
use anyhow::Context;
use billet_agent::host::Identity;
use billet_controller::{
    api::ports::Presence as _,
    ca::Ca,
    clock::{Edge, Timestamp},
    config::{Config, Deadlines, Policy},
    images::Blobs,
    lifecycle::{Dispatch, Lifecycle, Parts, secrets::InstanceSecrets},
    link::{LinkServer, Sessions},
    receipt::ReceiptKey,
    seal::Sealer,
    store::{Handle, Result as StoreResult, Store, StoreError, Transaction, record, sqlite::SqliteStore},
};
use billet_proto::{AgentId, link::Order};
use rcgen::{CertificateParams, KeyPair};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::sync::watch;
use uuid::Uuid;

/// Where agents find it.
pub const ADDRESS: &str = "192.0.2.10:8444";

/// What is on the controller's disk.
pub struct Site {
    /// The database.
    pub store: Handle,
    /// Set while the database's disk refuses.
    pub disk_refuses: Arc<AtomicBool>,
    /// Set where it did to somebody.
    pub has_refused: Arc<AtomicBool>,
    journal: Journal,
    ca: Arc<Ca>,
    sealer: Arc<Sealer>,
    receipts: ReceiptKey,
    blobs: Blobs,
    random: Random,
    agents: std::sync::atomic::AtomicU32,
}

impl Site {
    /// A new one, in `dir`.
    ///
    /// # Errors
    /// When a file cannot be made.
    pub fn new(dir: &Path, random: Random, journal: Journal) -> anyhow::Result<Self> {
        let dir = dir.join("controller");
        std::fs::create_dir_all(&dir).context("make the controller's state folder")?;
        // Certificates are good by the real clock, which TLS looks at.
        let real = Edge::system();
        let entropy: Arc<dyn billet_controller::clock::Entropy> = Arc::new(random.clone());
        let (disk_refuses, has_refused) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let store = Disk {
            store: SqliteStore::open_in_memory()?,
            refuses: disk_refuses.clone(),
            has_refused: has_refused.clone(),
        };
        Ok(Self {
            store: Handle::inline(store),
            disk_refuses,
            has_refused,
            journal,
            ca: Arc::new(Ca::load_or_create(&dir, &real)?),
            sealer: Arc::new(Sealer::load_or_create(&dir.join("master.key"), &entropy)?),
            receipts: ReceiptKey::load_or_create(&dir.join("receipt.key"), &*real.entropy)?,
            blobs: Blobs::new(&dir.join("images"))?,
            random,
            agents: std::sync::atomic::AtomicU32::new(0),
        })
    }

    /// An agent joins: its row, and what it has to show.
    ///
    /// # Errors
    /// When no certificate can be made.
    pub fn join(&self, name: &str) -> anyhow::Result<(AgentId, Identity)> {
        let number = u128::from(self.agents.fetch_add(1, Ordering::Relaxed));
        let id = AgentId::new(Uuid::from_u128(0x019b_0000_0000_7000_8000_0000_a000_0000 + number));
        let key = KeyPair::generate()?;
        let request = CertificateParams::new(Vec::new())?.serialize_request(&key)?.pem()?;
        let signed = self.ca.sign_agent(&request, id)?;
        let row = record::Agent {
            id,
            name: name.to_owned(),
            certificate_sha256: signed.sha256,
            key_sha256: signed.key_sha256,
            join_secret_sha256: *blake3::hash(name.as_bytes()).as_bytes(),
            epoch: 0,
            joined_at: Timestamp(crate::time::EPOCH_MS),
            next: None,
            revoked_at: None,
        };
        self.write(move |tx| tx.insert_agent(&row))?;
        let identity = Identity::new(signed.certificate_pem, key.serialize_pem(), self.ca.trusted_pem())?;
        Ok((id, identity))
    }

    /// Reads or writes the database as it is, from outside of all processes.
    ///
    /// # Errors
    /// What the store says.
    pub fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Transaction) -> StoreResult<T> + Send + 'static,
    ) -> StoreResult<T> {
        let refused = self.disk_refuses.swap(false, Ordering::Relaxed);
        // An inline store is done when it is polled once.
        let done = futures_util::FutureExt::now_or_never(self.store.run(work));
        self.disk_refuses.store(refused, Ordering::Relaxed);
        done.unwrap_or(Err(StoreError::Unreachable))
    }
}

/// A database whose disk may refuse.
struct Disk {
    store: SqliteStore,
    refuses: Arc<AtomicBool>,
    has_refused: Arc<AtomicBool>,
}

impl Store for Disk {
    fn begin(&mut self) -> StoreResult<Box<dyn Transaction + '_>> {
        if !self.refuses.load(Ordering::Relaxed) {
            return self.store.begin();
        }
        self.has_refused.store(true, Ordering::Relaxed);
        Err(StoreError::Busy)
    }

    fn flush(&mut self) -> StoreResult<()> {
        self.store.flush()
    }

    fn is_flushed(&self) -> bool {
        self.store.is_flushed()
    }
}

/// A controller that runs.
pub struct Controller {
    /// Its runtime.
    pub process: Process,
    /// What its API calls.
    pub lifecycle: Lifecycle,
    /// Its way to the database.
    pub store: Handle,
    /// The agents that are attached.
    pub sessions: Sessions,
    _stop: watch::Sender<bool>,
}

impl Controller {
    /// Its name on the network.
    #[must_use]
    pub fn node() -> Node {
        "controller".into()
    }

    /// Starts it, for the how-many-th time.
    ///
    /// # Errors
    /// When it has no certificate.
    pub fn start(site: &Site, network: &Network, timeline: &Timeline, skew: &Skew) -> anyhow::Result<Self> {
        let (stop, stopped) = watch::channel(false);
        let listener = network.listen(&Self::node(), ADDRESS);
        let (process, begun) = Process::start(|| Self::main(site, listener, timeline, skew, stopped));
        let (lifecycle, store, sessions) = begun?;
        Ok(Self { process, lifecycle, store, sessions, _stop: stop })
    }

    fn main(
        site: &Site,
        listener: Listener,
        timeline: &Timeline,
        skew: &Skew,
        stopped: watch::Receiver<bool>,
    ) -> anyhow::Result<(Lifecycle, Handle, Sessions)> {
        let random = site.random.clone();
        let clock = Arc::new(ProcessClock::new(timeline.clone(), skew.clone()));
        let edge = Edge { clock, entropy: Arc::new(random.clone()) };
        let pause = random.clone();
        let store = site.store.paced(Arc::new(move || {
            let slow = pause.happens(5);
            let time = if slow { pause.within(100..900) } else { pause.within(1..9) };
            Box::pin(tokio::time::sleep(Duration::from_millis(time)))
        }));
        let sessions = Sessions::new(store.clone());
        let dispatch = Repeating::new(site, sessions.clone());
        let Config { deadlines, policy, .. } = Config::default();
        let lifecycle = Lifecycle::new(Parts {
            store: store.clone(),
            edge: edge.clone(),
            secrets: InstanceSecrets::new(site.sealer.clone()),
            receipts: site.receipts.clone(),
            deadlines: Deadlines { write: Duration::from_secs(900), ..deadlines },
            policy: Policy { ..policy },
            dispatch: Arc::new(dispatch),
        });
        let (ca, blobs) = (site.ca.clone(), site.blobs.clone());
        let door = LinkServer {
            store: store.clone(),
            edge,
            ca,
            sessions: sessions.clone(),
            lifecycle: lifecycle.clone(),
            blobs,
        };
        let door =
            door.serve(listener, &["192.0.2.10".to_owned()], stopped.clone()).context("open the agents' door")?;
        tokio::spawn(async move { drop(door.await) });
        tokio::spawn(lifecycle.clone().run(stopped));
        Ok((lifecycle, store, sessions))
    }
}

/// Sends orders, and now and then one more time, when it may be over.
#[derive(Clone)]
struct Repeating {
    sessions: Sessions,
    random: Random,
    journal: Journal,
    store: Handle,
    /// By server: the newest generation that was sent.
    newest: Arc<Mutex<BTreeMap<String, u64>>>,
}

impl Repeating {
    fn new(site: &Site, sessions: Sessions) -> Self {
        let (random, journal, store) = (site.random.clone(), site.journal.clone(), site.store.clone());
        Self { sessions, random, journal, store, newest: Arc::default() }
    }

    fn newest(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Not to an agent that lost the server: its session ended then, and with it all that was sent in it.
    async fn send_again(&self, agent: AgentId, order: Order) {
        let id = order.server_id.parse();
        let server = match id {
            Ok(id) => self.store.run(move |tx| tx.server(id)).await.ok().flatten(),
            Err(_) => None,
        };
        let owns = server.is_some_and(|server| server.owner == Some(agent));
        if !owns || !self.sessions.agent_online(agent) {
            return;
        }
        let is_over = self.newest().get(&order.server_id).is_some_and(|newest| *newest > order.generation);
        let kind = if is_over { "order-late" } else { "order-repeated" };
        self.journal.slip(kind, &format!("of generation {}", order.generation));
        self.sessions.send(agent, order);
    }
}

impl Dispatch for Repeating {
    fn send(&self, agent: AgentId, order: Order) {
        if self.random.happens(100) {
            let (this, late) = (self.clone(), order.clone());
            let most = if self.random.happens(400) { 900_000 } else { 60_000 };
            let delay = Duration::from_millis(self.random.within(10..most));
            tokio::spawn(async move {
                tokio::time::sleep(delay).await;
                this.send_again(agent, late).await;
            });
        }
        self.newest().insert(order.server_id.clone(), order.generation);
        self.sessions.send(agent, order);
    }
}
