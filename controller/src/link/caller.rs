//! Which agent calls: by its certificate, and by nothing else.

use super::renewal::{seen, unknown};
use crate::{
    ca::{Ca, sha256_of_der},
    store::{Handle, StoreError, record::Agent},
};
use rustls::pki_types::CertificateDer;
use tonic::{Request, Status};

/// The certificate that the connection was made with.
pub(super) fn certificate_of<T>(request: &Request<T>) -> Result<CertificateDer<'static>, Status> {
    let certificates = request.peer_certs();
    let leaf = certificates.as_deref().and_then(|certificates| certificates.first()).cloned();
    leaf.ok_or_else(|| Status::unauthenticated("this call needs an agent's certificate"))
}

/// The agent whose certificate the connection was made with. Its next certificate takes the present one's place by being
/// called with.
pub(super) async fn agent_of<T>(store: &Handle, ca: &Ca, request: &Request<T>) -> Result<Agent, Status> {
    let certificate = certificate_of(request)?;
    // The connection may be older than what is trusted now.
    if !ca.trusts(&certificate) {
        return Err(Status::unauthenticated("the certificate is of an authority that is not trusted any more"));
    }
    let fingerprint = sha256_of_der(&certificate);
    let agent = store.read(move |tx| tx.agent_by_certificate(&fingerprint)).await;
    let agent = agent.map_err(|error| unavailable(&error))?.filter(counts).ok_or_else(unknown)?;
    if agent.certificate_sha256 == fingerprint {
        return Ok(agent);
    }
    let agent = store.run(move |tx| {
        // As it is now: another call may have come before.
        let Some(agent) = tx.agent_by_certificate(&fingerprint)?.filter(counts) else { return Ok(None) };
        let agent = seen(agent, fingerprint);
        tx.update_agent(&agent)?;
        Ok::<_, StoreError>(Some(agent))
    });
    let agent = agent.await.map_err(|error| unavailable(&error))?.ok_or_else(unknown)?;
    tracing::info!(agent = %agent.id, name = agent.name, "an agent calls with its renewed certificate");
    Ok(agent)
}

fn counts(agent: &Agent) -> bool {
    agent.revoked_at.is_none()
}

/// The store failed: the caller may try again; the details stay in our log.
pub(super) fn unavailable(error: &(dyn std::error::Error + 'static)) -> Status {
    tracing::error!(error, "a call of an agent failed");
    Status::unavailable("the controller cannot use its store now")
}
