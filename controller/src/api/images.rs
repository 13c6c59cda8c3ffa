//! `/images`: those that a project sees, and taking one in.

use super::{error::ApiError, router::AppState, schema};
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

/// Lists the images that the project sees.
#[utoipa::path(
    get,
    path = "/images",
    operation_id = "ListImages",
    tag = "Images",
    responses((status = 200, description = "All that the project sees", body = schema::image::Images)),
)]
pub(super) async fn list(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
) -> Result<Json<Value>, ApiError> {
    let images = state.store.read(|tx| tx.images()).await?;
    let visible = images.iter().filter(|image| image.project_id.as_ref().is_none_or(|owner| *owner == project));
    let images: Vec<Value> = visible.map(shown).collect();
    Ok(Json(json!({ "images": images })))
}

/// Takes an image in.
///
/// The body is the raw image; what it is stands in the query, so that it is known before the first byte.
#[utoipa::path(
    post,
    path = "/v1/{project_id}/images",
    operation_id = "ImportImage",
    tag = "Images",
    params(
        ("project_id" = String, Path, description = "The caller's project"),
        ("name" = String, Query, min_length = 1, max_length = 128, description = "Without control characters"),
        ("os_type" = schema::image::OsType, Query, description = "What it holds"),
        ("size_bytes" = u64, Query, minimum = 512, multiple_of = 512, description = "Of the raw bytes"),
        ("sha256" = String, Query, pattern = "^[0-9A-Fa-f]{64}$", description = "Of the raw bytes"),
        ("shared" = Option<bool>, Query, description = "Everybody's; operators alone share images"),
    ),
    request_body(content = schema::image::RawImage, content_type = "application/octet-stream"),
    responses((status = 201, description = "Taken in", body = schema::image::OneImage)),
)]
pub(super) async fn import(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<HashMap<String, String>>,
    body: Body,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let meta = ImageMeta::parse(&query, project)?;
    if meta.project_id.is_none() && caller.role != Role::Operator {
        return Err(ApiError::Forbidden("an operator alone shares images"));
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
