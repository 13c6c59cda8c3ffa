//! `POST /physicalservers/{id}/tags/create` and `/delete`.

use super::{missing, of};
use crate::{
    api::{error::ApiError, router::AppState, schema},
    auth::Caller,
    request::TagChange,
};
use axum::{
    Extension,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
};
use billet_proto::{ProjectId, ServerId};

async fn change(
    state: AppState,
    (caller, project): (Caller, ProjectId),
    id: &str,
    change: TagChange,
) -> Result<StatusCode, ApiError> {
    let id: ServerId = id.parse().map_err(|_| missing(id))?;
    state.lifecycle.tag_server(of(&caller, project), id, change).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Puts tags on a server; one of the same key gets the new value.
#[utoipa::path(
    post,
    path = "/physicalservers/{id}/tags/create",
    operation_id = "BatchCreateTags",
    tag = "Physical servers",
    params(("id" = String, Path, description = "The server's")),
    request_body = schema::server::ServerTags,
    responses((status = 204, description = "They are on it")),
)]
pub(in crate::api) async fn create(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Extension(caller): Extension<Caller>,
    Path((_, id)): Path<(String, String)>,
    body: Bytes,
) -> Result<StatusCode, ApiError> {
    change(state, (caller, project), &id, TagChange::parse_put(&body)?).await
}

/// Takes tags off a server; those that are not on it are no error.
#[utoipa::path(
    post,
    path = "/physicalservers/{id}/tags/delete",
    operation_id = "BatchDeleteTags",
    tag = "Physical servers",
    params(("id" = String, Path, description = "The server's")),
    request_body = schema::server::ServerTags,
    responses((status = 204, description = "They are off it")),
)]
pub(in crate::api) async fn delete(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Extension(caller): Extension<Caller>,
    Path((_, id)): Path<(String, String)>,
    body: Bytes,
) -> Result<StatusCode, ApiError> {
    change(state, (caller, project), &id, TagChange::parse_remove(&body)?).await
}
