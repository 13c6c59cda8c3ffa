//! `POST /instances`.

use crate::{
    api::{error::ApiError, router::AppState, schema},
    request::CreateInstance,
};
use axum::{Extension, Json, body::Bytes, extract::State, extract::rejection::BytesRejection, http::StatusCode};
use billet_proto::ProjectId;
use serde_json::{Value, json};

/// Creates one instance.
///
/// Validation comes first, then what the ids name, and only then the hash of the password; accepted means that it is on disk.
#[utoipa::path(
    post,
    path = "/instances",
    operation_id = "CreateInstance",
    tag = "Instances",
    request_body = schema::instance::CreateInstance,
    responses((status = 202, description = "Accepted, and on disk", body = schema::instance::Accepted)),
)]
pub(in crate::api) async fn create(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let body = body.map_err(|error| ApiError::Body(error.body_text()))?;
    let mut request = CreateInstance::parse(&body)?;
    let os = state.lifecycle.image_os(&project, request.image_id).await?;
    request.password.check_for(os)?;
    state.lifecycle.check_create(&project, &request).await?;
    let hash = state.hasher.hash(&request.password).await?;
    request.password.forget();
    let id = state.lifecycle.create(project, request, hash).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "instance_id": id.to_string() }))))
}
