//! `POST` of one.

use super::{Wrapper, shown};
use crate::{
    api::{error::ApiError, router::AppState, schema},
    lifecycle::refusal::Refusal,
    quota::{self, Wanted},
    request::CreateSubnet,
    store::{Transaction, record::Subnet},
};
use axum::{Extension, Json, body::Bytes, extract::State, http::StatusCode};
use billet_proto::{ProjectId, SubnetId};
use serde_json::{Value, json};

/// Makes a subnet, inside its VPC and apart from the VPC's others.
#[utoipa::path(
    post,
    path = "/subnets",
    operation_id = "CreateSubnet",
    tag = "Networks",
    request_body = schema::network::NewSubnet,
    responses((status = 201, description = "Made", body = schema::network::OneSubnet)),
)]
pub(in crate::api) async fn create(
    State(state): State<AppState>,
    Extension(project_id): Extension<ProjectId>,
    Extension(wrapper): Extension<Wrapper>,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let CreateSubnet { name, cidr, gateway, vpc_id, dns, reserved } = CreateSubnet::parse(&body, wrapper.one)?;
    let (id, created_at) = (SubnetId::new(state.edge.id()), state.edge.now());
    let subnet = Subnet { id, project_id, vpc_id, name, cidr, gateway, dns, reserved, created_at };
    let row = subnet.clone();
    state.store.run(move |tx| insert(tx, wrapper, &row)).await?;
    Ok((StatusCode::CREATED, Json(json!({ wrapper.one: shown(&subnet) }))))
}

fn insert(tx: &mut dyn Transaction, wrapper: Wrapper, row: &Subnet) -> Result<(), Refusal> {
    let field = |name: &str| format!("{}.{name}", wrapper.one);
    let vpc = tx.vpc(row.vpc_id)?.filter(|vpc| vpc.project_id == row.project_id);
    let vpc = vpc.ok_or_else(|| Refusal::invalid(field("vpc_id"), "must name a VPC of this project", row.vpc_id))?;
    if !vpc.cidr.contains_network(row.cidr) {
        return Err(Refusal::invalid(field("cidr"), format!("must lie in the VPC's {}", vpc.cidr), row.cidr));
    }
    let neighbour = tx.subnet_up_to(vpc.id, row.cidr.broadcast())?;
    if let Some(other) = neighbour.filter(|other| other.cidr.overlaps(row.cidr)) {
        let rule = format!("must not overlap {} of subnet {}", other.cidr, other.id);
        return Err(Refusal::invalid(field("cidr"), rule, row.cidr));
    }
    quota::check(tx, &row.project_id, Wanted { subnets: 1, ..Wanted::default() })?;
    Ok(tx.insert_subnet(row)?)
}
