//! How an agent's certificate is replaced by another, by the link that the present one opened.
//!
//! Invariants: the next certificate is on record before it is sent, and the present one counts until the next was called
//! with; whatever is lost between the two, the agent has one that counts. There is one next at most: asking again
//! replaces it.

use super::{
    caller::{certificate_of, unavailable},
    enrollment::certified,
};
use crate::{
    ca::{Ca, sha256_of_der},
    clock::Edge,
    store::{
        Handle, StoreError, Transaction,
        record::{Agent, NextCertificate},
    },
};
use billet_proto::link::{RenewReply, RenewRequest};
use std::{sync::Arc, time::Duration};
use tonic::{Request, Status};

/// An agent waits longer before it asks again: each certificate is a line of the audit log, which is not the agents' to
/// fill.
const PAUSE: Duration = Duration::from_secs(10);

/// Answers `Renew`.
pub(super) struct Renewals {
    pub(super) store: Handle,
    pub(super) edge: Edge,
    pub(super) ca: Arc<Ca>,
}

enum RenewError {
    Store(StoreError),
    Refused(Status),
}

impl From<StoreError> for RenewError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Renewals {
    /// Gives `agent`, whose call this is, another certificate.
    pub(super) async fn renew(&self, agent: &Agent, request: Request<RenewRequest>) -> Result<RenewReply, Status> {
        let called_with = sha256_of_der(certificate_of(&request)?.as_ref());
        let peer = request.remote_addr().map(|peer| peer.to_string()).unwrap_or_default();
        let (id, now) = (agent.id, self.edge.now());
        let signed = self.ca.sign_agent(&request.into_inner().csr_pem, id);
        let signed = signed.map_err(|error| Status::invalid_argument(format!("the certificate request: {error}")))?;
        let next = NextCertificate { certificate_sha256: signed.sha256, key_sha256: signed.key_sha256, issued_at: now };
        let kept = self.store.run(move |tx| {
            // As it is now: it was read in another transaction.
            let agent =
                tx.agent(id)?.filter(|agent| agent.certificate_sha256 == called_with && agent.revoked_at.is_none());
            let agent = agent.ok_or_else(|| RenewError::Refused(unknown()))?;
            let agent = promise(tx, agent, next)?;
            tx.insert_audited(&certified(&agent, "Link/Renew", now, peer))?;
            Ok(agent.name)
        });
        match kept.await {
            Ok(name) => {
                tracing::info!(agent = %id, name, "an agent renews its certificate");
                let ca_pem = self.ca.trusted_pem();
                Ok(RenewReply { certificate_pem: signed.certificate_pem, ca_pem })
            }
            Err(RenewError::Refused(status)) => Err(status),
            Err(RenewError::Store(error)) => Err(unavailable(&error)),
        }
    }
}

/// The next certificate stands beside the present one.
fn promise(tx: &mut dyn Transaction, mut agent: Agent, next: NextCertificate) -> Result<Agent, RenewError> {
    if agent.key_sha256 == next.key_sha256 {
        return Err(RenewError::Refused(Status::invalid_argument("a certificate is renewed for another key")));
    }
    if agent.next.is_some_and(|last| next.issued_at.since(last.issued_at) < PAUSE) {
        return Err(RenewError::Refused(Status::resource_exhausted("a certificate was given out a moment ago")));
    }
    agent.next = Some(next);
    tx.update_agent(&agent)?;
    Ok(agent)
}

/// The agent called with `fingerprint`: where that is the next certificate, the one before counts no more.
pub(super) fn seen(mut agent: Agent, fingerprint: [u8; 32]) -> Agent {
    if let Some(next) = agent.next.take_if(|next| next.certificate_sha256 == fingerprint) {
        agent.certificate_sha256 = next.certificate_sha256;
        agent.key_sha256 = next.key_sha256;
    }
    agent
}

/// Whoever calls has a certificate that counts for nothing.
pub(super) fn unknown() -> Status {
    Status::unauthenticated("the certificate is of no enrolled agent")
}
