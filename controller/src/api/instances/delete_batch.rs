//! `POST /instances/batch-delete`.

use super::ids;
use crate::{
    api::{error::ApiError, router::AppState, schema},
    request::DeleteBatch,
};
use axum::{Extension, Json, body::Bytes, extract::State, extract::rejection::BytesRejection, http::StatusCode};
use billet_proto::ProjectId;
use serde_json::Value;

/// Deletes several instances: all of them, or none.
///
/// Those that are shutting down already stay so.
#[utoipa::path(
    post,
    path = "/instances/batch-delete",
    operation_id = "DeleteInstances",
    tag = "Instances",
    request_body = schema::instance::InstanceIdSet,
    responses((status = 202, description = "The wish is on record", body = schema::instance::InstanceIds)),
)]
pub(in crate::api) async fn delete(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let body = body.map_err(|error| ApiError::Body(error.body_text()))?;
    let DeleteBatch { instance_ids } = DeleteBatch::parse(&body)?;
    state.lifecycle.delete_batch(project, instance_ids.clone()).await?;
    Ok((StatusCode::ACCEPTED, ids(&instance_ids)))
}
