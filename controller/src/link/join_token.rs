//! Join tokens: made for an operator, known afterwards only by their digests.

use crate::{
    api::ports::{BoxFuture, Enrolment},
    ca::Ca,
    clock::{Edge, Timestamp},
    lifecycle::refusal::Refusal,
    store::{
        Handle,
        record::{Agent, JoinToken},
    },
};
use sha2::{Digest, Sha256};
use std::{sync::Arc, time::Duration};

/// How long a token is good for.
const LIFETIME: Duration = Duration::from_secs(60 * 60);

/// Makes join tokens.
#[derive(Clone)]
pub struct JoinTokens {
    store: Handle,
    edge: Edge,
    ca: Arc<Ca>,
}

impl JoinTokens {
    /// Tokens that make agents trust `ca`.
    pub fn new(store: Handle, edge: Edge, ca: Arc<Ca>) -> Self {
        Self { store, edge, ca }
    }
}

/// The digest under which a token's secret is known.
pub(super) fn digest(secret: &[u8]) -> [u8; 32] {
    Sha256::digest(secret).into()
}

impl Enrolment for JoinTokens {
    fn new_join_token(&self, agent_name: String) -> BoxFuture<'_, Result<(String, Timestamp), Refusal>> {
        Box::pin(async move {
            let secret = self.edge.secret();
            let expires_at = self.edge.now().after(LIFETIME);
            let row =
                JoinToken { secret_sha256: digest(secret.as_bytes()), agent_name: agent_name.clone(), expires_at };
            self.store
                .run(move |tx| {
                    // One whose certificates were revoked comes back under its name.
                    if tx.agent_by_name(&row.agent_name)?.is_some_and(|agent| agent.revoked_at.is_none()) {
                        return Err(Refusal::invalid("agent_name", "must be no enrolled agent's", &row.agent_name));
                    }
                    Ok(tx.insert_join_token(&row)?)
                })
                .await?;
            let ca_pem = self.ca.trusted_pem();
            let token = billet_proto::join::JoinToken { ca_pem, secret, name: agent_name };
            Ok((token.encode(), expires_at))
        })
    }

    fn agents(&self) -> BoxFuture<'_, Result<Vec<Agent>, Refusal>> {
        Box::pin(async move { Ok(self.store.read(|tx| tx.agents()).await?) })
    }
}

impl std::fmt::Debug for JoinTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JoinTokens")
    }
}
