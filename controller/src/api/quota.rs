//! `GET /v1/{project_id}/limits`, in the bare-metal family's shape; and the operators' word on a project's quota.

use super::{error::ApiError, router::AppState, schema};
use crate::{
    quota,
    request::QuotaWord,
    store::{
        Result as StoreResult, Transaction,
        access::{Quota, Usage},
    },
};
use axum::{
    Extension, Json,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
};
use billet_proto::ProjectId;
use serde_json::{Value, json};

fn read(tx: &mut dyn Transaction, project: &ProjectId) -> StoreResult<(Quota, Usage)> {
    Ok((quota::of(tx, project)?, tx.usage(project)?))
}

/// Shows what the project may have, and has.
#[utoipa::path(
    get,
    path = "/limits",
    operation_id = "ShowLimits",
    tag = "Service",
    responses((status = 200, description = "Its limits", body = schema::quota::Limits)),
)]
pub(super) async fn limits(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
) -> Result<Json<Value>, ApiError> {
    let (quota, usage) = state.store.read(move |tx| read(tx, &project)).await?;
    Ok(Json(json!({ "absolute": {
        "maxTotalInstances": quota.instances,
        "totalInstancesUsed": usage.instances,
        "maxTotalAddresses": quota.addresses,
        "totalAddressesUsed": usage.addresses,
        "maxTotalImages": quota.images,
        "totalImagesUsed": usage.images,
    }})))
}

/// Shows a project's quota and usage.
#[utoipa::path(
    get,
    path = "/projects/{id}/quota",
    operation_id = "ShowQuota",
    tag = "Operators",
    params(("id" = schema::Project, Path, description = "The project's")),
    responses((status = 200, description = "As it is", body = schema::quota::ProjectQuota)),
)]
pub(super) async fn show(State(state): State<AppState>, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let project = project(&id)?;
    let (quota, usage) = state.store.read(move |tx| read(tx, &project)).await?;
    Ok(Json(shown(&id, &quota, &usage)))
}

/// Changes a project's quota.
///
/// What is not given stays. A quota below what is in use takes nothing away.
#[utoipa::path(
    put,
    path = "/projects/{id}/quota",
    operation_id = "UpdateQuota",
    tag = "Operators",
    params(("id" = schema::Project, Path, description = "The project's")),
    request_body = schema::quota::QuotaWord,
    responses((status = 200, description = "As it is now", body = schema::quota::ProjectQuota)),
)]
pub(super) async fn set(
    State(state): State<AppState>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let (project, word) = (project(&id)?, QuotaWord::parse(&body)?);
    let done = state.store.read(move |tx| {
        let old = quota::of(tx, &project)?;
        let new = Quota {
            instances: word.instances.unwrap_or(old.instances),
            addresses: word.addresses.unwrap_or(old.addresses),
            images: word.images.unwrap_or(old.images),
        };
        tx.set_quota(Some(&project), &new)?;
        Ok((new, tx.usage(&project)?))
    });
    let (quota, usage) = done.await?;
    Ok(Json(shown(&id, &quota, &usage)))
}

/// Takes a project's own quota away: it is every project's again.
#[utoipa::path(
    delete,
    path = "/projects/{id}/quota",
    operation_id = "DeleteQuota",
    tag = "Operators",
    params(("id" = schema::Project, Path, description = "The project's")),
    responses((status = 204, description = "It has none of its own")),
)]
pub(super) async fn remove(State(state): State<AppState>, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let project = project(&id)?;
    state.store.read(move |tx| tx.remove_quota(&project)).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn project(id: &str) -> Result<ProjectId, ApiError> {
    id.parse().map_err(|_| ApiError::NotFound { what: "projects", id: id.chars().take(64).collect() })
}

fn shown(id: &str, quota: &Quota, usage: &Usage) -> Value {
    json!({
        "project_id": id,
        "quota": { "instances": quota.instances, "addresses": quota.addresses, "images": quota.images },
        "usage": { "instances": usage.instances, "addresses": usage.addresses, "images": usage.images },
    })
}
