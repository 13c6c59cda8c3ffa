//! `GET /parameter-plane/subnets`.

use super::shown;
use crate::{
    api::{error::ApiError, router::AppState, schema},
    store::Result as StoreResult,
};
use axum::{Json, extract::State};
use serde_json::{Value, json};

/// Lists the subnets of the parameter plane, by rail, each with how many of its addresses are in use.
#[utoipa::path(
    get,
    path = "/parameter-plane/subnets",
    operation_id = "ListPlaneSubnets",
    tag = "Operators",
    responses((status = 200, description = "All of them", body = schema::plane::PlaneSubnets)),
)]
pub(in crate::api) async fn list(State(state): State<AppState>) -> Result<Json<Value>, ApiError> {
    let subnets = state.store.read(|tx| {
        let subnets = tx.plane_subnets()?;
        subnets.iter().map(|subnet| Ok(shown(subnet, tx.plane_addresses_in_use(subnet.id)?))).collect()
    });
    let subnets: StoreResult<Vec<Value>> = subnets.await;
    Ok(Json(json!({ "subnets": subnets? })))
}
