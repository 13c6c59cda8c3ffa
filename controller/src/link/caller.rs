//! Which agent calls: by its certificate, and by nothing else.

use crate::{
    ca::sha256_of_der,
    store::{Handle, record::Agent},
};
use tonic::{Request, Status};

/// The agent whose certificate the connection was made with.
pub(super) async fn agent_of<T>(store: &Handle, request: &Request<T>) -> Result<Agent, Status> {
    let certificates = request.peer_certs();
    let leaf = certificates.as_deref().and_then(|certificates| certificates.first());
    let leaf = leaf.ok_or_else(|| Status::unauthenticated("this call needs an agent's certificate"))?;
    let fingerprint = sha256_of_der(leaf);
    let agent = store.read(move |tx| tx.agent_by_certificate(&fingerprint)).await;
    let agent = agent.map_err(|error| unavailable(&error))?;
    agent.ok_or_else(|| Status::unauthenticated("the certificate is of no enrolled agent"))
}

/// The store failed: the caller may try again; the details stay in our log.
pub(super) fn unavailable(error: &(dyn std::error::Error + 'static)) -> Status {
    tracing::error!(error, "a call of an agent failed");
    Status::unavailable("the controller cannot use its store now")
}
