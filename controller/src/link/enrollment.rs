//! How an agent gets its certificate, by a join token.

use super::{caller::unavailable, join_token::digest};
use crate::{
    ca::{AgentCertificate, Ca, CaError},
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
    Request(CaError),
    Refused(&'static str),
}

impl From<CaError> for JoinError {
    fn from(error: CaError) -> Self {
        Self::Request(error)
    }
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
        let wanted =
            Wanted { secret: digest(&secret), csr_pem, id: AgentId::new(self.edge.id()), now: self.edge.now() };
        let ca = self.ca.clone();
        let joined = self
            .store
            .run(move |tx| {
                // Signed in the transaction: a bad request costs no token, and an agent that joins anew is who it was.
                let (agent, signed) = admit(tx, &ca, &wanted)?;
                tx.insert_audited(&certified(&agent, "Enrollment/Join", wanted.now, peer))?;
                Ok((agent, signed))
            })
            .await;
        match joined {
            Ok((Agent { id, name, .. }, signed)) => {
                tracing::info!(agent = %id, name, "an agent joined");
                let ca_pem = self.ca.trusted_pem();
                Ok(Response::new(JoinReply {
                    certificate_pem: signed.certificate_pem,
                    ca_pem,
                    agent_id: id.to_string(),
                }))
            }
            Err(JoinError::Refused(why)) => {
                tracing::warn!(why, "a caller may not join");
                Err(Status::permission_denied(why))
            }
            Err(JoinError::Request(error)) => {
                Err(Status::invalid_argument(format!("the certificate request: {error}")))
            }
            Err(JoinError::Store(error)) => Err(unavailable(&error)),
        }
    }
}

/// What a caller without a certificate brings, and what it would be given.
struct Wanted {
    secret: [u8; 32],
    csr_pem: String,
    id: AgentId,
    now: Timestamp,
}

/// Lets in who has a token: as a new agent, or as the one of that name whose certificates were revoked.
fn admit(tx: &mut dyn Transaction, ca: &Ca, wanted: &Wanted) -> Result<(Agent, AgentCertificate), JoinError> {
    let known = tx.agents()?;
    if let Some(agent) = known.iter().find(|agent| agent.join_secret_sha256 == wanted.secret) {
        return certify_again(tx, ca, agent.clone(), wanted);
    }
    let token = tx.take_join_token(&wanted.secret)?.ok_or(JoinError::Refused("the token is unknown or spent"))?;
    if token.expires_at < wanted.now {
        return Err(JoinError::Refused("the token is too old"));
    }
    let known = known.into_iter().find(|agent| agent.name == token.agent_name);
    if known.as_ref().is_some_and(|agent| agent.revoked_at.is_none()) {
        return Err(JoinError::Refused("an agent of that name is enrolled"));
    }
    let id = known.as_ref().map_or(wanted.id, |agent| agent.id);
    let signed = ca.sign_agent(&wanted.csr_pem, id)?;
    if known.as_ref().is_some_and(|agent| has_had(agent, signed.key_sha256)) {
        return Err(JoinError::Refused("the key was revoked; remove the agent's agent.key"));
    }
    let agent = Agent {
        id,
        name: token.agent_name,
        certificate_sha256: signed.sha256,
        key_sha256: signed.key_sha256,
        join_secret_sha256: wanted.secret,
        epoch: 0,
        joined_at: wanted.now,
        next: None,
        revoked_at: None,
    };
    if known.is_some() {
        tx.update_agent(&agent)?;
    } else {
        tx.insert_agent(&agent)?;
    }
    Ok((agent, signed))
}

fn has_had(agent: &Agent, key_sha256: [u8; 32]) -> bool {
    agent.key_sha256 == key_sha256 || agent.next.is_some_and(|next| next.key_sha256 == key_sha256)
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
    ca: &Ca,
    mut agent: Agent,
    wanted: &Wanted,
) -> Result<(Agent, AgentCertificate), JoinError> {
    let signed = ca.sign_agent(&wanted.csr_pem, agent.id)?;
    let late = agent.epoch != 0 || agent.revoked_at.is_some() || wanted.now.since(agent.joined_at) > JOIN_AGAIN;
    if late || agent.key_sha256 != signed.key_sha256 {
        return Err(JoinError::Refused("the token is unknown or spent"));
    }
    agent.certificate_sha256 = signed.sha256;
    tx.update_agent(&agent)?;
    Ok((agent, signed))
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
