//! What ramdisks call: TLS with the boot certificate, on the provisioning network alone.

use super::{
    certificate::BootCertificate,
    link::Link,
    ramdisks::{Call, Ramdisks, Session},
};
use crate::{
    config::MAX_SERVERS,
    listener::{Bounded, Bounds, Connection, Stranger, Strangers},
};
use billet_proto::{
    link::{Chunk, ReadChunksRequest as LinkChunks, ReadManifestReply, ReadManifestRequest},
    planted::{self, Bug},
    ramdisk::{
        Ack, EnlistReply, EnlistRequest, HandOverReply, HandOverRequest, RamdiskReport, ReadChunksRequest,
        SessionRequest,
        ramdisk_server::{Ramdisk, RamdiskServer},
    },
};
use rand::TryRngCore;
use std::{net::SocketAddrV4, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{oneshot, watch},
};
use tokio_stream::Stream;
use tonic::{
    Extensions, Request, Response, Status, Streaming,
    transport::{
        Identity, Server, ServerTlsConfig,
        server::{Connected, TlsConnectInfo},
    },
};

/// How long a worker may take to answer a ramdisk; BMC calls are in it.
const WORKER_DEADLINE: Duration = Duration::from_secs(90);
/// A manifest of the largest image is below 64 MiB.
const MAX_SENT_BYTES: usize = 72 << 20;
/// How long a connection may be silent before it is asked for a sign of life, and how long that may take.
const KEEPALIVE: Duration = Duration::from_secs(10);
/// How long a caller may take for its TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Of a connection at once: a ramdisk has three at most. Each may hold a whole request, from whomever it is, before its token is seen.
const CALLS: u32 = 4;
/// The largest request: an inventory, with what firmware starts in it.
const MAX_TAKEN_BYTES: usize = 1 << 20;
/// Longer than any worker takes.
const CALL: Duration = Duration::from_secs(100);
/// A server has one connection, or two when it was booted anew, as long as its ramdisk works; one that a wipe keeps open for days is opened
/// again now and then. A ramdisk enlists at once: what others can have the agent keep is bounded by few connections.
const BOUNDS: Bounds = Bounds {
    connections: 2 * MAX_SERVERS,
    of_one: 4,
    lifetime: Duration::from_secs(6 * 3600),
    strangers: Some(Strangers { connections: 64, lifetime: Duration::from_secs(120) }),
};

/// Answers ramdisks.
pub(super) struct Door {
    pub(super) ramdisks: Ramdisks,
    pub(super) link: Link,
}

/// Opens the door to those who come by `incoming`; the future serves until `stop`.
///
/// # Errors
/// When the certificate cannot be used; the future's when serving fails.
pub(super) fn open<I, C>(
    door: Door,
    incoming: I,
    certificate: &BootCertificate,
    mut stop: watch::Receiver<bool>,
) -> anyhow::Result<impl Future<Output = Result<(), tonic::transport::Error>> + Send + use<I, C>>
where
    I: Stream<Item = std::io::Result<C>> + Send + 'static,
    C: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
{
    use anyhow::Context;
    let identity = Identity::from_pem(&certificate.certificate_pem, &certificate.key_pem);
    let router = Server::builder()
        .tls_config(ServerTlsConfig::new().identity(identity).timeout(HANDSHAKE))
        .context("use the boot certificate")?
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .max_concurrent_streams(CALLS)
        .timeout(CALL)
        .add_service(
            RamdiskServer::new(door)
                .max_decoding_message_size(MAX_TAKEN_BYTES)
                .max_encoding_message_size(MAX_SENT_BYTES),
        );
    let stopped = async move {
        // A sender that is gone means the same as a stop.
        let _ = stop.wait_for(|stop| *stop).await;
    };
    Ok(router.serve_with_incoming_shutdown(incoming, stopped))
}

/// Those who come by the door's port.
pub(super) fn listen(
    address: SocketAddrV4,
    interface: &str,
) -> std::io::Result<impl Stream<Item = std::io::Result<Connection>> + Send + 'static> {
    Bounded::bind(interface, address, BOUNDS).map(Bounded::into_stream)
}

impl Door {
    /// Whose call it is, by the session that it names; and what it asks.
    fn session<T>(&self, request: Request<T>, named: impl FnOnce(&T) -> &str) -> Result<(Session, T), Status> {
        let session = self.ramdisks.session(named(request.get_ref()))?;
        becomes_known(request.extensions());
        Ok((session, request.into_inner()))
    }
}

