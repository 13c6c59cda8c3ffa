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
        AgentMessage, ControllerMessage, Hello, JoinRequest, Order, OwnedServer, RenewReply, RenewRequest, Welcome,
        agent_message, controller_message, enrollment_client::EnrollmentClient, link_client::LinkClient,
    },
    manifest::{CHUNK_BYTES, ChunkEntry, Digest, MAX_FRAME_BYTES, Manifest},
};
use rcgen::{CertificateParams, KeyPair};
use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Status, Streaming,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};

/// Nothing here takes so long.
pub(crate) const LONG: Duration = Duration::from_secs(30);

pub(crate) struct Controller {
    pub(crate) world: World,
    pub(crate) sessions: Sessions,
    pub(crate) ca: Arc<Ca>,
    pub(crate) tokens: JoinTokens,
    address: SocketAddr,
    _stop: watch::Sender<bool>,
    dir: tempfile::TempDir,
}

impl Controller {
    pub(crate) async fn new() -> Self {
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
        Self { world, sessions, ca, tokens, address, _stop: stop, dir }
    }

    /// An agent of that name with its first certificate.
    pub(crate) async fn join(&self, name: &str) -> Caller {
        let token = self.token(name).await;
        self.join_by(&token, new_key()).await.unwrap()
    }

    /// A token for an agent of that name.
    pub(crate) async fn token(&self, name: &str) -> JoinToken {
        let (token, _) = self.tokens.new_join_token(name.into()).await.unwrap();
        JoinToken::decode(&token).unwrap()
    }

    /// Joins with a token and a key.
    pub(crate) async fn join_by(&self, token: &JoinToken, key: KeyPair) -> Result<Caller, Status> {
        let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(&token.ca_pem)).domain_name("localhost");
        let asked = JoinRequest { secret: token.secret.clone().into_bytes(), csr_pem: request(&key) };
        let joined = EnrollmentClient::new(self.connect(tls)).join(asked).await?.into_inner();
        Ok(self.caller(&joined.ca_pem, &joined.certificate_pem, &key.serialize_pem()))
    }

    /// The world's agent, which owns a server, with a certificate of its own.
    pub(crate) async fn owner(&self) -> Caller {
        let (key, id) = (new_key(), self.world.agent);
        let signed = self.ca.sign_agent(&request(&key), id).unwrap();
        let fingerprint = signed.sha256;
        let known = self.world.store.run(move |tx| {
            let mut agent = tx.agent(id)?.expect("the world has an agent");
            agent.certificate_sha256 = fingerprint;
            tx.update_agent(&agent)
        });
        known.await.unwrap();
        self.caller(&self.ca.trusted_pem(), &signed.certificate_pem, &key.serialize_pem())
    }

    /// The world's image: so many chunks, whose frames nobody unpacks here.
    pub(crate) fn write_image(&self, chunks: u32) {
        let length = MAX_FRAME_BYTES;
        let entry = |index: u32| ChunkEntry::Data {
            digest: Digest::of(b"frame"),
            offset: u64::from(index) * u64::from(length),
            length,
        };
        let manifest = Manifest {
            version: 1,
            size_bytes: u64::from(chunks) * CHUNK_BYTES,
            os_type: "Linux".into(),
            sha256: "00".repeat(32),
            chunks: (0..chunks).map(entry).collect(),
        };
        let path = |extension: &str| self.dir.path().join(format!("images/{}.{extension}", self.world.image));
        std::fs::write(path("manifest"), manifest.to_bytes()).unwrap();
        let frames = std::fs::File::create(path("zst")).unwrap();
        frames.set_len(u64::from(chunks) * u64::from(length)).unwrap();
    }

    /// Where the authority's files are.
    pub(crate) fn state_dir(&self) -> PathBuf {
        self.dir.path().to_owned()
    }

    pub(crate) fn caller(&self, ca_pem: &str, certificate_pem: &str, key_pem: &str) -> Caller {
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(ca_pem))
            .identity(Identity::from_pem(certificate_pem, key_pem))
            .domain_name("localhost");
        let link = LinkClient::new(self.connect(tls)).max_decoding_message_size(8 << 20);
        Caller { link, certificate_pem: certificate_pem.to_owned(), key_pem: key_pem.to_owned() }
    }

    fn connect(&self, tls: ClientTlsConfig) -> Channel {
        let endpoint = Endpoint::from_shared(format!("https://{}", self.address)).unwrap();
        endpoint.tls_config(tls).unwrap().timeout(LONG).connect_lazy()
    }
}

/// Whoever has a certificate.
pub(crate) struct Caller {
    pub(crate) link: LinkClient<Channel>,
    pub(crate) certificate_pem: String,
    key_pem: String,
}

impl Caller {
    /// Opens a session.
    pub(crate) async fn attach(&mut self, epoch: u64) -> Result<Session, Status> {
        self.attach_with(epoch, Vec::new()).await
    }

    /// Opens a session, and claims these.
    pub(crate) async fn attach_with(&mut self, epoch: u64, servers: Vec<OwnedServer>) -> Result<Session, Status> {
        let (queue, said) = mpsc::channel(8);
        let hello = Hello { version: "test".into(), epoch, servers };
        queue.send(AgentMessage { body: Some(agent_message::Body::Hello(hello)) }).await.unwrap();
        let mut told = self.link.attach(ReceiverStream::new(said)).await?.into_inner();
        let first = tokio::time::timeout(LONG, told.message()).await.expect("the door answers");
        match first?.and_then(|message| message.body) {
            Some(controller_message::Body::Welcome(welcome)) => Ok(Session { welcome, told, _queue: queue }),
            other => panic!("{other:?}"),
        }
    }

    /// The key of its certificate.
    pub(crate) fn key(&self) -> KeyPair {
        KeyPair::from_pem(&self.key_pem).unwrap()
    }

    /// Asks for another certificate; answers it with its key.
    pub(crate) async fn renew(&mut self) -> Result<(RenewReply, String), Status> {
        let key = new_key();
        let reply = self.link.renew(RenewRequest { csr_pem: request(&key) }).await?.into_inner();
        Ok((reply, key.serialize_pem()))
    }
}

pub(crate) struct Session {
    pub(crate) welcome: Welcome,
    told: Streaming<ControllerMessage>,
    _queue: mpsc::Sender<AgentMessage>,
}

impl Session {
    /// The next order, if one comes in that time.
    pub(crate) async fn order_within(&mut self, limit: Duration) -> Option<Order> {
        let next = async {
            loop {
                if let Some(controller_message::Body::Order(order)) = self.told.message().await.unwrap()?.body {
                    return Some(order);
                }
            }
        };
        tokio::time::timeout(limit, next).await.ok().flatten()
    }

    /// Waits until it ends, for as long as that.
    pub(crate) async fn ends_within(&mut self, limit: Duration) -> bool {
        let end = async { while let Ok(Some(_)) = self.told.message().await {} };
        tokio::time::timeout(limit, end).await.is_ok()
    }
}

pub(crate) fn new_key() -> KeyPair {
    KeyPair::generate().unwrap()
}

/// A certificate request for that key.
pub(crate) fn request(key: &KeyPair) -> String {
    CertificateParams::new(Vec::new()).unwrap().serialize_request(key).unwrap().pem().unwrap()
}

fn free_port() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
