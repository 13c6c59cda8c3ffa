//! `/vpcs`: a project's networks.

use super::{error::ApiError, router::AppState, schema};
use crate::{request::CreateVpc, store::record::Vpc};
use axum::{Extension, Json, body::Bytes, extract::State, http::StatusCode};
use billet_proto::{ProjectId, VpcId};
use serde_json::{Value, json};

/// Lists the project's VPCs.
#[utoipa::path(
    get,
    path = "/vpcs",
    operation_id = "ListVpcs",
    tag = "Networks",
    responses((status = 200, description = "All of the project", body = schema::network::Vpcs)),
)]
pub(super) async fn list(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
) -> Result<Json<Value>, ApiError> {
    let vpcs = state.store.read(move |tx| tx.vpcs(&project)).await?;
    let vpcs: Vec<Value> = vpcs.iter().map(shown).collect();
    Ok(Json(json!({ "vpcs": vpcs })))
}

/// Makes a VPC; VPCs may overlap one another.
#[utoipa::path(
    post,
    path = "/vpcs",
    operation_id = "CreateVpc",
    tag = "Networks",
    request_body = schema::network::NewVpc,
    responses((status = 201, description = "Made", body = schema::network::OneVpc)),
)]
pub(super) async fn create(
    State(state): State<AppState>,
    Extension(project_id): Extension<ProjectId>,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let CreateVpc { name, cidr } = CreateVpc::parse(&body)?;
    let vpc = Vpc { id: VpcId::new(state.edge.id()), project_id, name, cidr, created_at: state.edge.now() };
    let row = vpc.clone();
    state.store.read(move |tx| tx.insert_vpc(&row)).await?;
    Ok((StatusCode::CREATED, Json(json!({ "vpc": shown(&vpc) }))))
}

fn shown(vpc: &Vpc) -> Value {
    json!({
        "id": vpc.id.to_string(),
        "name": vpc.name,
        "cidr": vpc.cidr.to_string(),
        "status": "OK",
        "created_at": vpc.created_at.to_string(),
    })
}
