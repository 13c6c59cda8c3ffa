//! What is answered to whom.

use crate::link::{LinkServer, Sessions};
use crate::{ca::Ca, clock::Edge, images::Blobs, lifecycle::tests::world::World, store::record::Agent};
use billet_proto::{
    AgentId,
    link::{AgentMessage, Hello, ReadChunksRequest, ReadManifestRequest, agent_message::Body, link_client::LinkClient},
};
use std::{net::SocketAddr, sync::Arc};
use tokio::sync::watch;
use tonic::{
    Code,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};

/// A door that is open as long as this is there.
struct Door {
    world: World,
    ca: Arc<Ca>,
    address: SocketAddr,
    _open: watch::Sender<bool>,
    _dir: tempfile::TempDir,
}

impl Door {
    async fn open() -> Self {
        let (world, dir, edge) = (World::new().await, tempfile::tempdir().unwrap(), Edge::system());
        let ca = Arc::new(Ca::load_or_create(dir.path(), &edge).unwrap());
        let server = LinkServer {
            store: world.store.clone(),
            edge,
            ca: ca.clone(),
            sessions: Sessions::new(world.store.clone()),
            lifecycle: world.lifecycle.clone(),
            blobs: Blobs::new(&dir.path().join("images")).unwrap(),
        };
        // Loopback has addresses enough for each test to have one of its own.
        let [a, b]: [u8; 2] = rand::random();
        let address = SocketAddr::from(([127, a, b, 1], 8444));
        let (open, stop) = watch::channel(false);
        let served = server.bind(address, &[], stop).await.unwrap();
        tokio::spawn(served);
        Self { world, ca, address, _open: open, _dir: dir }
    }

    fn client(&self, identity: Option<Identity>) -> LinkClient<Channel> {
        let trusted = Certificate::from_pem(self.ca.certificate_pem());
        let mut tls = ClientTlsConfig::new().ca_certificate(trusted).domain_name("localhost");
        if let Some(identity) = identity {
            tls = tls.identity(identity);
        }
        let endpoint = Endpoint::from_shared(format!("https://{}", self.address)).unwrap();
        LinkClient::new(endpoint.tls_config(tls).unwrap().connect_lazy())
    }

    /// What each call is answered: attaching, and reading the image of the installation in progress.
    async fn answers(&self, identity: Option<Identity>) -> [Code; 3] {
        let mut client = self.client(identity);
        let (server_id, generation) = (self.world.server_id().to_string(), 1);
        let hello = Hello { version: "test".into(), epoch: 9, servers: vec![] };
        let hello = tokio_stream::iter([AgentMessage { body: Some(Body::Hello(hello)) }]);
        let read = ReadManifestRequest { server_id: server_id.clone(), generation };
        let chunks = ReadChunksRequest { server_id, generation, indices: vec![0] };
        // A stream's first answer: that it is there says nothing yet.
        let chunk = match client.read_chunks(chunks).await {
            Ok(chunks) => chunks.into_inner().message().await.map(drop),
            Err(status) => Err(status),
        };
        [client.attach(hello).await.map(drop), client.read_manifest(read).await.map(drop), chunk]
            .map(|answer| answer.err().map_or(Code::Ok, |status| status.code()))
    }
}

/// A certificate of that authority, and its fingerprint.
fn certificate(ca: &Ca, agent: AgentId) -> (Identity, [u8; 32]) {
    let key = rcgen::KeyPair::generate().unwrap();
    let request = rcgen::CertificateParams::new(Vec::new()).unwrap().serialize_request(&key).unwrap();
    let signed = ca.sign_agent(&request.pem().unwrap(), agent).unwrap();
    (Identity::from_pem(signed.certificate_pem, key.serialize_pem()), signed.sha256)
}

#[tokio::test]
async fn no_call_but_joining_is_answered_without_an_enrolled_agents_certificate_nor_for_anothers_server() {
    let door = Door::open().await;
    let world = &door.world;
    world.create().await.unwrap();
    let enrol = async |agent: AgentId| {
        let (identity, certificate_sha256) = certificate(&door.ca, agent);
        let known = world.store.run(move |tx| {
            let known = tx.agent(agent)?.unwrap();
            tx.update_agent(&Agent { certificate_sha256, ..known })
        });
        known.await.unwrap();
        identity
    };
    let owner = enrol(world.agent).await;
    let other = enrol(world.join("rack1").await).await;
    let (unknown, _) = certificate(&door.ca, AgentId::new(world.edge.id()));
    let elsewhere = tempfile::tempdir().unwrap();
    let (foreign, _) = certificate(&Ca::load_or_create(elsewhere.path(), &Edge::system()).unwrap(), world.agent);

    assert_eq!(door.answers(None).await, [Code::Unauthenticated; 3], "no certificate");
    assert_eq!(door.answers(Some(unknown)).await, [Code::Unauthenticated; 3], "of nobody who was enrolled");
    for code in door.answers(Some(foreign)).await {
        assert!(![Code::Ok, Code::DataLoss, Code::PermissionDenied].contains(&code), "another authority's: {code:?}");
    }
    assert_eq!(door.answers(Some(other)).await, [Code::Ok, Code::PermissionDenied, Code::PermissionDenied]);
    // The world's image is a row without bytes.
    assert_eq!(door.answers(Some(owner)).await, [Code::Ok, Code::DataLoss, Code::DataLoss]);
}
