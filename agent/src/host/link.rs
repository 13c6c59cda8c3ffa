//! The session with the controller: the agent dials, says what it owns, takes orders and reports.
//!
//! Reports are not queued while there is no session: at each new one the controller sends every open order
//! again, and the workers answer with where they stand. So a lost report costs nothing.

use super::{
    backoff::Backoff,
    identity::Identity,
    renew::{Advice, Controller},
};
use crate::{
    config::{Config, MAX_SERVERS},
    dial::Dial,
};
use billet_proto::link::{
    AgentMessage, ControllerMessage, Hello, Order, OwnedServer, RenewReply, RenewRequest, Report, Welcome, Word,
    WordRequest, agent_message, controller_message, link_client::LinkClient,
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_stream::{StreamExt, wrappers::ReceiverStream};
use tonic::{
    Code,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity as TlsIdentity},
};

/// Messages waiting to be sent in one session: all that can be told anew of each server when a session begins, and more. A full queue
/// drops progress, and ends the session for anything else.
const QUEUE: usize = 8 * MAX_SERVERS;
/// Between two tries to reach the controller: the least, what is drawn by lot beside it at first, and at most. Agents whose
/// controller starts again do not all come at once.
const MIN_PAUSE: Duration = Duration::from_millis(50);
const FIRST_PAUSE: Duration = Duration::from_millis(300);
const MAX_PAUSE: Duration = Duration::from_secs(10);
/// How long the controller may take for another certificate.
const RENEW_DEADLINE: Duration = Duration::from_secs(15);
/// How long the controller may take for its word.
const WORD_DEADLINE: Duration = Duration::from_secs(8);

/// The way to the controller, shared by all workers.
#[derive(Clone)]
pub struct Link {
    inner: Arc<Inner>,
}

struct Inner {
    /// Where the controller is, and its name in its certificate.
    controller: (Endpoint, String),
    dial: Dial,
    /// By the newest certificate; connected when it is used.
    channel: watch::Sender<Channel>,
    advice: watch::Sender<Advice>,
    session: Mutex<Option<mpsc::Sender<AgentMessage>>>,
    words: Mutex<HashMap<Vec<u8>, oneshot::Sender<Word>>>,
    connected: watch::Sender<bool>,
}

/// What the controller says of one server.
pub(super) enum Told {
    /// What is to be done with it.
    Order(Box<Order>),
    /// It is not this agent's, or not any more: nothing is to be done with it; and why.
    Lost(String),
}

impl From<Order> for Told {
    fn from(order: Order) -> Self {
        Self::Order(Box::new(order))
    }
}

/// Why the controller could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// There is no session, or it ended.
    #[error("reach the controller: there is no session")]
    Away,
    /// It did not answer in time.
    #[error("ask the controller: no word within {} s", WORD_DEADLINE.as_secs())]
    NoWord,
}

