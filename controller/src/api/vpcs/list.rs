//! `GET /vpcs`.

use super::shown;
use crate::api::{
    error::ApiError,
    page::{self, Wanted},
    router::AppState,
    schema,
};
use axum::{
    Extension, Json,
    extract::{Query, State},
};
use billet_proto::{ProjectId, VpcId};
use serde_json::{Value, json};
use std::collections::HashMap;

/// Lists the project's VPCs, oldest first.
#[utoipa::path(
    get,
    path = "/vpcs",
    operation_id = "ListVpcs",
    tag = "Networks",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 2000, description = "How many at most; 2000"),
        ("marker" = Option<schema::Id>, Query, description = "The last id of the page before"),
    ),
    responses((status = 200, description = "A page", body = schema::network::Vpcs)),
)]
pub(in crate::api) async fn list(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Value>, ApiError> {
    let Wanted { limit, marker } = Wanted::<VpcId>::of_many(&query)?;
    let mut vpcs = state.store.read(move |tx| tx.vpcs(&project, marker, limit + 1)).await?;
    let next = page::cut(&mut vpcs, limit, |vpc| vpc.id);
    let vpcs: Vec<Value> = vpcs.iter().map(shown).collect();
    let page_info = page::info(vpcs.len(), next);
    Ok(Json(json!({ "vpcs": vpcs, "page_info": page_info })))
}
