//! How an agent gets its certificate, by a join token.

use super::{caller::unavailable, join_token::digest};
use crate::{
    ca::Ca,
    clock::Edge,
    store::{Handle, StoreError, record::Agent},
};
use billet_proto::{
    AgentId,
    link::{JoinReply, JoinRequest, enrollment_server::Enrollment},
};
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// No request of ours is longer.
const MAX_CSR_BYTES: usize = 16 << 10;

/// Answers `Join`.
pub(super) struct Door {
    pub(super) store: Handle,
    pub(super) edge: Edge,
    pub(super) ca: Arc<Ca>,
}

enum JoinError {
    Store(StoreError),
    Refused(&'static str),
}

impl From<StoreError> for JoinError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

#[tonic::async_trait]
impl Enrollment for Door {
    async fn join(&self, request: Request<JoinRequest>) -> Result<Response<JoinReply>, Status> {
        let JoinRequest { secret, csr_pem } = request.into_inner();
        if csr_pem.len() > MAX_CSR_BYTES || secret.len() > 256 {
            return Err(Status::invalid_argument("the request is too long"));
        }
        let agent_id = AgentId::new(self.edge.id());
        let signed = self.ca.sign_agent(&csr_pem, agent_id);
        // Signed before the token is spent, and answered only after it is: a bad request costs no token.
        let signed = signed.map_err(|error| Status::invalid_argument(format!("the certificate request: {error}")))?;
        let (now, certificate_sha256) = (self.edge.now(), signed.sha256);
        let joined = self
            .store
            .run(move |tx| {
                let token =
                    tx.take_join_token(&digest(&secret))?.ok_or(JoinError::Refused("the token is unknown or spent"))?;
                if token.expires_at < now {
                    return Err(JoinError::Refused("the token is too old"));
                }
                let name = token.agent_name;
                if tx.agent_by_name(&name)?.is_some() {
                    return Err(JoinError::Refused("an agent of that name is enrolled"));
                }
                tx.insert_agent(&Agent {
                    id: agent_id,
                    name: name.clone(),
                    certificate_sha256,
                    epoch: 0,
                    joined_at: now,
                })?;
                Ok(name)
            })
            .await;
        match joined {
            Ok(name) => {
                tracing::info!(agent = %agent_id, name, "an agent joined");
                let ca_pem = self.ca.certificate_pem().to_owned();
                Ok(Response::new(JoinReply {
                    certificate_pem: signed.certificate_pem,
                    ca_pem,
                    agent_id: agent_id.to_string(),
                }))
            }
            Err(JoinError::Refused(why)) => {
                tracing::warn!(why, "a caller may not join");
                Err(Status::permission_denied(why))
            }
            Err(JoinError::Store(error)) => Err(unavailable(&error)),
        }
    }
}
