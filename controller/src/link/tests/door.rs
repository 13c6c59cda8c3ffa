//! A controller's door on loopback, and an agent that calls it.

use crate::{
    api::ports::Enrolment as _,
    ca::Ca,
    clock::{Clock as _, SystemClock},
    images::Blobs,
    lifecycle::tests::world::World,
    link::{JoinTokens, LinkServer, Sessions},
};
use billet_proto::{
    join::JoinToken,
    link::{
        AgentMessage, ControllerMessage, Hello, JoinRequest, RenewReply, RenewRequest, Welcome, agent_message,
        controller_message, enrollment_client::EnrollmentClient, link_client::LinkClient,
    },
};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Status, Streaming,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};

/// Nothing here takes so long.
pub(super) const LONG: Duration = Duration::from_secs(30);

pub(super) struct Controller {
    pub(super) world: World,
    pub(super) sessions: Sessions,
    pub(super) ca: Arc<Ca>,
    pub(super) tokens: JoinTokens,
    address: SocketAddr,
    _stop: watch::Sender<bool>,
    _dir: tempfile::TempDir,
}

impl Controller {
    pub(super) async fn new() -> Self {
        let world = World::new().await;
        // TLS asks the machine's clock.
        world.clock.set(SystemClock.now());
        let dir = tempfile::tempdir().unwrap();
        let ca = Arc::new(Ca::load_or_create(dir.path(), &world.edge).unwrap());
        let sessions = Sessions::new(world.store.clone());
        let server = LinkServer {
            store: world.store.clone(),
            edge: world.edge.clone(),
            ca: ca.clone(),
            sessions: sessions.clone(),
            lifecycle: world.lifecycle.clone(),
            blobs: Blobs::new(&dir.path().join("images")).unwrap(),
        };
        let (stop, stopped) = watch::channel(false);
        let address = free_port();
        tokio::spawn(server.bind(address, &[], stopped).await.unwrap());
        let tokens = JoinTokens::new(world.store.clone(), world.edge.clone(), ca.clone());
        Self { world, sessions, ca, tokens, address, _stop: stop, _dir: dir }
    }

    /// An agent of that name with its first certificate.
    pub(super) async fn join(&self, name: &str) -> Caller {
        let (token, _) = self.tokens.new_join_token(name.into()).await.unwrap();
        let token = JoinToken::decode(&token).unwrap();
        let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(&token.ca_pem)).domain_name("localhost");
        let (csr_pem, key_pem) = request();
        let asked = JoinRequest { secret: token.secret.clone().into_bytes(), csr_pem };
        let joined = EnrollmentClient::new(self.connect(tls)).join(asked).await.unwrap().into_inner();
        self.caller(&joined.ca_pem, &joined.certificate_pem, &key_pem)
    }

    pub(super) fn caller(&self, ca_pem: &str, certificate_pem: &str, key_pem: &str) -> Caller {
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(ca_pem))
            .identity(Identity::from_pem(certificate_pem, key_pem))
            .domain_name("localhost");
        Caller { link: LinkClient::new(self.connect(tls)) }
    }

    fn connect(&self, tls: ClientTlsConfig) -> Channel {
        let endpoint = Endpoint::from_shared(format!("https://{}", self.address)).unwrap();
        endpoint.tls_config(tls).unwrap().timeout(LONG).connect_lazy()
    }
}

/// Whoever has a certificate.
pub(super) struct Caller {
    pub(super) link: LinkClient<Channel>,
}

impl Caller {
    /// Opens a session.
    pub(super) async fn attach(&mut self, epoch: u64) -> Result<Session, Status> {
        let (queue, said) = mpsc::channel(8);
        let hello = Hello { version: "test".into(), epoch, servers: Vec::new() };
        queue.send(AgentMessage { body: Some(agent_message::Body::Hello(hello)) }).await.unwrap();
        let mut told = self.link.attach(ReceiverStream::new(said)).await?.into_inner();
        let first = tokio::time::timeout(LONG, told.message()).await.expect("the door answers");
        match first?.and_then(|message| message.body) {
            Some(controller_message::Body::Welcome(welcome)) => Ok(Session { welcome, told, _queue: queue }),
            other => panic!("{other:?}"),
        }
    }

    /// Asks for another certificate; answers it with its key.
    pub(super) async fn renew(&mut self) -> Result<(RenewReply, String), Status> {
        let (csr_pem, key_pem) = request();
        Ok((self.link.renew(RenewRequest { csr_pem }).await?.into_inner(), key_pem))
    }
}

pub(super) struct Session {
    pub(super) welcome: Welcome,
    told: Streaming<ControllerMessage>,
    _queue: mpsc::Sender<AgentMessage>,
}

impl Session {
    /// Waits until it ends, for as long as that.
    pub(super) async fn ends_within(&mut self, limit: Duration) -> bool {
        let end = async { while let Ok(Some(_)) = self.told.message().await {} };
        tokio::time::timeout(limit, end).await.is_ok()
    }
}

/// A certificate request for a new key, and the key.
pub(super) fn request() -> (String, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let request = rcgen::CertificateParams::new(Vec::new()).unwrap().serialize_request(&key).unwrap();
    (request.pem().unwrap(), key.serialize_pem())
}

fn free_port() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
