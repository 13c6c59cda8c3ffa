//! Creations that are only tried out.

use crate::lifecycle::Would;
use axum::{Json, http::StatusCode};
use serde_json::{Value, json};

/// What would be chosen: the servers, and with each its addresses.
pub(super) fn answer(would: &Would) -> (StatusCode, Json<Value>) {
    let ids: Vec<String> = would.instances.iter().map(|(server, _)| server.to_string()).collect();
    let addresses: Vec<Vec<String>> =
        would.instances.iter().map(|(_, all)| all.iter().map(ToString::to_string).collect()).collect();
    (StatusCode::OK, Json(json!({ "would": { "server_ids": ids, "addresses": addresses } })))
}
