//! `GET /physicalservers/{id}/firmware-attributes`.

use super::{find, of};
use crate::{
    api::{error::ApiError, router::AppState, schema},
    auth::Caller,
    store::Transaction,
};
use axum::{
    Extension, Json,
    extract::{Path, State},
};
use billet_proto::ProjectId;
use serde_json::{Value, json};

/// Shows which firmware a server's parts have: a bare array, as the family has it.
#[utoipa::path(
    get,
    path = "/physicalservers/{id}/firmware-attributes",
    operation_id = "ShowServerFirmwareAttributes",
    tag = "Physical servers",
    params(("id" = String, Path, description = "The server's")),
    responses((status = 200, description = "As it was seen last", body = Vec<schema::server_parts::ServerFirmware>)),
)]
pub(in crate::api) async fn show(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Extension(caller): Extension<Caller>,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let project = of(&caller, project);
    let look = move |tx: &mut dyn Transaction| {
        let server = find(tx, project.as_ref(), &id)?.server;
        Ok::<_, ApiError>(tx.inventory(server.id)?)
    };
    let Some(seen) = state.store.view(look).await? else { return Ok(Json(json!([]))) };
    let part = |name: &str, model: &str, manufacturer: &str, version: &str| json!({ "component_name": name, "model": model, "manufacturer": manufacturer, "version": version });
    let mut parts = vec![part("BIOS", &seen.model, &seen.firmware_vendor, &seen.firmware_version)];
    parts.extend(seen.disks.iter().map(|disk| part(&disk.name, &disk.model, "", &disk.firmware_version)));
    parts.extend(seen.ports.iter().map(|port| part(&port.name, &port.driver, "", &port.firmware_version)));
    parts.retain(|part| part["version"] != "");
    Ok(Json(parts.into()))
}
