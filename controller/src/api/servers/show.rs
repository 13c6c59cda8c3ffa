//! `GET /physicalservers/{id}`.

use super::{find, of, shown};
use crate::{
    api::{error::ApiError, router::AppState, schema},
    auth::Caller,
};
use axum::{
    Extension, Json,
    extract::{Path, State},
};
use billet_proto::ProjectId;
use serde_json::Value;

/// Shows one server.
#[utoipa::path(
    get,
    path = "/physicalservers/{id}",
    operation_id = "ShowServer",
    tag = "Physical servers",
    params(("id" = String, Path, description = "The server's")),
    responses((status = 200, description = "As it was seen last", body = schema::server::Server)),
)]
pub(in crate::api) async fn show(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Extension(caller): Extension<Caller>,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let project = of(&caller, project);
    let to = project.clone();
    let listed = state.store.view(move |tx| find(tx, project.as_ref(), &id)).await?;
    Ok(Json(shown(&state, &listed, to.as_ref())))
}
