//! `GET /privateips`.

use super::shown;
use crate::api::{
    error::ApiError,
    page::{self, Wanted},
    query,
    router::AppState,
    schema,
};
use axum::{
    Extension, Json,
    extract::{Query, State},
};
use billet_proto::{PrivateIpId, ProjectId, SubnetId};
use serde_json::{Value, json};
use std::collections::HashMap;

/// Lists the addresses that the project holds, oldest first.
#[utoipa::path(
    get,
    path = "/privateips",
    operation_id = "ListPrivateips",
    tag = "Networks",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 2000, description = "How many at most; 2000"),
        ("marker" = Option<schema::Id>, Query, description = "The last id of the page before"),
        ("subnet_id" = Option<schema::Id>, Query, description = "Only those of this subnet"),
    ),
    responses((status = 200, description = "A page", body = schema::address::PrivateIps)),
)]
pub(in crate::api) async fn list(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Value>, ApiError> {
    let Wanted { limit, marker } = Wanted::<PrivateIpId>::of_many(&query)?;
    let subnet: Option<SubnetId> = query::id(&query, "subnet_id")?;
    let mut held = state.store.read(move |tx| tx.private_ips(&project, subnet, marker, limit + 1)).await?;
    let next = page::cut(&mut held, limit, |held| held.id);
    let held: Vec<Value> = held.iter().map(shown).collect();
    let page_info = page::info(held.len(), next);
    Ok(Json(json!({ "privateips": held, "page_info": page_info })))
}
