//! Who calls, whether they may, and not too often: before anything of the request is read.

use super::{error::ApiError, router::AppState};
use crate::auth::{Caller, Role};
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use billet_proto::ProjectId;

/// Lets a call through with its [`Caller`], and its [`ProjectId`] where the path has one.
pub(super) async fn admit(
    State(state): State<AppState>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let token = request.headers().get("x-auth-token").and_then(|value| value.to_str().ok());
    let Some(caller) = token.and_then(|token| state.tokens.get().check(token)) else {
        state.rates.of_unknown().map_err(|retry_after| ApiError::TooMany { retry_after })?;
        return Err(ApiError::Unauthorized);
    };
    state.rates.of_token(&caller.name).map_err(|retry_after| ApiError::TooMany { retry_after })?;
    if let Some(project) = project_of(request.uri().path(), &caller)? {
        request.extensions_mut().insert(project);
    }
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

/// The path's project, if the caller may act in it; administrators alone have paths without one.
fn project_of(path: &str, caller: &Caller) -> Result<Option<ProjectId>, ApiError> {
    let mut parts = path.split('/').skip(1);
    match (parts.next(), parts.next()) {
        (Some("v1" | "v3"), Some(project)) => {
            let forbidden = ApiError::Forbidden("the token is of another project than the path");
            let project: ProjectId = project.parse().map_err(|_| ApiError::NoSuchPath)?;
            if caller.may_act_in(&project) { Ok(Some(project)) } else { Err(forbidden) }
        }
        (Some("admin"), _) if caller.role != Role::Admin => Err(ApiError::Forbidden("this is for administrators")),
        _ => Ok(None),
    }
}
