//! How an agent gets its certificate, by a join token.

use super::{caller::unavailable, join_token::digest};
use crate::{
    ca::Ca,
    clock::{Edge, Timestamp},
    store::{Handle, StoreError, Transaction, access::Audited, record::Agent},
};
use billet_proto::{
    AgentId,
    link::{JoinReply, JoinRequest, enrollment_server::Enrollment},
};
use std::{sync::Arc, time::Duration};
use tonic::{Request, Response, Status};

/// No request of ours is longer.
const MAX_CSR_BYTES: usize = 16 << 10;
/// How long after joining an agent may ask again, as long as a token is good.
const JOIN_AGAIN: Duration = Duration::from_secs(60 * 60);

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
        let peer = request.remote_addr().map(|peer| peer.to_string()).unwrap_or_default();
        let JoinRequest { secret, csr_pem } = request.into_inner();
        if csr_pem.len() > MAX_CSR_BYTES || secret.len() > 256 {
            return Err(Status::invalid_argument("the request is too long"));
        }
        let secret = digest(&secret);
        let known = self.store.read(move |tx| tx.agents()).await.map_err(|error| unavailable(&error))?;
        let again = known.into_iter().find(|agent| agent.join_secret_sha256 == secret);
        let agent_id = again.as_ref().map_or_else(|| AgentId::new(self.edge.id()), |agent| agent.id);
        let signed = self.ca.sign_agent(&csr_pem, agent_id);
        // Signed before the token is spent, and answered only after it is: a bad request costs no token.
        let signed = signed.map_err(|error| Status::invalid_argument(format!("the certificate request: {error}")))?;
        let (now, certificate_sha256, key_sha256) = (self.edge.now(), signed.sha256, signed.key_sha256);
        let joined = self
            .store
            .run(move |tx| {
                if let Some(mut agent) = again {
                    certify_again(tx, &mut agent, now, (certificate_sha256, key_sha256))?;
                    tx.insert_audited(&certified(&agent, "Enrollment/Join", now, peer))?;
                    return Ok(agent.name);
                }
                let token = tx.take_join_token(&secret)?.ok_or(JoinError::Refused("the token is unknown or spent"))?;
                if token.expires_at < now {
                    return Err(JoinError::Refused("the token is too old"));
                }
                let name = token.agent_name;
                if tx.agent_by_name(&name)?.is_some() {
                    return Err(JoinError::Refused("an agent of that name is enrolled"));
                }
                let agent = Agent {
                    id: agent_id,
                    name,
                    certificate_sha256,
                    key_sha256,
                    join_secret_sha256: secret,
                    epoch: 0,
                    joined_at: now,
                    next: None,
                    revoked_at: None,
                };
                tx.insert_agent(&agent)?;
                tx.insert_audited(&certified(&agent, "Enrollment/Join", now, peer))?;
                Ok(agent.name)
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

/// The audit log's line of a certificate that is given out, in the transaction that does so: it is a credential. Who is
/// refused is nobody that is known, and could fill the log: that is in the daemon's log alone.
pub(super) fn certified(agent: &Agent, action: &str, now: Timestamp, peer: String) -> Audited {
    Audited {
        seq: 0,
        at: now,
        request_id: String::new(),
        caller: format!("agent/{}", agent.name),
        role: "agent".to_owned(),
        project_id: None,
        peer,
        action: action.to_owned(),
        objects: vec![agent.id.to_string(), agent.name.clone()],
        status: 200,
        code: String::new(),
    }
}

/// The answer did not arrive: whoever has the same token and key gets another, until the agent attached for the first time.
fn certify_again(
    tx: &mut dyn Transaction,
    agent: &mut Agent,
    now: Timestamp,
    (certificate_sha256, key_sha256): ([u8; 32], [u8; 32]),
) -> Result<(), JoinError> {
    // As it is now: it was read in another transaction.
    *agent = tx.agent(agent.id)?.ok_or(JoinError::Refused("the token is unknown or spent"))?;
    if agent.key_sha256 != key_sha256 || agent.epoch != 0 || now.since(agent.joined_at) > JOIN_AGAIN {
        return Err(JoinError::Refused("the token is unknown or spent"));
    }
    agent.certificate_sha256 = certificate_sha256;
    Ok(tx.update_agent(agent)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api::ports::Enrolment as _,
        link::JoinTokens,
        store::{access::AuditWanted, sqlite::SqliteStore},
    };

    fn request(key: &rcgen::KeyPair) -> String {
        let params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.serialize_request(key).unwrap().pem().unwrap()
    }

    #[tokio::test]
    async fn an_answer_that_was_lost_can_be_asked_for_again_by_the_same_key_alone() {
        let dir = tempfile::tempdir().unwrap();
        let edge = Edge::system();
        let ca = Arc::new(Ca::load_or_create(dir.path(), &edge).unwrap());
        let store = Handle::inline(SqliteStore::open_in_memory().unwrap());
        let tokens = JoinTokens::new(store.clone(), edge.clone(), ca.clone());
        let (token, _) = tokens.new_join_token("rack1".into()).await.unwrap();
        let secret = billet_proto::join::JoinToken::decode(&token).unwrap().secret.clone().into_bytes();
        let door = Door { store: store.clone(), edge, ca };
        let key = rcgen::KeyPair::generate().unwrap();
        let join = async |key: &rcgen::KeyPair| {
            let asked = JoinRequest { secret: secret.clone(), csr_pem: request(key) };
            door.join(Request::new(asked))
                .await
                .map(|reply| reply.into_inner().agent_id)
                .map_err(|status| status.code())
        };
        let id = join(&key).await.unwrap();
        assert_eq!(join(&key).await.unwrap(), id, "the same agent, with a new certificate");
        let other = rcgen::KeyPair::generate().unwrap();
        assert_eq!(join(&other).await, Err(tonic::Code::PermissionDenied), "a thief of the token");
        let wanted = AuditWanted { object: Some("rack1".into()), limit: 10, ..AuditWanted::default() };
        let lines = store.read(move |tx| tx.audited(&wanted)).await.unwrap();
        let told: Vec<_> = lines.iter().map(|line| (line.caller.as_str(), line.action.as_str())).collect();
        assert_eq!(told, [("agent/rack1", "Enrollment/Join"); 2], "each certificate is written down, and no refusal");
        assert!(lines.iter().all(|line| line.objects == [id.clone(), "rack1".to_owned()]), "{lines:?}");
        let agents = store.run(|tx| {
            let mut agent = tx.agents()?.remove(0);
            agent.epoch = 1;
            tx.update_agent(&agent)?;
            Ok::<_, StoreError>(tx.agents()?.len())
        });
        assert_eq!(agents.await.unwrap(), 1);
        assert_eq!(join(&key).await, Err(tonic::Code::PermissionDenied), "it attached: its certificate arrived");
    }
}
