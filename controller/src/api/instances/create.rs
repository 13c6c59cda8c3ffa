//! `POST /instances`.

use super::dry_run;
use crate::{
    api::{error::ApiError, idempotency::Claim, query, router::AppState, schema},
    request::CreateInstance,
};
use axum::{
    Extension, Json,
    body::Bytes,
    extract::rejection::BytesRejection,
    extract::{Query, State},
    http::StatusCode,
};
use billet_proto::{InstanceId, ProjectId};
use serde_json::{Value, json};
use std::collections::HashMap;

/// Creates one instance.
///
/// Validation comes first, then what the ids name, and only then the hash of the password; accepted means that it is on
/// disk. A dry run answers what would be chosen now, or why nothing can be; it writes and hashes nothing.
#[utoipa::path(
    post,
    path = "/instances",
    operation_id = "CreateInstance",
    tag = "Instances",
    params(("dry_run" = Option<bool>, Query, description = "Only tell what would be chosen")),
    request_body = schema::instance::CreateInstance,
    responses(
        (status = 202, description = "Accepted, and on disk", body = schema::instance::Accepted),
        (status = 200, description = "A dry run: what would be chosen", body = schema::instance::DryRun),
    ),
)]
pub(in crate::api) async fn create(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    claim: Option<Extension<Claim>>,
    Query(query): Query<HashMap<String, String>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let body = body.map_err(|error| ApiError::Body(error.body_text()))?;
    let only_tell = query::flag(&query, "dry_run")?;
    let mut request = CreateInstance::parse(&body)?;
    let os = state.lifecycle.image_os(&project, request.image_id).await?;
    request.password.check_for(os)?;
    let would = state.lifecycle.check_create(&project, &request).await?;
    if only_tell {
        return Ok(dry_run::answer(&would));
    }
    let hash = state.hasher.hash(&request.password).await?;
    request.password.forget();
    let also = claim.map(|Extension(claim)| claim.also(state.edge.now(), StatusCode::ACCEPTED, answer));
    let id = state.lifecycle.create(project, request, hash, also).await?;
    Ok((StatusCode::ACCEPTED, Json(answer(&[id]))))
}

fn answer(made: &[InstanceId]) -> Value {
    json!({ "instance_id": made.first().map(ToString::to_string) })
}
