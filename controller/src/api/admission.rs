//! What let a call in, to be asked again where its answer goes on for long.

use super::{access::Rule, error::ApiError, guard, router::AppState};
use crate::auth::Credential;
use billet_proto::ProjectId;
use std::sync::Arc;

/// Of one call.
#[derive(Debug, Clone)]
pub(super) struct Admission {
    pub(super) credential: Credential,
    /// The caller's name.
    pub(super) caller: Arc<str>,
    pub(super) rule: Rule,
}

impl Admission {
    /// Whether the same call would be let in now, but for its rate.
    ///
    /// # Errors
    /// What it would be answered.
    pub(super) async fn holds(&self, state: &AppState, project: &ProjectId) -> Result<(), ApiError> {
        let caller = self.credential.caller(&state.auth, state.edge.now()).await;
        let caller = caller.map_err(|denied| guard::told(state, denied))?;
        match self.rule.refuses(&caller, Some(project)) {
            Some(why) => Err(ApiError::Forbidden(why)),
            None => Ok(()),
        }
    }
}
