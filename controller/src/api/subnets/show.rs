//! `GET` of one.

use super::{Wrapper, find, shown};
use crate::api::{error::ApiError, router::AppState, schema};
use axum::{
    Extension, Json,
    extract::{Path, State},
};
use billet_proto::ProjectId;
use serde_json::{Value, json};

/// Shows one subnet.
#[utoipa::path(
    get,
    path = "/subnets/{id}",
    operation_id = "ShowSubnet",
    tag = "Networks",
    params(("id" = String, Path, description = "Its id")),
    responses((status = 200, description = "The subnet", body = schema::network::OneSubnet)),
)]
pub(in crate::api) async fn show(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Extension(wrapper): Extension<Wrapper>,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let subnet = state.store.run(move |tx| find(tx, &project, &id)).await?;
    Ok(Json(json!({ wrapper.one: shown(&subnet) })))
}
