//! `GET /admin/v1/servers/{id}/baseline`: what a server is compared with after each wipe.

use super::{error::ApiError, router::AppState, schema, servers::missing};
use crate::store::record::Baseline;
use axum::{
    Json,
    extract::{Path, State},
};
use billet_proto::{
    ServerId,
    link::{BmcFacts, BmcUser, BmcUserState, BootVariables},
};
use serde_json::{Value, json};

/// Shows what a server was like at its first inspection, or when the operator accepted it.
#[utoipa::path(
    get,
    path = "/servers/{id}/baseline",
    operation_id = "ShowServerBaseline",
    tag = "Operators",
    params(("id" = String, Path, description = "The server's")),
    responses((status = 200, description = "As it is to be after each tenant", body = schema::baseline::Baseline)),
)]
pub(super) async fn show(State(state): State<AppState>, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let server: ServerId = id.parse().map_err(|_| missing(&id))?;
    match state.store.view(move |tx| tx.baseline(server)).await? {
        Some(baseline) => Ok(Json(shown(&baseline))),
        None => Err(ApiError::NotFound { what: "server baselines", id }),
    }
}

fn shown(Baseline { recorded_at, facts }: &Baseline) -> Value {
    let versions = facts.versions.iter().filter(|one| !one.version.is_empty());
    let versions = versions.map(|one| json!({ "part": one.part, "version": one.version }));
    let capacities = facts.capacities.iter().map(|one| json!({ "disk": one.disk, "size_bytes": one.size_bytes }));
    let mut value = json!({
        "recorded_at": recorded_at.to_string(),
        "secure_boot": facts.secure_boot,
        "versions": versions.collect::<Vec<_>>(),
        "capacities": capacities.collect::<Vec<_>>(),
    });
    if let Some(variables) = &facts.boot_variables {
        value["boot_variables"] = boot_variables(variables);
    }
    if let Some(facts) = &facts.bmc {
        value["bmc"] = bmc(facts);
    }
    value
}

fn boot_variables(variables: &BootVariables) -> Value {
    let options = variables.options.iter().map(|option| {
        json!({
            "name": option.name,
            "description": option.description,
            "device_path_sha256": option.device_path_sha256,
        })
    });
    let orders = variables.orders.iter().map(|order| json!({ "name": order.name, "options": order.options }));
    json!({ "options": options.collect::<Vec<_>>(), "orders": orders.collect::<Vec<_>>() })
}

fn bmc(facts: &BmcFacts) -> Value {
    let lan = facts.lan.iter().map(|setting| json!({ "name": setting.name, "value": setting.value }));
    json!({
        "firmware_version": facts.firmware_version,
        "users": facts.users.iter().map(user).collect::<Vec<_>>(),
        "lan": lan.collect::<Vec<_>>(),
        "not_told": facts.not_told,
    })
}

fn user(user: &BmcUser) -> Value {
    let state = match user.state() {
        BmcUserState::Unspecified => "not-told",
        BmcUserState::Enabled => "enabled",
        BmcUserState::Disabled => "disabled",
    };
    json!({
        "slot": user.slot,
        "name": user.name.as_deref().unwrap_or_default(),
        "state": state,
        "privilege": user.privilege,
        "ipmi_messaging": user.ipmi_messaging,
        "link_authentication": user.link_authentication,
        "callback_only": user.callback_only,
    })
}
