//! `/subnets`: parts of a VPC that do not overlap.

use super::{error::ApiError, router::AppState, schema};
use crate::{lifecycle::refusal::Refusal, request::CreateSubnet, store::record::Subnet};
use axum::{
    Extension, Json,
    body::Bytes,
    extract::{Query, State},
    http::StatusCode,
};
use billet_proto::{ProjectId, SubnetId};
use serde_json::{Value, json};
use std::collections::HashMap;

/// Lists the project's subnets.
#[utoipa::path(
    get,
    path = "/subnets",
    operation_id = "ListSubnets",
    tag = "Networks",
    params(("vpc_id" = Option<String>, Query, description = "Only those of this VPC")),
    responses((status = 200, description = "All of the project", body = schema::network::Subnets)),
)]
pub(super) async fn list(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Value>, ApiError> {
    let subnets = state.store.read(move |tx| tx.subnets(&project)).await?;
    let vpc = query.get("vpc_id");
    let wanted = subnets.iter().filter(|subnet| vpc.is_none_or(|vpc| subnet.vpc_id.to_string() == *vpc));
    let subnets: Vec<Value> = wanted.map(shown).collect();
    Ok(Json(json!({ "subnets": subnets })))
}

/// Makes a subnet in a VPC.
#[utoipa::path(
    post,
    path = "/subnets",
    operation_id = "CreateSubnet",
    tag = "Networks",
    request_body = schema::network::NewSubnet,
    responses((status = 201, description = "Made", body = schema::network::OneSubnet)),
)]
pub(super) async fn create(
    State(state): State<AppState>,
    Extension(project_id): Extension<ProjectId>,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let CreateSubnet { name, cidr, gateway, vpc_id, dns, reserved } = CreateSubnet::parse(&body)?;
    let (id, created_at) = (SubnetId::new(state.edge.id()), state.edge.now());
    let subnet = Subnet { id, project_id, vpc_id, name, cidr, gateway, dns, reserved, created_at };
    let row = subnet.clone();
    state
        .store
        .run(move |tx| {
            let vpc = tx.vpc(row.vpc_id)?.filter(|vpc| vpc.project_id == row.project_id);
            let invalid =
                |field: &str, rule: String, given: String| Refusal::invalid(format!("subnet.{field}"), rule, given);
            let vpc =
                vpc.ok_or_else(|| invalid("vpc_id", "must name a VPC of this project".into(), row.vpc_id.to_string()))?;
            if !vpc.cidr.contains_network(row.cidr) {
                return Err(invalid("cidr", format!("must lie in the VPC's {}", vpc.cidr), row.cidr.to_string()));
            }
            let others = tx.subnets(&row.project_id)?;
            let overlapping = others.iter().find(|other| other.vpc_id == vpc.id && other.cidr.overlaps(row.cidr));
            if let Some(other) = overlapping {
                let rule = format!("must not overlap {} of subnet {}", other.cidr, other.id);
                return Err(invalid("cidr", rule, row.cidr.to_string()));
            }
            Ok(tx.insert_subnet(&row)?)
        })
        .await?;
    Ok((StatusCode::CREATED, Json(json!({ "subnet": shown(&subnet) }))))
}

fn shown(subnet: &Subnet) -> Value {
    let texts = |addresses: &[std::net::Ipv4Addr]| addresses.iter().map(ToString::to_string).collect::<Vec<_>>();
    json!({
        "id": subnet.id.to_string(),
        "name": subnet.name,
        "cidr": subnet.cidr.to_string(),
        "gateway_ip": subnet.gateway.to_string(),
        "vpc_id": subnet.vpc_id.to_string(),
        "dns_nameservers": texts(&subnet.dns),
        "reserved_addresses": texts(&subnet.reserved),
        "status": "ACTIVE",
        "created_at": subnet.created_at.to_string(),
    })
}
