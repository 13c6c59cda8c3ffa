//! `POST /parameter-plane/subnets`.

use super::shown;
use crate::{
    api::{error::ApiError, router::AppState, schema},
    lifecycle::refusal::Refusal,
    request::CreatePlaneSubnet,
    store::{Transaction, record::PlaneSubnet},
};
use axum::{Json, body::Bytes, extract::State, http::StatusCode};
use billet_proto::SubnetId;
use serde_json::Value;

/// Gives a rail of the parameter plane its subnet.
#[utoipa::path(
    post,
    path = "/parameter-plane/subnets",
    operation_id = "CreatePlaneSubnet",
    tag = "Operators",
    request_body = schema::plane::NewPlaneSubnet,
    responses((status = 201, description = "Made", body = schema::plane::PlaneSubnet)),
)]
pub(in crate::api) async fn create(
    State(state): State<AppState>,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let CreatePlaneSubnet { rail, cidr, gateway, mtu, reserved } = CreatePlaneSubnet::parse(&body)?;
    let (id, created_at) = (SubnetId::new(state.edge.id()), state.edge.now());
    let subnet = PlaneSubnet { id, rail, cidr, gateway, mtu, reserved, created_at };
    let row = subnet.clone();
    state.store.run(move |tx| insert(tx, &row)).await?;
    Ok((StatusCode::CREATED, Json(shown(&subnet, 0))))
}

fn insert(tx: &mut dyn Transaction, row: &PlaneSubnet) -> Result<(), Refusal> {
    for other in tx.plane_subnets()? {
        if other.rail == row.rail {
            let rule = format!("must be a rail without a subnet: it has {}", other.cidr);
            return Err(Refusal::invalid("rail", rule, row.rail));
        }
        if other.cidr.overlaps(row.cidr) {
            let rule = format!("must not overlap {} of rail {}", other.cidr, other.rail);
            return Err(Refusal::invalid("cidr", rule, row.cidr));
        }
    }
    Ok(tx.insert_plane_subnet(row)?)
}
