//! `PUT /instances/{id}/ip`.

use crate::{
    api::{error::ApiError, router::AppState, schema},
    request::ModifyIp,
};
use axum::{
    Extension,
    body::Bytes,
    extract::{Path, State, rejection::BytesRejection},
    http::StatusCode,
};
use billet_proto::{InstanceId, ProjectId};

/// Gives an instance other addresses.
///
/// They are reserved beside those that it has, which are free again when the system answers at the new ones.
#[utoipa::path(
    put,
    path = "/instances/{id}/ip",
    operation_id = "ModifyInstanceIp",
    tag = "Instances",
    params(("id" = String, Path, description = "The instance's")),
    request_body = schema::instance::ModifyIp,
    responses((status = 202, description = "Accepted, and on disk")),
)]
pub(in crate::api) async fn modify(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Path((_, id)): Path<(String, String)>,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, ApiError> {
    let body = body.map_err(|error| ApiError::Body(error.body_text()))?;
    let request = ModifyIp::parse(&body)?;
    let missing = |_| ApiError::NotFound { what: "instances", id: id.chars().take(64).collect() };
    let id: InstanceId = id.parse().map_err(missing)?;
    state.lifecycle.modify_ip(project, id, request).await?;
    Ok(StatusCode::ACCEPTED)
}
