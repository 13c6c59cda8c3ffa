//! `POST /images/import-url`.

use super::{sharing, shown_import};
use crate::{
    api::{error::ApiError, router::AppState},
    auth::Caller,
    request::ImportImage,
};
use axum::{Extension, Json, body::Bytes, extract::State, http::StatusCode};
use billet_proto::ProjectId;
use serde_json::{Value, json};

/// Fetches a raw image from `{url, name, os_type, sha256?, shared?}`: 202 with `image`, whose status goes from `queued` over
/// `saving` to `active`, or to `killed` with the reason. Schemes and hosts are those of the operator's configuration.
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
