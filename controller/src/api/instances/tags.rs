//! `POST /instances/{id}/tags/create` and `…/delete`, as the family has them for servers.

use super::id_of;
use crate::{
    api::{error::ApiError, router::AppState, schema},
    request::TagChange,
};
use axum::{
    Extension,
    body::Bytes,
    extract::rejection::BytesRejection,
    extract::{Path, State},
    http::StatusCode,
};
use billet_proto::ProjectId;

/// Puts tags on an instance, or gives those that are there another value.
///
/// An instance has at most 20.
#[utoipa::path(
    post,
    path = "/instances/{id}/tags/create",
    operation_id = "CreateInstanceTags",
    tag = "Instances",
    params(("id" = String, Path, description = "The instance's")),
    request_body = schema::instance::Tags,
    responses((status = 204, description = "They are on it")),
)]
pub(in crate::api) async fn create(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Path((_, id)): Path<(String, String)>,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, ApiError> {
    let body = body.map_err(|error| ApiError::Body(error.body_text()))?;
    state.lifecycle.change_tags(project, id_of(&id)?, TagChange::parse_put(&body)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes tags off an instance, whatever their values; those that are not on it are no error.
#[utoipa::path(
    post,
    path = "/instances/{id}/tags/delete",
    operation_id = "DeleteInstanceTags",
    tag = "Instances",
    params(("id" = String, Path, description = "The instance's")),
    request_body = schema::instance::Tags,
    responses((status = 204, description = "They are off")),
)]
pub(in crate::api) async fn delete(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Path((_, id)): Path<(String, String)>,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, ApiError> {
    let body = body.map_err(|error| ApiError::Body(error.body_text()))?;
    state.lifecycle.change_tags(project, id_of(&id)?, TagChange::parse_remove(&body)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
