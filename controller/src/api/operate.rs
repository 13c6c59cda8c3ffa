//! Operators' calls on one server: each an operation of the life cycle.

use super::{admin::whole, error::ApiError, query, router::AppState, schema, servers::missing};
use crate::request::ServerAction;
use axum::{
    Json,
    body::Bytes,
    extract::{Path, Query, State},
    http::StatusCode,
};
use billet_proto::ServerId;
use serde_json::Value;
use std::collections::HashMap;

async fn act(state: &AppState, id: &str, action: ServerAction) -> Result<Json<Value>, ApiError> {
    let id: ServerId = id.parse().map_err(|_| missing(id))?;
    let server = state.lifecycle.act_on_server(id, action).await?;
    whole(state, server).await
}

/// Begins an inspection of a server: a boot that only looks.
#[utoipa::path(
    post,
    path = "/servers/{id}/inspect",
    operation_id = "InspectServer",
    tag = "Operators",
    params(("id" = String, Path, description = "The server's")),
    request_body = schema::admin::InspectServer,
    responses((status = 200, description = "As it is now", body = schema::server::Server)),
)]
pub(super) async fn inspect(
    State(state): State<AppState>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    act(&state, &id, ServerAction::inspect(&body)?).await
}

/// Takes a server out for maintenance.
///
/// One that is in use is set aside: its instance stays on it and can be powered off and deleted alone, and afterwards the server is
/// `maintain`.
#[utoipa::path(
    post,
    path = "/servers/{id}/maintain",
    operation_id = "MaintainServer",
    tag = "Operators",
    params(("id" = String, Path, description = "The server's")),
    request_body = schema::admin::MaintainServer,
    responses((status = 200, description = "As it is now", body = schema::server::Server)),
)]
pub(super) async fn maintain(
    State(state): State<AppState>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    act(&state, &id, ServerAction::maintain(&body)?).await
}

/// Puts a server back that was out for maintenance; one that nothing wiped is refused.
#[utoipa::path(
    post,
    path = "/servers/{id}/ready",
    operation_id = "ReadyServer",
    tag = "Operators",
    params(("id" = String, Path, description = "The server's")),
    responses((status = 200, description = "As it is now", body = schema::server::Server)),
)]
pub(super) async fn ready(State(state): State<AppState>, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    act(&state, &id, ServerAction::Ready).await
}

/// Begins a wipe of a server that is out for maintenance, or retired.
#[utoipa::path(
    post,
    path = "/servers/{id}/wipe",
    operation_id = "WipeServer",
    tag = "Operators",
    params(("id" = String, Path, description = "The server's")),
    request_body = schema::admin::WipeServer,
    responses((status = 200, description = "As it is now", body = schema::server::Server)),
)]
pub(super) async fn wipe(
    State(state): State<AppState>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    act(&state, &id, ServerAction::wipe(&body)?).await
}

/// Gives up what is in progress on a server itself: its inspection, its wipe, or that it is powered on or rebooted.
///
/// That has failed with the cause `cancelled`, and the server is powered off. A server whose wipe was given up is `maintain` and not
/// wiped. An inspection that may not power off what is on is only given up when it has powered the server on itself.
#[utoipa::path(
    post,
    path = "/servers/{id}/cancel",
    operation_id = "CancelServer",
    tag = "Operators",
    params(("id" = String, Path, description = "The server's")),
    responses((status = 200, description = "As it is now", body = schema::server::Server)),
)]
pub(super) async fn cancel(State(state): State<AppState>, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    act(&state, &id, ServerAction::Cancel).await
}

/// Retires a server: nothing is placed on it any more.
///
/// One that is in use is retired only with `confirm_off`, the operator's word that it is off and unplugged for good: its instance is
/// then terminated, and its addresses are free. Nobody reads that back, and nothing of its disks is erased.
#[utoipa::path(
    post,
    path = "/servers/{id}/offboard",
    operation_id = "OffboardServer",
    tag = "Operators",
    params(("id" = String, Path, description = "The server's")),
    request_body = schema::admin::OffboardServer,
    responses((status = 200, description = "As it is now", body = schema::server::Server)),
)]
pub(super) async fn offboard(
    State(state): State<AppState>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    act(&state, &id, ServerAction::offboard(&body)?).await
}

/// Forgets a server that was retired, and its events; the receipts of its erased disks stay.
///
/// One that was not wiped in full is kept, unless the operator accepts that nobody will know of it any more.
#[utoipa::path(
    delete,
    path = "/servers/{id}",
    operation_id = "DeleteServer",
    tag = "Operators",
    params(
        ("id" = String, Path, description = "The server's"),
        ("accept_unwiped" = Option<bool>, Query, description = "Also one that was not wiped in full"),
    ),
    responses((status = 204, description = "It is gone")),
)]
pub(super) async fn forget(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<StatusCode, ApiError> {
    let id: ServerId = id.parse().map_err(|_| missing(&id))?;
    let accept_unwiped = query::flag(&query, "accept_unwiped")?;
    state.lifecycle.forget_server(id, accept_unwiped).await?;
    Ok(StatusCode::NO_CONTENT)
}
