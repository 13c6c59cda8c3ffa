//! `PUT /vpcs/{id}`.

use super::{find, shown};
use crate::{
    api::{error::ApiError, router::AppState, schema},
    lifecycle::refusal::Refusal,
    request::UpdateVpc,
    store::{
        StoreError, Transaction,
        record::{Subnet, Vpc},
    },
};
use axum::{
    Extension, Json,
    body::Bytes,
    extract::{Path, State},
};
use billet_proto::ProjectId;
use serde_json::{Value, json};
use std::net::Ipv4Addr;

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
        if let Some(left) = left_out(tx, &vpc)? {
            let rule = format!("must hold {} of subnet {}", left.cidr, left.id);
            return Err(Refusal::invalid("vpc.cidr", rule, vpc.cidr).into());
        }
        tx.update_vpc(&vpc)?;
        Ok::<_, ApiError>(vpc)
    });
    Ok(Json(json!({ "vpc": shown(&changed.await?) })))
}

/// A subnet that does not lie in the VPC's network. Subnets do not overlap: where one begins before it, the last of those is
/// told; else none but the very last can end behind it.
fn left_out(tx: &mut dyn Transaction, vpc: &Vpc) -> Result<Option<Subnet>, StoreError> {
    let before = match vpc.cidr.network().to_bits().checked_sub(1) {
        Some(before) => tx.subnet_up_to(vpc.id, Ipv4Addr::from_bits(before))?,
        None => None,
    };
    if before.is_some() {
        return Ok(before);
    }
    let last = tx.subnet_up_to(vpc.id, Ipv4Addr::BROADCAST)?;
    Ok(last.filter(|subnet| !vpc.cidr.contains_network(subnet.cidr)))
}
