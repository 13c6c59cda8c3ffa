//! One simulated agent: its session, and its servers.

use crate::{
    identity::{Identity, host},
    machine::Machine,
    plan::AgentPlan,
    rules::Rules,
};
use anyhow::Result;
use billet_proto::link::{
    AgentMessage, ControllerMessage, Hello, OwnedServer, Report, Word, WordRequest, agent_message,
    controller_message::Body, link_client::LinkClient,
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::{mpsc, oneshot};
use tokio_stream::{StreamExt, wrappers::ReceiverStream};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity as TlsIdentity};

/// Messages waiting to be sent in one session. A real agent ends the session rather than wait; here whoever reports waits,
/// so that a fleet without delays is as fast as its controller and no faster.
const QUEUE: usize = 512;
/// The longest pause between two tries to reach the controller.
const MAX_PAUSE: Duration = Duration::from_secs(5);
/// How long the controller may take for its word, as for a real agent.
const WORD_DEADLINE: Duration = Duration::from_secs(8);

/// An agent.
pub(super) struct Agent {
    name: String,
    channel: Channel,
    link: Link,
    machines: HashMap<String, Machine>,
}

/// The way to the controller, shared by all servers of an agent.
#[derive(Clone, Default)]
pub(super) struct Link(Arc<Open>);

#[derive(Default)]
struct Open {
    session: Mutex<Option<mpsc::Sender<AgentMessage>>>,
    words: Mutex<HashMap<Vec<u8>, oneshot::Sender<Word>>>,
}

impl Link {
    /// Tells the controller something, if there is a session; else it asks again at the next one.
    pub(super) async fn report(&self, report: Report) {
        let session = lock(&self.0.session).clone();
        if let Some(session) = session {
            // A session that ended meanwhile is the same as none.
            let _ = session.send(wrap(agent_message::Body::Report(report))).await;
        }
    }

    /// Asks for the controller's word; why there is none.
    pub(super) async fn word(&self, request: WordRequest) -> std::result::Result<Word, &'static str> {
        let nonce = request.nonce.clone();
        let (answer, answered) = oneshot::channel();
        let session = lock(&self.0.session).clone().ok_or("there is no session")?;
        lock(&self.0.words).insert(nonce.clone(), answer);
        // A session that ended shows in the answer that never comes.
        let _ = session.send(wrap(agent_message::Body::WordRequest(request))).await;
        let word = tokio::time::timeout(WORD_DEADLINE, answered).await;
        lock(&self.0.words).remove(&nonce);
        word.map_err(|_| "no word in time")?.map_err(|_| "the session ended")
    }

    fn close(&self) {
        *lock(&self.0.session) = None;
        lock(&self.0.words).clear();
    }
}

impl Agent {
    /// An agent that is not attached yet.
    pub(super) fn new(link: &str, plan: &AgentPlan, identity: &Identity, rules: Arc<Rules>) -> Result<Self> {
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(&identity.ca_pem))
            .identity(TlsIdentity::from_pem(&identity.certificate_pem, &identity.key_pem))
            .domain_name(host(link));
        let channel = Endpoint::from_shared(format!("https://{link}"))?
            .tls_config(tls)?
            .connect_timeout(Duration::from_secs(15))
            .http2_keep_alive_interval(Duration::from_secs(20))
            .keep_alive_while_idle(true)
            .connect_lazy();
        let link = Link::default();
        let made = |server: &crate::plan::MachinePlan| {
            (server.id.clone(), Machine::new(server.clone(), link.clone(), rules.clone()))
        };
        let machines = plan.servers.iter().map(made).collect();
        Ok(Self { name: plan.name.clone(), channel, link, machines })
    }

    /// Attaches again and again.
    pub(super) async fn run(mut self, epoch: u64) {
        let mut pause = Duration::from_millis(50);
        loop {
            let began = tokio::time::Instant::now();
            if let Err(status) = self.session(epoch).await {
                eprintln!("{}: no session: {status}", self.name);
            }
            self.link.close();
            pause = if began.elapsed() > MAX_PAUSE { Duration::from_millis(50) } else { (pause * 2).min(MAX_PAUSE) };
            tokio::time::sleep(pause).await;
        }
    }

    async fn session(&mut self, epoch: u64) -> std::result::Result<(), tonic::Status> {
        let (queue, messages) = mpsc::channel(QUEUE);
        let hello = Hello { version: env!("CARGO_PKG_VERSION").into(), epoch, servers: self.owned() };
        let first = queue.try_send(wrap(agent_message::Body::Hello(hello)));
        first.map_err(|_| tonic::Status::internal("the queue is new and empty"))?;
        let mut client = LinkClient::new(self.channel.clone());
        let mut answers = client.attach(ReceiverStream::new(messages)).await?.into_inner();
        *lock(&self.link.0.session) = Some(queue);
        while let Some(message) = answers.next().await {
            let ControllerMessage { body } = message?;
            match body {
                Some(Body::Order(order)) => {
                    if let Some(machine) = self.machines.get_mut(&order.server_id) {
                        machine.take(order);
                    }
                }
                Some(Body::Word(word)) => {
                    if let Some(answer) = lock(&self.link.0.words).remove(&word.nonce) {
                        // Whoever asked may have given up; then nobody needs the word.
                        let _ = answer.send(word);
                    }
                }
                Some(Body::Welcome(welcome)) => {
                    for claim in welcome.claims.iter().filter(|claim| !claim.accepted) {
                        eprintln!("{}: the claim of {} is refused: {}", self.name, claim.server_id, claim.reason);
                    }
                }
                None => {}
            }
        }
        Ok(())
    }

    fn owned(&self) -> Vec<OwnedServer> {
        let owned = |machine: &Machine| {
            let plan = machine.plan();
            OwnedServer {
                id: plan.id.clone(),
                uuid: plan.uuid.clone(),
                serial: plan.serial.clone(),
                macs: plan.macs.clone(),
            }
        };
        self.machines.values().map(owned).collect()
    }
}

fn wrap(body: agent_message::Body) -> AgentMessage {
    AgentMessage { body: Some(body) }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
