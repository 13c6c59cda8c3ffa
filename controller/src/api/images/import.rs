//! `POST /images`: the bytes come with the call.

use super::{sharing, shown};
use crate::{
    api::{error::ApiError, router::AppState, schema},
    auth::Caller,
    request::ImageMeta,
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
pub(in crate::api) async fn import(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<HashMap<String, String>>,
    body: Body,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let meta = ImageMeta::parse(&query, project)?;
    if meta.project_id.is_none() {
        sharing(&caller)?;
    }
    let image = state.images.import(meta, body).await?;
    Ok((StatusCode::CREATED, Json(json!({ "image": shown(&image) }))))
}
