//! `POST /instances/batch-create`.

use super::{dry_run, ids};
use crate::{
    api::{error::ApiError, idempotency::Claim, query, router::AppState, schema},
    request::CreateBatch,
};
use axum::{
    Extension, Json,
    body::Bytes,
    extract::rejection::BytesRejection,
    extract::{Query, State},
    http::StatusCode,
};
use billet_proto::ProjectId;
use serde_json::Value;
use std::{collections::HashMap, sync::Arc};

/// Creates several instances that differ in name, server and addresses alone.
///
/// As many as can be had up to `max_count`, in one transaction; where they would be fewer than `min_count`, none. More than
/// one are named `NAME-0001` and so on.
#[utoipa::path(
    post,
    path = "/instances/batch-create",
    operation_id = "RunInstances",
    tag = "Instances",
    params(("dry_run" = Option<bool>, Query, description = "Only tell what would be chosen")),
    request_body = schema::instance::CreateBatch,
    responses(
        (status = 202, description = "Accepted, and on disk", body = schema::instance::InstanceIds),
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
    let mut batch = CreateBatch::parse(&body)?;
    let os = state.lifecycle.image_os(&project, batch.each.image_id).await?;
    batch.each.password.check_for(os)?;
    let mut password = batch.each.password.take();
    let batch = Arc::new(batch);
    let would = state.lifecycle.check_batch(project.clone(), batch.clone()).await?;
    if only_tell {
        return Ok(dry_run::answer(&would));
    }
    // One password is hashed once, however many have it.
    let hash = state.hasher.hash(&password).await?;
    password.forget();
    let also = claim.map(|Extension(claim)| claim.also(state.edge.now(), StatusCode::ACCEPTED, |made| ids(made).0));
    let made = state.lifecycle.create_batch(project, batch, hash, also).await?;
    Ok((StatusCode::ACCEPTED, ids(&made)))
}
