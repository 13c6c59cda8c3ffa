//! The calls of enrolled agents: each finds out who calls, then hands over.

use super::{
    attach,
    caller::{agent_of, certificate_of},
    images::Reader,
    renewal::Renewals,
    revocation::{Messages, Revocation},
    sessions::Sessions,
};
use crate::{ca::Ca, lifecycle::Lifecycle, store::Handle};
use billet_proto::link::{
    AgentMessage, Chunk, ControllerMessage, ReadChunksRequest, ReadManifestReply, ReadManifestRequest, RenewReply,
    RenewRequest, Welcome, link_server::Link,
};
use futures_util::{Stream, StreamExt as _};
use std::{pin::Pin, sync::Arc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

/// As many chunks as one call may ask for.
const MAX_INDICES: usize = crate::images::MAX_INDICES;

/// Answers enrolled agents.
pub(super) struct Agents {
    pub(super) store: Handle,
    pub(super) lifecycle: Lifecycle,
    pub(super) sessions: Sessions,
    pub(super) images: Reader,
    pub(super) renewals: Renewals,
    pub(super) ca: Arc<Ca>,
}

#[tonic::async_trait]
impl Link for Agents {
    type AttachStream = Pin<Box<dyn Stream<Item = Result<ControllerMessage, Status>> + Send>>;
    type ReadChunksStream = Messages<Chunk>;

    async fn attach(&self, request: Request<Streaming<AgentMessage>>) -> Result<Response<Self::AttachStream>, Status> {
        let revocations = self.sessions.revocations();
        let agent = agent_of(&self.store, &self.ca, &request).await?;
        let revocation = Revocation::of(&agent, &self.store, revocations);
        let (lifecycle, sessions) = (self.lifecycle.clone(), self.sessions.clone());
        let renew = !self.ca.issued(&certificate_of(&request)?);
        let welcome = Welcome { ca_pem: self.ca.trusted_pem(), renew, ..Welcome::default() };
        let said = request.into_inner();
        let messages = attach::open(lifecycle, sessions, (agent.id, revocation), welcome, said).await?;
        Ok(Response::new(Box::pin(ReceiverStream::new(messages).map(|message| Ok(*message)))))
    }

    async fn read_manifest(
        &self,
        request: Request<ReadManifestRequest>,
    ) -> Result<Response<ReadManifestReply>, Status> {
        let agent = agent_of(&self.store, &self.ca, &request).await?;
        let ReadManifestRequest { server_id, generation } = request.into_inner();
        let manifest = self.images.manifest(agent.id, server_id, generation).await?;
        Ok(Response::new(ReadManifestReply { manifest }))
    }

    async fn read_chunks(
        &self,
        request: Request<ReadChunksRequest>,
    ) -> Result<Response<Self::ReadChunksStream>, Status> {
        let revocations = self.sessions.revocations();
        let agent = agent_of(&self.store, &self.ca, &request).await?;
        let ReadChunksRequest { server_id, generation, indices } = request.into_inner();
        if indices.len() > MAX_INDICES {
            let given = indices.len();
            return Err(Status::invalid_argument(format!("indices: at most {MAX_INDICES}, not {given}")));
        }
        let chunks = self.images.chunks(agent.id, server_id, generation, indices).await?;
        Ok(Response::new(Revocation::of(&agent, &self.store, revocations).ends(chunks)))
    }

    async fn renew(&self, request: Request<RenewRequest>) -> Result<Response<RenewReply>, Status> {
        let agent = agent_of(&self.store, &self.ca, &request).await?;
        Ok(Response::new(self.renewals.renew(&agent, request).await?))
    }
}
