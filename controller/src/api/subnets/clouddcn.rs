//! `/v3/{project_id}/vpc/clouddcn-subnets`: the same calls in the family's words.

use super::{CLOUDDCN, Wrapper};
use crate::api::{error::ApiError, router::AppState, schema};
use axum::{
    Extension, Json,
    body::Bytes,
    extract::{Path, Query, State},
    http::StatusCode,
};
use billet_proto::ProjectId;
use serde_json::Value;
use std::collections::HashMap;

const WRAPPER: Extension<Wrapper> = Extension(CLOUDDCN);

/// Lists the project's subnets, oldest first.
#[utoipa::path(
    get,
    path = "/clouddcn-subnets",
    operation_id = "ListClouddcnSubnets",
    tag = "Networks",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 2000, description = "How many at most; 2000"),
        ("marker" = Option<schema::Id>, Query, description = "The last id of the page before"),
        ("vpc_id" = Option<schema::Id>, Query, description = "Only those of this VPC"),
    ),
    responses((status = 200, description = "A page", body = schema::network::ClouddcnSubnets)),
)]
pub(in crate::api) async fn list(
    state: State<AppState>,
    project: Extension<ProjectId>,
    query: Query<HashMap<String, String>>,
) -> Result<Json<Value>, ApiError> {
    super::list::list(state, project, WRAPPER, query).await
}

/// Makes a subnet, inside its VPC and apart from the VPC's others.
#[utoipa::path(
    post,
    path = "/clouddcn-subnets",
    operation_id = "CreateClouddcnSubnet",
    tag = "Networks",
    request_body = schema::network::NewClouddcnSubnet,
    responses((status = 201, description = "Made", body = schema::network::OneClouddcnSubnet)),
)]
pub(in crate::api) async fn create(
    state: State<AppState>,
    project: Extension<ProjectId>,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    super::create::create(state, project, WRAPPER, body).await
}

/// Shows one subnet.
#[utoipa::path(
    get,
    path = "/clouddcn-subnets/{id}",
    operation_id = "ShowClouddcnSubnet",
    tag = "Networks",
    params(("id" = String, Path, description = "Its id")),
    responses((status = 200, description = "The subnet", body = schema::network::OneClouddcnSubnet)),
)]
pub(in crate::api) async fn show(
    state: State<AppState>,
    project: Extension<ProjectId>,
    path: Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    super::show::show(state, project, WRAPPER, path).await
}

/// Gives a subnet another name or other name servers, which instances get that are installed from then on.
#[utoipa::path(
    put,
    path = "/clouddcn-subnets/{id}",
    operation_id = "UpdateClouddcnSubnet",
    tag = "Networks",
    params(("id" = String, Path, description = "Its id")),
    request_body = schema::network::ChangedClouddcnSubnet,
    responses((status = 200, description = "As it is now", body = schema::network::OneClouddcnSubnet)),
)]
pub(in crate::api) async fn update(
    state: State<AppState>,
    project: Extension<ProjectId>,
    path: Path<(String, String)>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    super::update::update(state, project, WRAPPER, path, body).await
}

/// Deletes a subnet of which no address is in use or held.
#[utoipa::path(
    delete,
    path = "/clouddcn-subnets/{id}",
    operation_id = "DeleteClouddcnSubnet",
    tag = "Networks",
    params(("id" = String, Path, description = "Its id")),
    responses((status = 204, description = "Deleted")),
)]
pub(in crate::api) async fn delete(
    state: State<AppState>,
    project: Extension<ProjectId>,
    path: Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    super::delete::delete(state, project, path).await
}
