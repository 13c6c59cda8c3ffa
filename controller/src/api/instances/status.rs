//! `GET /instances/{id}/status`.

use super::{find, standing};
use crate::api::{error::ApiError, router::AppState, schema};
use axum::{
    Extension, Json,
    extract::{Path, State},
};
use billet_proto::ProjectId;
use serde_json::Value;

/// Tells where an instance stands.
#[utoipa::path(
    get,
    path = "/instances/{id}/status",
    operation_id = "ShowInstanceStatus",
    tag = "Instances",
    params(("id" = String, Path, description = "The instance's")),
    responses((status = 200, description = "Where it stands", body = schema::instance::InstanceStatus)),
)]
pub(in crate::api) async fn status(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let instance = state.store.view(move |tx| find(tx, &project, &id)).await?;
    Ok(standing(&instance))
}
