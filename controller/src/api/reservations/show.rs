//! `GET /privateips/{id}`.

use super::{find, shown};
use crate::api::{error::ApiError, router::AppState};
use axum::{
    Extension, Json,
    extract::{Path, State},
};
use billet_proto::ProjectId;
use serde_json::{Value, json};

/// One address that the project holds: 200 with `privateip`.
pub(in crate::api) async fn show(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let held = state.store.run(move |tx| find(tx, &project, &id)).await?;
    Ok(Json(json!({ "privateip": shown(&held) })))
}
