//! `GET /parameter-plane/subnets`.

use super::shown;
use crate::{
    api::{error::ApiError, router::AppState},
    store::Result as StoreResult,
};
use axum::{Json, extract::State};
use serde_json::{Value, json};

/// All subnets of the parameter plane, by rail: 200 with `subnets`, each with the number of its addresses `in_use`.
pub(in crate::api) async fn list(State(state): State<AppState>) -> Result<Json<Value>, ApiError> {
    let subnets = state.store.read(|tx| {
        let subnets = tx.plane_subnets()?;
        subnets.iter().map(|subnet| Ok(shown(subnet, tx.plane_addresses_in_use(subnet.id)?))).collect()
    });
    let subnets: StoreResult<Vec<Value>> = subnets.await;
    Ok(Json(json!({ "subnets": subnets? })))
}
