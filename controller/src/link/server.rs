//! The listener of the agents' door.

use super::{enrollment::Door, images::Reader, renewal::Renewals, service::Agents, sessions::Sessions};
use crate::{
    ca::{Ca, CaError},
    clock::Edge,
    images::Blobs,
    lifecycle::Lifecycle,
    store::Handle,
};
use billet_proto::link::{enrollment_server::EnrollmentServer, link_server::LinkServer as LinkService};
use futures_util::{Stream, stream::unfold};
use std::{io, net::SocketAddr, pin::Pin, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{oneshot, watch},
    task::{JoinError, JoinSet},
};
use tonic::transport::{
    Certificate, Identity, Server, ServerTlsConfig,
    server::{Connected, Router, TcpConnectInfo},
};

/// Frames are at most 4 MiB and some; a manifest of the largest image is below 64 MiB.
const MAX_SENT_BYTES: usize = 72 << 20;
/// A hello of the largest agent, and reports, are far smaller.
const MAX_TAKEN_BYTES: usize = 4 << 20;
/// Calls at once on one connection.
const MAX_STREAMS: u32 = 256;
/// What a connection may have sent that nobody has read yet: hyper's own 1 MiB for each agent is more memory than all else
/// when every agent reports at once. What agents read has windows of their own.
const UNREAD_BYTES: u32 = 64 << 10;
/// How long a connection may be silent before it is asked for a sign of life, and how long that may take.
const KEEPALIVE: Duration = Duration::from_secs(10);
/// How long a caller may take for its TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Why agents cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The address cannot be listened on.
    #[error("listen for agents on {address}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// No certificate could be made.
    #[error("make a certificate for the agents' door")]
    Certificate(#[source] CaError),
    /// TLS or HTTP/2 failed.
    #[error("serve agents")]
    Serve(#[source] tonic::transport::Error),
}

/// What the door is made of.
pub struct LinkServer {
    /// The records.
    pub store: Handle,
    /// Time and ids.
    pub edge: Edge,
    /// Signs agents' certificates, and ours.
    pub ca: Arc<Ca>,
    /// Who is attached.
    pub sessions: Sessions,
    /// What moves.
    pub lifecycle: Lifecycle,
    /// The images.
    pub blobs: Blobs,
}

impl LinkServer {
    /// Listens on `address` with a certificate for `names`, then serves until `stop`. The future of the outer answer is
    /// ready when the port is open.
    ///
    /// When the authority changes, or wants it, there is another certificate for new connections at once, and those that are open
    /// are asked to be made anew: sessions end, and other calls go on to their end.
    ///
    /// # Errors
    /// When the port or a certificate cannot be had; the inner one when serving fails.
    pub async fn bind(
        self,
        address: SocketAddr,
        names: &[String],
        stop: watch::Receiver<bool>,
    ) -> Result<impl Future<Output = Result<(), LinkError>> + Send + use<>, LinkError> {
        let listener = TcpListener::bind(address).await.map_err(|source| LinkError::Listen { address, source })?;
        self.serve(listener, names, stop)
    }

    /// As [`Self::bind`], with connections from somewhere else.
    ///
    /// # Errors
    /// When there is no certificate; the inner one when serving fails.
    pub fn serve<L: Listener>(
        self,
        listener: L,
        names: &[String],
        mut stop: watch::Receiver<bool>,
    ) -> Result<impl Future<Output = Result<(), LinkError>> + Send + use<L>, LinkError> {
        let listener = Arc::new(listener);
        let (sessions, ca, names) = (self.sessions.clone(), self.ca.clone(), names.to_vec());
        let mut changes = ca.changes();
        let services = self.services();
        let mut first = Some(router(&ca, &names, services.clone())?);
        Ok(async move {
            let mut serving = JoinSet::new();
            loop {
                let router = match first.take() {
                    Some(router) => router,
                    None => router(&ca, &names, services.clone())?,
                };
                let (over, ended) = oneshot::channel::<()>();
                let ended = async { drop(ended.await) };
                serving.spawn(router.serve_with_incoming_shutdown(incoming(listener.clone()), ended));
                let stopped = loop {
                    tokio::select! {
                        // A sender that is gone means the same as a stop.
                        _ = stop.wait_for(|stop| *stop) => break true,
                        Ok(()) = changes.changed() => break false,
                        Some(done) = serving.join_next() => check(done)?,
                    }
                };
                drop(over);
                if stopped {
                    break;
                }
                tracing::info!("agents connect anew, because the door's certificate is another");
                sessions.close_all();
            }
            while let Some(done) = serving.join_next().await {
                check(done)?;
            }
            Ok(())
        })
    }

    fn services(self) -> Services {
        let Self { store, edge, ca, sessions, lifecycle, blobs } = self;
        let door = Door { store: store.clone(), edge: edge.clone(), ca: ca.clone() };
        let images = Reader::new(lifecycle.clone(), blobs);
        let renewals = Renewals { store: store.clone(), edge, ca: ca.clone() };
        let agents = Agents { store, lifecycle, sessions, images, renewals, ca };
        Services {
            enrollment: EnrollmentServer::new(door).max_decoding_message_size(64 << 10),
            link: LinkService::new(agents)
                .max_decoding_message_size(MAX_TAKEN_BYTES)
                .max_encoding_message_size(MAX_SENT_BYTES),
        }
    }
}

/// What is served, by whatever certificate.
#[derive(Clone)]
struct Services {
    enrollment: EnrollmentServer<Door>,
    link: LinkService<Agents>,
}

/// The services behind a certificate of the authority as it is now.
fn router(ca: &Ca, names: &[String], services: Services) -> Result<Router, LinkError> {
    let certificate = ca.issue_server(names).map_err(LinkError::Certificate)?;
    let identity = Identity::from_pem(&certificate.certificate_pem, certificate.key_pem.as_str());
    let tls = ServerTlsConfig::new()
        .identity(identity)
        .client_ca_root(Certificate::from_pem(ca.trusted_pem()))
        // Joining is without a certificate; every other call asks for one itself.
        .client_auth_optional(true)
        .timeout(HANDSHAKE);
    let router = Server::builder()
        .tls_config(tls)
        .map_err(LinkError::Serve)?
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(UNREAD_BYTES)
        .initial_connection_window_size(UNREAD_BYTES)
        .add_service(services.enrollment)
        .add_service(services.link);
    Ok(router)
}

/// Where connections come from: a port, or a simulation's network.
pub trait Listener: Send + Sync + 'static {
    /// A connection. What tells who calls is its certificate; its addresses are for the log.
    type Stream: AsyncRead + AsyncWrite + Connected<ConnectInfo = TcpConnectInfo> + Unpin + Send + 'static;

    /// The next connection; to be dropped at any time without losing one.
    fn accept(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<TcpStream> {
        let (stream, _) = Self::accept(self).await?;
        // Nagle's algorithm would hold back what little is said here until the other side acknowledges, up to 40 ms
        // later. A caller that is gone already shows in the handshake.
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }
}

/// The port's connections. The port stays open when the stream is dropped.
fn incoming<L: Listener>(listener: Arc<L>) -> Pin<Box<dyn Stream<Item = io::Result<L::Stream>> + Send>> {
    Box::pin(unfold(listener, |listener| async move { Some((listener.accept().await, listener)) }))
}

/// Serving ends by itself only when it fails, or after its certificate's time was over.
fn check(done: Result<Result<(), tonic::transport::Error>, JoinError>) -> Result<(), LinkError> {
    match done {
        Ok(served) => served.map_err(LinkError::Serve),
        Err(failed) if failed.is_panic() => std::panic::resume_unwind(failed.into_panic()),
        Err(_) => Ok(()),
    }
}

impl std::fmt::Debug for LinkServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LinkServer")
    }
}
