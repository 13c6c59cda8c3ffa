//! `POST /vpcs`.

use super::shown;
use crate::{
    api::{error::ApiError, router::AppState, schema},
    lifecycle::refusal::Refusal,
    quota::{self, Wanted},
    request::CreateVpc,
    store::{Transaction, record::Vpc},
};
use axum::{Extension, Json, body::Bytes, extract::State, http::StatusCode};
use billet_proto::{ProjectId, VpcId};
use serde_json::{Value, json};

/// Makes a VPC; VPCs may overlap one another.
#[utoipa::path(
    post,
    path = "/vpcs",
    operation_id = "CreateVpc",
    tag = "Networks",
    request_body = schema::network::NewVpc,
    responses((status = 201, description = "Made", body = schema::network::OneVpc)),
)]
pub(in crate::api) async fn create(
    State(state): State<AppState>,
    Extension(project_id): Extension<ProjectId>,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let CreateVpc { name, cidr } = CreateVpc::parse(&body)?;
    let vpc = Vpc { id: VpcId::new(state.edge.id()), project_id, name, cidr, created_at: state.edge.now() };
    let row = vpc.clone();
    let insert = move |tx: &mut dyn Transaction| {
        quota::check(tx, &row.project_id, Wanted { vpcs: 1, ..Wanted::default() })?;
        Ok::<_, Refusal>(tx.insert_vpc(&row)?)
    };
    state.store.run(insert).await?;
    Ok((StatusCode::CREATED, Json(json!({ "vpc": shown(&vpc) }))))
}
