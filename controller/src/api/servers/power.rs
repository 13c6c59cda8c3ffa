//! `PUT /physicalservers/power-state`.

use super::of;
use crate::{
    api::{error::ApiError, router::AppState, schema},
    auth::Caller,
    request::PowerServers,
};
use axum::{Extension, Json, body::Bytes, extract::State};
use billet_proto::ProjectId;
use serde_json::{Value, json};

/// Powers servers on, off, or off and on: all of them, or none.
///
/// A tenant powers those that its instances are on. An instance that runs and is to be on is accepted, and nothing is done. What is to be
/// off is powered off by its BMC, whatever that said last.
#[utoipa::path(
    put,
    path = "/physicalservers/power-state",
    operation_id = "ChangeServerPowerState",
    tag = "Physical servers",
    request_body = schema::server::PowerServers,
    responses((status = 200, description = "Begun", body = schema::server::PoweredServers)),
)]
pub(in crate::api) async fn change(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let PowerServers { action, ids } = PowerServers::parse(&body)?;
    let servers: Vec<Value> = ids.iter().map(|id| json!({ "id": id.to_string() })).collect();
    state.lifecycle.power_servers(of(&caller, project), ids, action).await?;
    Ok(Json(json!({ "physical_servers": servers })))
}
