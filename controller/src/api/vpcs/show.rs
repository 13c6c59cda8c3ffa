//! `GET /vpcs/{id}`.

use super::{find, shown};
use crate::api::{error::ApiError, router::AppState, schema};
use axum::{
    Extension, Json,
    extract::{Path, State},
};
use billet_proto::ProjectId;
use serde_json::{Value, json};

/// Shows one VPC.
#[utoipa::path(
    get,
    path = "/vpcs/{id}",
    operation_id = "ShowVpc",
    tag = "Networks",
    params(("id" = String, Path, description = "Its id")),
    responses((status = 200, description = "The VPC", body = schema::network::OneVpc)),
)]
pub(in crate::api) async fn show(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let vpc = state.store.run(move |tx| find(tx, &project, &id)).await?;
    Ok(Json(json!({ "vpc": shown(&vpc) })))
}
