//! `GET /images/{id}`.

use super::find;
use crate::api::{error::ApiError, router::AppState};
use axum::{
    Extension, Json,
    extract::{Path, State},
};
use billet_proto::ProjectId;
use serde_json::{Value, json};

/// Shows one image: 200 with `image`. Its status is `active`; one that is being fetched is `queued` or `saving`, and one
/// that could not be is `killed`, with the reason.
pub(in crate::api) async fn show(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let found = state.store.run(move |tx| find(tx, &project, &id)).await?;
    Ok(Json(json!({ "image": found.shown() })))
}
