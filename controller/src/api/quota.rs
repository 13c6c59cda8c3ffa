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

/// Tells what the project may have, and has.
#[utoipa::path(
    get,
    path = "/limits",
    operation_id = "ShowLimits",
    tag = "Service",
    responses((status = 200, description = "Both", body = schema::access::Limits)),
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
        "maxTotalVpcs": quota.vpcs,
        "totalVpcsUsed": usage.vpcs,
        "maxTotalSubnets": quota.subnets,
        "totalSubnetsUsed": usage.subnets,
    }})))
}

/// Shows a project's quota and usage.
#[utoipa::path(
    get,
    path = "/projects/{id}/quota",
    operation_id = "ShowQuota",
    tag = "Operators",
    params(("id" = String, Path, description = "Its id")),
    responses((status = 200, description = "Both", body = schema::access::ProjectQuota)),
)]
pub(super) async fn show(State(state): State<AppState>, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let project = project(&id)?;
    let (quota, usage) = state.store.read(move |tx| read(tx, &project)).await?;
    Ok(Json(shown(&id, &quota, &usage)))
}

/// Changes what is given of a project's quota; the rest stays.
///
/// A quota below what is in use takes nothing away.
#[utoipa::path(
    put,
    path = "/projects/{id}/quota",
    operation_id = "SetQuota",
    tag = "Operators",
    params(("id" = String, Path, description = "Its id")),
    request_body = schema::access::QuotaChanges,
    responses((status = 200, description = "As it is now", body = schema::access::ProjectQuota)),
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
            vpcs: word.vpcs.unwrap_or(old.vpcs),
            subnets: word.subnets.unwrap_or(old.subnets),
        };
        tx.set_quota(Some(&project), &new)?;
        Ok((new, tx.usage(&project)?))
    });
    let (quota, usage) = done.await?;
    Ok(Json(shown(&id, &quota, &usage)))
}

/// Makes a project's quota every project's again.
#[utoipa::path(
    delete,
    path = "/projects/{id}/quota",
    operation_id = "DeleteQuota",
    tag = "Operators",
    params(("id" = String, Path, description = "Its id")),
    responses((status = 204, description = "It is")),
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
        "quota": {
            "instances": quota.instances,
            "addresses": quota.addresses,
            "images": quota.images,
            "vpcs": quota.vpcs,
            "subnets": quota.subnets,
        },
        "usage": {
            "instances": usage.instances,
            "addresses": usage.addresses,
            "images": usage.images,
            "vpcs": usage.vpcs,
            "subnets": usage.subnets,
        },
    })
}
