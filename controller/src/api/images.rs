//! `/images`: those that a project sees, and taking one in.

use super::{error::ApiError, router::AppState};
use crate::{
    auth::{Caller, Role},
    request::ImageMeta,
    store::record::Image,
};
use axum::{
    Extension, Json,
    body::Body,
    extract::{Query, State},
    http::StatusCode,
};
use billet_proto::ProjectId;
use serde_json::{Value, json};
use std::collections::HashMap;

pub(super) async fn list(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
) -> Result<Json<Value>, ApiError> {
    let images = state.store.read(|tx| tx.images()).await?;
    let visible = images.iter().filter(|image| image.project_id.as_ref().is_none_or(|owner| *owner == project));
    let images: Vec<Value> = visible.map(shown).collect();
    Ok(Json(json!({ "images": images })))
}

/// The body is the raw image; what it is stands in the query, so that it is known before the first byte.
pub(super) async fn import(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<HashMap<String, String>>,
    body: Body,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let meta = ImageMeta::parse(&query, project)?;
    if meta.project_id.is_none() && caller.role != Role::Admin {
        return Err(ApiError::Forbidden("an administrator alone shares images"));
    }
    let image = state.images.import(meta, body).await?;
    Ok((StatusCode::CREATED, Json(json!({ "image": shown(&image) }))))
}

fn shown(image: &Image) -> Value {
    let mut value = json!({
        "id": image.id.to_string(),
        "name": image.name,
        "os_type": image.os_type,
        "size_bytes": image.size_bytes,
        "sha256": image.sha256,
        "created_at": image.created_at.to_string(),
    });
    if let Some(project) = &image.project_id {
        value["project_id"] = project.as_str().into();
    }
    value
}
