//! An agent that tests play: it goes away with all its connections, and comes back at the same address.

use super::agent::Agent;
use billet_proto::{
    link::{Chunk, ReadManifestReply},
    ramdisk::{
        Ack, EnlistReply, EnlistRequest, HandOverReply, HandOverRequest, RamdiskReport, ReadChunksRequest,
        SessionRequest,
        ramdisk_server::{Ramdisk, RamdiskServer},
    },
};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    net::TcpListener,
    runtime::Runtime,
    sync::{Notify, mpsc},
};
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{
    Request, Response, Status,
    transport::{Endpoint, Server},
};

/// Nothing that a test waits for takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// What it was asked, and how it answers.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) reports: Vec<RamdiskReport>,
    pub(super) words: usize,
    pub(super) leaves: usize,
    /// A stream of chunks breaks off after so many.
    pub(super) breaks_after: Option<usize>,
    /// The answer to the next leaving is never sent.
    pub(super) holds_leave: bool,
    /// The next word is given when it is released.
    pub(super) holds_word: bool,
}

#[derive(Clone, Default)]
struct Played {
    said: Arc<Mutex<Said>>,
    /// Told whenever it was asked something.
    asked: Arc<Notify>,
    /// Told when a word that it holds may go.
    released: Arc<Notify>,
}

impl Played {
    fn says<T>(&self, of: impl FnOnce(&mut Said) -> T) -> T {
        let told = of(&mut self.said.lock().unwrap());
        self.asked.notify_waiters();
        told
    }
}

pub(super) struct PlayedAgent {
    address: SocketAddr,
    runtime: Option<Runtime>,
    played: Played,
}

impl PlayedAgent {
    pub(super) fn new() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut agent = Self { address: listener.local_addr().unwrap(), runtime: None, played: Played::default() };
        agent.serves(listener);
        agent
    }

    pub(super) fn comes_back(&mut self) {
        self.serves(std::net::TcpListener::bind(self.address).unwrap());
    }

    /// It is there when this returns: what comes before it serves waits in the listener.
    fn serves(&mut self, listener: std::net::TcpListener) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        listener.set_nonblocking(true).unwrap();
        let listener = {
            let _within = runtime.enter();
            TcpListener::from_std(listener).unwrap()
        };
        let server = Server::builder().add_service(RamdiskServer::new(self.played.clone()));
        // How it ends nobody asks: its runtime ends it.
        runtime.spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        self.runtime = Some(runtime);
    }

    /// It is gone when this returns, with its listener and all connections.
    pub(super) fn goes_away(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Where a test runs, no runtime may wait for its end.
            std::thread::spawn(|| runtime.shutdown_timeout(PATIENCE)).join().unwrap();
        }
    }

    /// Waits until it was asked what `wanted` looks for.
    pub(super) async fn until(&self, wanted: impl Fn(&Said) -> bool) {
        let asked = async {
            loop {
                let next = self.played.asked.notified();
                if wanted(&self.played.said.lock().unwrap()) {
                    return;
                }
                next.await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, asked).await;
        assert!(in_time.is_ok(), "it was asked no more than {:?}", self.played.said.lock().unwrap());
    }

    /// The word that it holds is given.
    pub(super) fn releases_word(&self) {
        self.played.released.notify_one();
    }

    /// The real client of a ramdisk that enlisted.
    pub(super) fn client(&self) -> Agent {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address)).unwrap();
        Agent::over(endpoint.connect_timeout(Duration::from_secs(3)).connect_lazy(), "session".into())
    }

    pub(super) fn said<T>(&self, of: impl FnOnce(&mut Said) -> T) -> T {
        of(&mut self.played.said.lock().unwrap())
    }
}

impl Drop for PlayedAgent {
    fn drop(&mut self) {
        self.goes_away();
    }
}

#[tonic::async_trait]
impl Ramdisk for Played {
    type ReadChunksStream = ReceiverStream<Result<Chunk, Status>>;

    async fn enlist(&self, _: Request<EnlistRequest>) -> Result<Response<EnlistReply>, Status> {
        Err(Status::unimplemented("it is enlisted"))
    }

    async fn read_manifest(&self, _: Request<SessionRequest>) -> Result<Response<ReadManifestReply>, Status> {
        Err(Status::unimplemented("the test has it"))
    }

    async fn read_chunks(
        &self,
        request: Request<ReadChunksRequest>,
    ) -> Result<Response<Self::ReadChunksStream>, Status> {
        let breaks_after = self.said.lock().unwrap().breaks_after;
        let (chunks, stream) = mpsc::channel(16);
        tokio::spawn(async move {
            for (sent, index) in request.into_inner().indices.into_iter().enumerate() {
                if breaks_after == Some(sent) {
                    chunks.closed().await;
                    return;
                }
                let _ = chunks.send(Ok(Chunk { index, frame: vec![7; 512] })).await;
            }
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn report(&self, request: Request<RamdiskReport>) -> Result<Response<Ack>, Status> {
        self.says(|said| said.reports.push(request.into_inner()));
        Ok(Response::new(Ack {}))
    }

    async fn hand_over(&self, request: Request<HandOverRequest>) -> Result<Response<HandOverReply>, Status> {
        let holds = self.says(|said| {
            said.words += 1;
            std::mem::take(&mut said.holds_word)
        });
        if holds {
            self.released.notified().await;
        }
        let nonce = request.into_inner().nonce;
        Ok(Response::new(HandOverReply { nonce, granted: true, reason: String::new() }))
    }

    async fn leave(&self, _: Request<SessionRequest>) -> Result<Response<Ack>, Status> {
        let holds = self.says(|said| {
            said.leaves += 1;
            std::mem::take(&mut said.holds_leave)
        });
        if holds {
            std::future::pending::<()>().await;
        }
        Ok(Response::new(Ack {}))
    }
}
