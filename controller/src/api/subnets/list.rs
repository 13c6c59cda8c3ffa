//! `GET` of the list.

use super::{Wrapper, shown};
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
use billet_proto::{ProjectId, SubnetId, VpcId};
use serde_json::{Value, json};
use std::collections::HashMap;

/// Lists the project's subnets, oldest first.
#[utoipa::path(
    get,
    path = "/subnets",
    operation_id = "ListSubnets",
    tag = "Networks",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 2000, description = "How many at most; 2000"),
        ("marker" = Option<schema::Id>, Query, description = "The last id of the page before"),
        ("vpc_id" = Option<schema::Id>, Query, description = "Only those of this VPC"),
    ),
    responses((status = 200, description = "A page", body = schema::network::Subnets)),
)]
pub(in crate::api) async fn list(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Extension(wrapper): Extension<Wrapper>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Value>, ApiError> {
    let Wanted { limit, marker } = Wanted::<SubnetId>::of_many(&query)?;
    let vpc: Option<VpcId> = query::id(&query, "vpc_id")?;
    let mut subnets = state.store.read(move |tx| tx.subnets(&project, vpc, marker, limit + 1)).await?;
    let next = page::cut(&mut subnets, limit, |subnet| subnet.id);
    let subnets: Vec<Value> = subnets.iter().map(shown).collect();
    let page_info = page::info(subnets.len(), next);
    Ok(Json(json!({ wrapper.many: subnets, "page_info": page_info })))
}
