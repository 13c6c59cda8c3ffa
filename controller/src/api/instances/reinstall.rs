//! `PUT /instances/reinstall`.

use crate::{
    api::{error::ApiError, instances::ids, router::AppState, schema},
    request::Reinstall,
};
use axum::{Extension, Json, body::Bytes, extract::State, extract::rejection::BytesRejection, http::StatusCode};
use billet_proto::ProjectId;
use serde_json::Value;

/// Installs instances anew: the same servers, addresses and metadata; their disks are overwritten.
///
/// All or none are accepted; each then is `pending` until it is `running` again.
#[utoipa::path(
    put,
    path = "/instances/reinstall",
    operation_id = "ReinstallOS",
    tag = "Instances",
    request_body = schema::instance::Reinstall,
    responses((status = 202, description = "Accepted, and on disk", body = schema::instance::InstanceIds)),
)]
pub(in crate::api) async fn reinstall(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let body = body.map_err(|error| ApiError::Body(error.body_text()))?;
    let Reinstall { image_id, mut password, instance_ids } = Reinstall::parse(&body)?;
    for os in state.lifecycle.check_reinstall(project.clone(), instance_ids.clone(), image_id).await? {
        password.check_for(os)?;
    }
    let hash = state.hasher.hash(&password).await?;
    password.forget();
    state.lifecycle.reinstall(project, (instance_ids.clone(), image_id), hash).await?;
    Ok((StatusCode::ACCEPTED, ids(&instance_ids)))
}
