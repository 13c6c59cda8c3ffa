//! Who is attached, and the way to send to them.

use crate::{
    api::ports::Presence,
    lifecycle::Dispatch,
    store::{Handle, StoreError, record::Server},
};
use billet_proto::{
    AgentId, ServerId,
    link::{ControllerMessage, Order, controller_message::Body},
};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::{mpsc, watch};

/// Messages waiting for one agent: an order for each of its servers, and more. A session whose queue is full is ended;
/// the next one begins with every open order.
const QUEUE: usize = 2048;

/// What is sent to an agent. In a box: a queue has room for a few dozen from the start, and every agent has a queue.
pub(super) type Message = Box<ControllerMessage>;

/// All sessions; cheap to clone.
#[derive(Clone)]
pub struct Sessions {
    open: Arc<Mutex<Open>>,
    store: Handle,
    /// Counts agents whose certificates were revoked.
    revocations: Arc<watch::Sender<u64>>,
}

#[derive(Default)]
struct Open {
    next: u64,
    by_agent: HashMap<AgentId, Session>,
}

struct Session {
    number: u64,
    /// Of the agent's start; the database refused older ones before.
    epoch: u64,
    /// The servers that the agent was told are its own, when it attached.
    owned: HashSet<ServerId>,
    queue: mpsc::Sender<Message>,
}

impl Session {
    /// Whether the agent must ask anew: the server is not its own any more, or is by now, or it may claim it, as it is the one
    /// that it is registered for.
    fn is_outdated(&self, agent: AgentId, server: &Server) -> bool {
        let owns = server.owner == Some(agent);
        let may_claim = !owns && server.registered_agent == Some(agent);
        may_claim || owns != self.owned.contains(&server.id)
    }
}

impl Sessions {
    /// None yet. The store tells, later, whose server was changed.
    pub fn new(store: Handle) -> Self {
        Self { open: Arc::default(), store, revocations: Arc::new(watch::Sender::new(0)) }
    }

    /// Opens a session with its first message; an older one of the same agent ends. None when a newer start of the agent
    /// has one.
    pub(super) fn open(
        &self,
        agent: AgentId,
        epoch: u64,
        first: ControllerMessage,
    ) -> Option<(u64, mpsc::Receiver<Message>)> {
        let (queue, messages) = mpsc::channel(QUEUE);
        let owned = owned(&first);
        queue.try_send(Box::new(first)).ok()?;
        let mut open = self.lock();
        if open.by_agent.get(&agent).is_some_and(|session| session.epoch > epoch) {
            return None;
        }
        open.next += 1;
        let number = open.next;
        open.by_agent.insert(agent, Session { number, epoch, owned, queue });
        Some((number, messages))
    }

    /// Ends a session, unless a newer one took its place.
    pub(super) fn close(&self, agent: AgentId, number: u64) {
        let mut open = self.lock();
        if open.by_agent.get(&agent).is_some_and(|session| session.number == number) {
            open.by_agent.remove(&agent);
        }
    }

    /// Whether that session is the agent's newest.
    pub(super) fn is_current(&self, agent: AgentId, number: u64) -> bool {
        self.lock().by_agent.get(&agent).is_some_and(|session| session.number == number)
    }

    /// The servers that an agent may claim, as the operator says.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) async fn registered_for(&self, agent: AgentId) -> Result<HashSet<ServerId>, StoreError> {
        Ok(ids(&self.store.read(move |tx| tx.servers_registered_for(agent)).await?))
    }

    /// Ends a session whose agent lost a server between its hello and its welcome, or may claim one that was not in `registered`,
    /// before its hello, so that its claim may have been refused for that alone; whether it goes on.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) async fn still_owns(
        &self,
        agent: AgentId,
        number: u64,
        registered: &HashSet<ServerId>,
    ) -> Result<bool, StoreError> {
        let known = ids(&self.store.read(move |tx| tx.servers_of(agent)).await?);
        let given = &self.registered_for(agent).await? - registered;
        let is_told = |session: &Session| {
            session.number == number && session.owned.is_subset(&known) && given.is_subset(&session.owned)
        };
        if self.lock().by_agent.get(&agent).is_some_and(is_told) {
            return Ok(true);
        }
        self.close(agent, number);
        Ok(false)
    }

    /// Counts up when an agent's certificates were revoked.
    pub(super) fn revocations(&self) -> watch::Receiver<u64> {
        self.revocations.subscribe()
    }

    /// Ends all sessions: the program stops.
    pub fn close_all(&self) {
        self.lock().by_agent.clear();
    }

    /// How many agents are attached.
    pub fn len(&self) -> usize {
        self.lock().by_agent.len()
    }

    /// Whether no agent is attached.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn push(&self, agent: AgentId, body: Body) {
        let mut open = self.lock();
        let Some(session) = open.by_agent.get(&agent) else { return };
        if session.queue.try_send(Box::new(ControllerMessage { body: Some(body) })).is_err() {
            tracing::warn!(%agent, "the agent does not take its messages; its session ends");
            open.by_agent.remove(&agent);
        }
    }

    /// Sends an order, where the agent was told that the server is its own. One in use stays that of an agent whose claim was refused, so that
    /// it can be released; but the machine that such an agent's configuration names for it may be another server's.
    pub(super) fn order(&self, agent: AgentId, order: Order) {
        let is_owned = |session: &Session| order.server_id.parse().is_ok_and(|id| session.owned.contains(&id));
        if self.lock().by_agent.get(&agent).is_some_and(|session| !is_owned(session)) {
            tracing::warn!(%agent, server = %order.server_id, "its order is not sent: the agent was not told that it has it");
            return;
        }
        self.push(agent, Body::Order(order));
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Dispatch for Sessions {
    fn send(&self, agent: AgentId, order: Order) {
        self.order(agent, order);
    }
}

impl Presence for Sessions {
    fn agent_online(&self, agent: AgentId) -> bool {
        self.lock().by_agent.contains_key(&agent)
    }

    fn agent_revoked(&self, agent: AgentId) {
        self.revocations.send_modify(|count| *count += 1);
        self.lock().by_agent.remove(&agent);
    }

    fn server_changed(&self, id: ServerId) {
        let sessions = self.clone();
        tokio::spawn(async move {
            let known = sessions.store.read(move |tx| tx.server(id)).await;
            let is_outdated = |agent: AgentId, session: &Session| match &known {
                Ok(Some(server)) => session.is_outdated(agent, server),
                Ok(None) => false,
                // It is not told that it lost the server by nobody else.
                Err(_) => session.owned.contains(&id),
            };
            // What an agent owns, it is told when it attaches.
            sessions.lock().by_agent.retain(|agent, session| !is_outdated(*agent, session));
        });
    }
}

fn ids(servers: &[Server]) -> HashSet<ServerId> {
    servers.iter().map(|server| server.id).collect()
}

/// Which servers a welcome says are the agent's.
fn owned(welcome: &ControllerMessage) -> HashSet<ServerId> {
    let Some(Body::Welcome(welcome)) = &welcome.body else { return HashSet::new() };
    let accepted = welcome.claims.iter().filter(|claim| claim.accepted);
    accepted.filter_map(|claim| claim.server_id.parse().ok()).collect()
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sessions")
    }
}
