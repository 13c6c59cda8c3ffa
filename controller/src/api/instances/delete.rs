//! `DELETE /instances/{id}`.

use crate::api::{error::ApiError, router::AppState};
use axum::{
    Extension,
    extract::{Path, State},
    http::StatusCode,
};
use billet_proto::{InstanceId, ProjectId};

/// Deletes an instance: its server is powered off and released.
///
/// Asking again while it is shutting down is no error.
#[utoipa::path(
    delete,
    path = "/instances/{id}",
    operation_id = "DeleteInstance",
    tag = "Instances",
    params(("id" = String, Path, description = "The instance's")),
    responses((status = 204, description = "The wish is on record")),
)]
pub(in crate::api) async fn delete(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Path((_, id)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let id: InstanceId =
        id.parse().map_err(|_| ApiError::NotFound { what: "instances", id: id.chars().take(64).collect() })?;
    state.lifecycle.delete(Some(project), id).await?;
    Ok(StatusCode::NO_CONTENT)
}
