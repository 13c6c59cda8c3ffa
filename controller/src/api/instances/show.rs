//! `GET /instances/{id}`.

use super::{find, shown};
use crate::api::{error::ApiError, router::AppState, schema};
use axum::{
    Extension, Json,
    extract::{Path, State},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use billet_proto::ProjectId;
use serde_json::Value;

/// Shows one instance.
#[utoipa::path(
    get,
    path = "/instances/{id}",
    operation_id = "ShowInstance",
    tag = "Instances",
    params(("id" = String, Path, description = "The instance's")),
    responses((status = 200, description = "The instance", body = schema::instance::Instance)),
)]
pub(in crate::api) async fn show(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let (instance, image) = state
        .store
        .view(move |tx| {
            let instance = find(tx, &project, &id)?;
            let image = tx.image(instance.image_id)?;
            Ok::<_, ApiError>((instance, image))
        })
        .await?;
    let mut value = shown(&state, &instance, image.as_ref())?;
    // Not in lists: a thousand of them would be 40 MB.
    if let Some(data) = state.secrets.user_data(&instance)? {
        value["user_data"] = STANDARD.encode(&*data).into();
    }
    Ok(Json(value))
}
