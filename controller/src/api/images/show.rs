//! `GET /images/{id}`.

use super::find;
use crate::api::{error::ApiError, router::AppState, schema};
use axum::{
    Extension, Json,
    extract::{Path, State},
};
use billet_proto::ProjectId;
use serde_json::{Value, json};

/// Shows one image.
///
/// Its status is `active`; one that is being fetched is `queued` or `saving`, and one that could not be is `killed`, with the reason.
#[utoipa::path(
    get,
    path = "/images/{id}",
    operation_id = "ShowImage",
    tag = "Images",
    params(("id" = String, Path, description = "Its id")),
    responses((status = 200, description = "The image", body = schema::image::OneImage)),
)]
pub(in crate::api) async fn show(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let found = state.store.run(move |tx| find(tx, &project, &id)).await?;
    Ok(Json(json!({ "image": found.shown() })))
}
