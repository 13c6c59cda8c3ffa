//! `POST /images/import-url`.

use super::{sharing, shown_import};
use crate::{
    api::{error::ApiError, router::AppState, schema},
    auth::Caller,
    request::ImportImage,
};
use axum::{Extension, Json, body::Bytes, extract::State, http::StatusCode};
use billet_proto::ProjectId;
use serde_json::{Value, json};

/// Fetches a raw image from a URL.
///
/// Its status goes from `queued` over `saving` to `active`, or to `killed` with the reason. Schemes and hosts are those that
/// the operator's configuration allows.
#[utoipa::path(
    post,
    path = "/images/import-url",
    operation_id = "ImportImageFromUrl",
    tag = "Images",
    request_body = schema::image::ImageUrl,
    responses((status = 202, description = "It is being fetched", body = schema::image::OneImage)),
)]
pub(in crate::api) async fn import_url(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let wanted = ImportImage::parse(&body, project)?;
    if wanted.project_id.is_none() {
        sharing(&caller)?;
    }
    let import = state.images.import_url(wanted).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "image": shown_import(&import) }))))
}