/// The connection's caller showed that it is a ramdisk of ours. Where connections are not the port's, nobody counts them.
fn becomes_known(of_request: &Extensions) {
    if let Some(connection) = of_request.get::<TlsConnectInfo<Stranger>>() {
        connection.get_ref().becomes_known();
    }
}

async fn ask<T>(session: &Session, call: impl FnOnce(oneshot::Sender<Result<T, Status>>) -> Call) -> Result<T, Status> {
    let (answer, answered) = oneshot::channel();
    let away = |()| Status::unavailable("the agent is busy with this server; try again");
    session.calls.send(call(answer)).await.map_err(|_| away(()))?;
    match tokio::time::timeout(WORKER_DEADLINE, answered).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => Err(away(())),
        Err(_) => Err(Status::unavailable("the agent took too long; try again")),
    }
}

#[tonic::async_trait]
impl Ramdisk for Door {
    type ReadChunksStream = Streaming<Chunk>;

    async fn enlist(&self, request: Request<EnlistRequest>) -> Result<Response<EnlistReply>, Status> {
        let (_, extensions, EnlistRequest { boot_token, inventory, uptime_ms }) = request.into_parts();
        let inventory = inventory.ok_or_else(|| Status::invalid_argument("inventory: is required"))?;
        let mut bytes = [0; 32];
        let random = rand::rngs::OsRng.try_fill_bytes(&mut bytes);
        random.map_err(|_| Status::unavailable("the agent has no randomness"))?;
        let session = hex::encode(bytes);
        let ramdisks = self.ramdisks.clone();
        // A task of its own: a caller that hangs up half-way must find the same session when it asks again.
        let enlisting = tokio::spawn(async move { ramdisks.enlist(&boot_token, inventory, uptime_ms, session).await });
        let ended = tokio::time::timeout(WORKER_DEADLINE, enlisting).await;
        let ended = ended.map_err(|_| Status::unavailable("the agent took too long; try again"))?;
        let reply = ended.map_err(|_| Status::unavailable("the agent is stopping"))??;
        becomes_known(&extensions);
        Ok(Response::new(reply))
    }

    async fn read_manifest(&self, request: Request<SessionRequest>) -> Result<Response<ReadManifestReply>, Status> {
        let (Session { server, generation, .. }, _) = self.session(request, |asked| &asked.session)?;
        let wanted = ReadManifestRequest { server_id: server.to_string(), generation };
        self.link.client().read_manifest(wanted).await.map_err(forwarded)
    }

    async fn read_chunks(
        &self,
        request: Request<ReadChunksRequest>,
    ) -> Result<Response<Self::ReadChunksStream>, Status> {
        let (session, ReadChunksRequest { indices, .. }) = self.session(request, |asked| &asked.session)?;
        let Session { server, generation, .. } = session;
        let wanted = LinkChunks { server_id: server.to_string(), generation, indices };
        self.link.client().read_chunks(wanted).await.map_err(forwarded)
    }

    async fn report(&self, request: Request<RamdiskReport>) -> Result<Response<Ack>, Status> {
        let (session, report) = self.session(request, |report| &report.session)?;
        if planted::is(Bug::SessionTold) {
            tracing::debug!(?report, "a ramdisk reports");
        }
        ask(&session, |answer| Call::Report { report, answer }).await?;
        Ok(Response::new(Ack {}))
    }

    async fn hand_over(&self, request: Request<HandOverRequest>) -> Result<Response<HandOverReply>, Status> {
        let (session, HandOverRequest { nonce, .. }) = self.session(request, |asked| &asked.session)?;
        ask(&session, |answer| Call::HandOver { nonce, answer }).await.map(Response::new)
    }

    async fn leave(&self, request: Request<SessionRequest>) -> Result<Response<Ack>, Status> {
        let (session, _) = self.session(request, |asked| &asked.session)?;
        ask(&session, |answer| Call::Leave { answer }).await?;
        Ok(Response::new(Ack {}))
    }
}

/// What the controller answered, for a ramdisk: that the controller is away is no reason to stop.
fn forwarded(status: Status) -> Status {
    match status.code() {
        tonic::Code::Unknown | tonic::Code::Cancelled | tonic::Code::Internal | tonic::Code::Unauthenticated => {
            Status::unavailable(format!("the controller: {}", status.message()))
        }
        _ => status,
    }
}
