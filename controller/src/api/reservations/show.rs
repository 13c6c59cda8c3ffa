//! `GET /privateips/{id}`.

use super::{find, shown};
use crate::api::{error::ApiError, router::AppState, schema};
use axum::{
    Extension, Json,
    extract::{Path, State},
};
use billet_proto::ProjectId;
use serde_json::{Value, json};

/// Shows one address that the project holds.
#[utoipa::path(
    get,
    path = "/privateips/{id}",
    operation_id = "ShowPrivateip",
    tag = "Networks",
    params(("id" = String, Path, description = "Its id")),
    responses((status = 200, description = "The address", body = schema::address::OnePrivateIp)),
)]
pub(in crate::api) async fn show(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let held = state.store.run(move |tx| find(tx, &project, &id)).await?;
    Ok(Json(json!({ "privateip": shown(&held) })))
}
