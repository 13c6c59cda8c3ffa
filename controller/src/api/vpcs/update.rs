//! `PUT /vpcs/{id}`.

use super::{find, shown};
use crate::{
    api::{error::ApiError, router::AppState, schema},
    lifecycle::refusal::Refusal,
    request::UpdateVpc,
};
use axum::{
    Extension, Json,
    body::Bytes,
    extract::{Path, State},
};
use billet_proto::ProjectId;
use serde_json::{Value, json};

/// Gives a VPC another name, or another network that holds its subnets too.
#[utoipa::path(
    put,
    path = "/vpcs/{id}",
    operation_id = "UpdateVpc",
    tag = "Networks",
    params(("id" = String, Path, description = "Its id")),
    request_body = schema::network::ChangedVpc,
    responses((status = 200, description = "As it is now", body = schema::network::OneVpc)),
)]
pub(in crate::api) async fn update(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Path((_, id)): Path<(String, String)>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let UpdateVpc { name, cidr } = UpdateVpc::parse(&body)?;
    let changed = state.store.run(move |tx| {
        let mut vpc = find(tx, &project, &id)?;
        vpc.name = name.unwrap_or(vpc.name);
        vpc.cidr = cidr.unwrap_or(vpc.cidr);
        if let Some(left) = tx.subnets_of(vpc.id)?.into_iter().find(|subnet| !vpc.cidr.contains_network(subnet.cidr)) {
            let rule = format!("must hold {} of subnet {}", left.cidr, left.id);
            return Err(Refusal::invalid("vpc.cidr", rule, vpc.cidr).into());
        }
        tx.update_vpc(&vpc)?;
        Ok::<_, ApiError>(vpc)
    });
    Ok(Json(json!({ "vpc": shown(&changed.await?) })))
}