impl Link {
    /// A link that is not connected yet.
    ///
    /// # Errors
    /// When the certificates cannot be used.
    pub fn new(config: &Config, identity: &Identity, dial: Dial) -> Result<Self, tonic::transport::Error> {
        let endpoint = Endpoint::from_shared(format!("https://{}", config.controller))?
            .connect_timeout(Duration::from_secs(5))
            .http2_keep_alive_interval(Duration::from_secs(5))
            .keep_alive_timeout(Duration::from_secs(5))
            .keep_alive_while_idle(true);
        let controller = (endpoint, config.controller_name());
        let (channel, _) = watch::channel(channel(&controller, identity, &dial)?);
        let ((connected, _), (advice, _)) = (watch::channel(false), watch::channel(Advice::default()));
        let (session, words) = (Mutex::default(), Mutex::default());
        let inner = Inner { controller, dial, channel, advice, session, words, connected };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// A link whose session is the test itself: what is told is in the queue.
    #[cfg(test)]
    pub(super) fn to_a_test() -> (Self, mpsc::Receiver<AgentMessage>) {
        let endpoint = Endpoint::from_static("http://127.0.0.1:9");
        let (channel, _) = watch::channel(endpoint.connect_lazy());
        let (queue, told) = mpsc::channel(QUEUE);
        let ((connected, _), (advice, _)) = (watch::channel(true), watch::channel(Advice::default()));
        let (session, words) = (Mutex::new(Some(queue)), Mutex::default());
        let (controller, dial) = ((endpoint, String::new()), crate::dial::over_tcp());
        let inner = Inner { controller, dial, channel, advice, session, words, connected };
        (Self { inner: Arc::new(inner) }, told)
    }

    /// What the controller, which a test plays, answers to a request for its word.
    #[cfg(test)]
    pub(super) fn answer(&self, word: Word) {
        if let Some(answer) = self.words().remove(&word.nonce) {
            let _ = answer.send(word);
        }
    }

    /// A client for unary and streaming calls, such as reading chunks.
    pub fn client(&self) -> LinkClient<Channel> {
        LinkClient::new(self.inner.channel.borrow().clone()).max_decoding_message_size(80 << 20)
    }

    /// Whether there is a session now, and when that changes.
    pub fn connected(&self) -> watch::Receiver<bool> {
        self.inner.connected.subscribe()
    }

    /// Tells the controller something, if there is a session.
    pub fn report(&self, report: Report) {
        let mut session = self.inner.session.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(queue) = session.as_ref() else { return };
        let passing = matches!(report.what, Some(billet_proto::link::report::What::Progress(_)));
        if queue.try_send(wrap(agent_message::Body::Report(report))).is_err() && !passing {
            // A report that matters would be lost: end the session, the next one tells everything anew.
            *session = None;
        }
    }

    /// Asks for the controller's word on a generation.
    ///
    /// # Errors
    /// When there is no session or no answer within 8 s.
    pub async fn word(&self, request: WordRequest) -> Result<Word, LinkError> {
        let nonce = request.nonce.clone();
        let (answer, answered) = oneshot::channel();
        {
            let session = self.inner.session.lock().unwrap_or_else(PoisonError::into_inner);
            let queue = session.as_ref().ok_or(LinkError::Away)?;
            self.words().insert(nonce.clone(), answer);
            if queue.try_send(wrap(agent_message::Body::WordRequest(request))).is_err() {
                self.words().remove(&nonce);
                return Err(LinkError::Away);
            }
        }
        let word = tokio::time::timeout(WORD_DEADLINE, answered).await;
        self.words().remove(&nonce);
        match word {
            Ok(Ok(word)) => Ok(word),
            Ok(Err(_)) => Err(LinkError::Away),
            Err(_) => Err(LinkError::NoWord),
        }
    }

    /// Dials again and again until `stop`; gives `take` what is told of each server, by its id. Where it does not take that, the
    /// session ends, and the next one tells it again.
    pub(super) async fn run(
        self,
        config: Arc<Config>,
        epoch: u64,
        take: impl Fn(&str, Told) -> bool,
        mut stop: watch::Receiver<bool>,
    ) {
        let mut backoff = Backoff::new(FIRST_PAUSE, MAX_PAUSE);
        while !*stop.borrow() {
            let began = tokio::time::Instant::now();
            let ended = tokio::select! {
                ended = self.session(&config, epoch, &take) => ended,
                _ = stop.changed() => break,
            };
            self.close();
            if let Err(error) = ended {
                tracing::warn!(%error, controller = %config.controller, "no session with the controller");
                not_let_in(&config, &error, &take);
            }
            if began.elapsed() > MAX_PAUSE {
                backoff = Backoff::new(FIRST_PAUSE, MAX_PAUSE);
            }
            tokio::select! {
                () = tokio::time::sleep(MIN_PAUSE + backoff.pause()) => {}
                _ = stop.changed() => break,
            }
        }
        self.close();
    }

    async fn session(
        &self,
        config: &Config,
        epoch: u64,
        take: &impl Fn(&str, Told) -> bool,
    ) -> Result<(), tonic::Status> {
        let (queue, messages) = mpsc::channel(QUEUE);
        let hello = Hello { version: env!("CARGO_PKG_VERSION").into(), epoch, servers: owned(config) };
        let first = queue.try_send(wrap(agent_message::Body::Hello(hello)));
        first.map_err(|_| tonic::Status::internal("the queue is new and empty"))?;
        let mut newer = self.inner.channel.subscribe();
        let mut answers = self.client().attach(ReceiverStream::new(messages)).await?.into_inner();
        *self.inner.session.lock().unwrap_or_else(PoisonError::into_inner) = Some(queue);
        loop {
            let message = tokio::select! {
                message = answers.next() => message,
                // The next one begins with the newer certificate.
                Ok(()) = newer.changed() => return Ok(()),
            };
            let Some(message) = message else { return Ok(()) };
            match message? {
                ControllerMessage { body: Some(controller_message::Body::Order(order)) } => {
                    let server = order.server_id.clone();
                    // One that is not taken comes again by itself.
                    take(&server, order.into());
                }
                ControllerMessage { body: Some(controller_message::Body::Word(word)) } => {
                    if let Some(answer) = self.words().remove(&word.nonce) {
                        // Whoever asked may have given up; then nobody needs the word.
                        let _ = answer.send(word);
                    }
                }
                ControllerMessage { body: Some(controller_message::Body::Welcome(welcome)) } => {
                    heard(&welcome, take)?;
                    self.inner.connected.send_replace(true);
                    let Welcome { ca_pem, renew, .. } = welcome;
                    self.inner.advice.send_replace(Advice { ca_pem, renew });
                }
                ControllerMessage { body: None } => tracing::warn!("a message that this version does not know"),
            }
            if self.inner.session.lock().unwrap_or_else(PoisonError::into_inner).is_none() {
                return Err(tonic::Status::resource_exhausted("the queue of reports was full"));
            }
        }
    }

    fn close(&self) {
        *self.inner.session.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.words().clear();
        self.inner.connected.send_replace(false);
    }

    fn words(&self) -> std::sync::MutexGuard<'_, HashMap<Vec<u8>, oneshot::Sender<Word>>> {
        self.inner.words.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Controller for Link {
    async fn renew(&self, csr_pem: String) -> Result<RenewReply, tonic::Status> {
        let answer = tokio::time::timeout(RENEW_DEADLINE, self.client().renew(RenewRequest { csr_pem })).await;
        let answer = answer.map_err(|_| tonic::Status::deadline_exceeded("the controller does not answer"))?;
        Ok(answer?.into_inner())
    }

    fn adopt(&self, identity: &Identity) -> anyhow::Result<()> {
        self.inner.channel.send_replace(channel(&self.inner.controller, identity, &self.inner.dial)?);
        Ok(())
    }

    fn advice(&self) -> watch::Receiver<Advice> {
        self.inner.advice.subscribe()
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Link")
    }
}

/// The way to the controller by that certificate.
fn channel(
    (endpoint, name): &(Endpoint, String),
    identity: &Identity,
    dial: &Dial,
) -> Result<Channel, tonic::transport::Error> {
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(&identity.ca_pem))
        .identity(TlsIdentity::from_pem(&identity.certificate_pem, &identity.key_pem))
        .domain_name(name);
    Ok(dial(endpoint.clone().tls_config(tls)?))
}
fn wrap(body: agent_message::Body) -> AgentMessage {
    AgentMessage { body: Some(body) }
}

fn owned(config: &Config) -> Vec<OwnedServer> {
    let server = |server: &crate::config::Server| OwnedServer {
        id: server.id.to_string(),
        uuid: server.uuid.map(|uuid| uuid.hyphenated().to_string()).unwrap_or_default(),
        serial: server.serial.clone().unwrap_or_default(),
        macs: server.ports().iter().map(ToString::to_string).collect(),
    };
    config.servers.iter().map(server).collect()
}

/// Notes the answers to the claims; with a server that this agent does not own nothing more may be done.
fn heard(welcome: &Welcome, take: &impl Fn(&str, Told) -> bool) -> Result<(), tonic::Status> {
    for claim in &welcome.claims {
        if claim.accepted {
            tracing::info!(server = %claim.server_id, "the controller accepts the claim");
            continue;
        }
        tracing::error!(server = %claim.server_id, reason = %claim.reason, "the controller refuses the claim");
        if !take(&claim.server_id, Told::Lost(claim.reason.clone())) {
            return Err(tonic::Status::resource_exhausted("a worker does not take that its server was lost"));
        }
    }
    Ok(())
}

/// Whoever is no agent of the controller's, as one whose certificates were revoked, owns no server; nor does an agent of which a
/// newer start is there.
fn not_let_in(config: &Config, why: &tonic::Status, take: &impl Fn(&str, Told) -> bool) {
    if !matches!(why.code(), Code::Unauthenticated | Code::AlreadyExists) {
        return;
    }
    for server in &config.servers {
        // A worker that does not take it is told again: each try to come in is answered like this.
        take(&server.id.to_string(), Told::Lost(why.message().to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use billet_proto::link::Claim;
    use std::cell::RefCell;

    #[tokio::test]
    async fn a_session_has_room_for_all_that_a_rack_of_most_servers_tells_at_its_beginning() {
        let (link, mut told) = Link::to_a_test();
        // Each says at once what it knows of its order: facts, a read of its power, an inventory, a key, notes, and its end.
        for server in 0..MAX_SERVERS {
            (0..8).for_each(|_| link.report(Report { server_id: server.to_string(), ..Report::default() }));
        }
        assert!(link.inner.session.lock().unwrap().is_some(), "it goes on");
        let mut count = 0;
        while told.try_recv().is_ok() {
            count += 1;
        }
        assert_eq!(count, 8 * MAX_SERVERS);
    }

    #[test]
    fn a_server_whose_claim_is_refused_is_lost_and_the_session_ends_where_its_worker_does_not_take_that() {
        let claim = |id: &str, accepted| Claim { server_id: id.into(), accepted, reason: "agent b owns it".into() };
        let welcome = Welcome { claims: vec![claim("s1", true), claim("s2", false)], ..Welcome::default() };
        let lost = RefCell::new(Vec::new());
        let note = |server: &str, told: Told| match told {
            Told::Lost(why) => lost.borrow_mut().push(format!("{server}: {why}")),
            Told::Order(_) => panic!("an order for {server}"),
        };
        heard(&welcome, &|server, told| {
            note(server, told);
            true
        })
        .unwrap();
        assert_eq!(lost.take(), ["s2: agent b owns it"]);
        assert!(heard(&welcome, &|_, _| false).is_err(), "the next session tells it again");
    }

    #[test]
    fn an_agent_that_is_not_let_in_any_more_has_lost_all_its_servers_and_one_that_cannot_reach_the_controller_none() {
        let config = Config::parse(include_str!("../../../packaging/config/agent.toml")).unwrap();
        let lost = RefCell::new(Vec::new());
        let take = |server: &str, _: Told| {
            lost.borrow_mut().push(server.to_owned());
            true
        };
        not_let_in(&config, &tonic::Status::unavailable("it starts"), &take);
        assert_eq!(lost.take(), Vec::<String>::new());
        let all: Vec<String> = config.servers.iter().map(|server| server.id.to_string()).collect();
        for why in [
            tonic::Status::unauthenticated("the certificate is of no enrolled agent"),
            tonic::Status::already_exists("a newer start of this agent is here"),
        ] {
            not_let_in(&config, &why, &take);
            assert_eq!(lost.take(), all, "{why}");
        }
    }
}
