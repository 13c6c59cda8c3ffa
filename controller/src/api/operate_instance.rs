//! Operators' calls on one instance: what failed is asked for again, and what is in progress is given up.

use super::{
    error::ApiError,
    instances::{id_of, standing},
    router::AppState,
    schema,
};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde_json::Value;

/// Asks once more for what failed last.
///
/// A deletion, a change of address, or a power action. An installation cannot be: its password was forgotten when it failed, and its
/// tenant reinstalls it with another.
#[utoipa::path(
    post,
    path = "/instances/{id}/retry",
    operation_id = "RetryInstance",
    tag = "Operators",
    params(("id" = String, Path, description = "The instance's")),
    responses((status = 202, description = "Where it stands now", body = schema::instance::InstanceStatus)),
)]
pub(super) async fn retry(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let instance = state.lifecycle.retry(id_of(&id)?).await?;
    Ok((StatusCode::ACCEPTED, standing(&instance)))
}

/// Gives up the operation that is in progress.
///
/// The server is powered off, and when that was read back, the operation has failed with the cause `cancelled`. A power-off and a
/// deletion are not given up.
#[utoipa::path(
    post,
    path = "/instances/{id}/cancel",
    operation_id = "CancelInstance",
    tag = "Operators",
    params(("id" = String, Path, description = "The instance's")),
    responses((status = 202, description = "Where it stands now", body = schema::instance::InstanceStatus)),
)]
pub(super) async fn cancel(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let instance = state.lifecycle.cancel(id_of(&id)?).await?;
    Ok((StatusCode::ACCEPTED, standing(&instance)))
}
