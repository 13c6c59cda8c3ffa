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
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::watch};
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig, server::TcpIncoming};

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
    /// # Errors
    /// When the port or a certificate cannot be had; the inner one when serving fails.
    pub async fn bind(
        self,
        address: SocketAddr,
        names: &[String],
        mut stop: watch::Receiver<bool>,
    ) -> Result<impl Future<Output = Result<(), LinkError>> + Send + use<>, LinkError> {
        let Self { store, edge, ca, sessions, lifecycle, blobs } = self;
        let listener = TcpListener::bind(address).await.map_err(|source| LinkError::Listen { address, source })?;
        let certificate = ca.issue_server(names).map_err(LinkError::Certificate)?;
        let identity = Identity::from_pem(&certificate.certificate_pem, certificate.key_pem.as_str());
        let tls = ServerTlsConfig::new()
            .identity(identity)
            .client_ca_root(Certificate::from_pem(ca.certificate_pem()))
            // Joining is without a certificate; every other call asks for one itself.
            .client_auth_optional(true)
            .timeout(HANDSHAKE);
        let door = Door { store: store.clone(), edge: edge.clone(), ca: ca.clone() };
        let images = Reader::new(lifecycle.clone(), blobs);
        let renewals = Renewals { store: store.clone(), edge, ca };
        let agents = Agents { store, lifecycle, sessions, images, renewals };
        let router = Server::builder()
            .tls_config(tls)
            .map_err(LinkError::Serve)?
            .http2_keepalive_interval(Some(KEEPALIVE))
            .http2_keepalive_timeout(Some(KEEPALIVE))
            .max_concurrent_streams(MAX_STREAMS)
            .initial_stream_window_size(UNREAD_BYTES)
            .initial_connection_window_size(UNREAD_BYTES)
            .add_service(EnrollmentServer::new(door).max_decoding_message_size(64 << 10))
            .add_service(
                LinkService::new(agents)
                    .max_decoding_message_size(MAX_TAKEN_BYTES)
                    .max_encoding_message_size(MAX_SENT_BYTES),
            );
        let stopped = async move {
            // A sender that is gone means the same as a stop.
            let _ = stop.wait_for(|stop| *stop).await;
        };
        // Nagle's algorithm would hold back what little is said here until the other side acknowledges, up to 40 ms later.
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let served = router.serve_with_incoming_shutdown(incoming, stopped);
        Ok(async move { served.await.map_err(LinkError::Serve) })
    }
}

impl std::fmt::Debug for LinkServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LinkServer")
    }
}
