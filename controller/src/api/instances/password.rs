//! `PUT /instances/password`.

use crate::{
    api::{error::ApiError, instances::ids, router::AppState, schema},
    request::{ChangePassword, Invalid},
};
use axum::{Extension, Json, body::Bytes, extract::State, extract::rejection::BytesRejection};
use billet_proto::ProjectId;
use serde_json::Value;

/// Gives instances another password, from the next boot on that is asked for here.
///
/// All or none are changed.
#[utoipa::path(
    put,
    path = "/instances/password",
    operation_id = "ChangeInstancePassword",
    tag = "Instances",
    request_body = schema::instance::ChangePassword,
    responses((status = 200, description = "Kept for the next boot", body = schema::instance::InstanceIds)),
)]
pub(in crate::api) async fn change(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, ApiError> {
    let body = body.map_err(|error| ApiError::Body(error.body_text()))?;
    let ChangePassword { mut password, instance_ids } = ChangePassword::parse(&body)?;
    for os in state.lifecycle.check_password(project.clone(), instance_ids.clone()).await? {
        // The rule calls it by its usual name.
        password.check_for(os).map_err(|invalid| Invalid { field: "new_password".into(), ..invalid })?;
    }
    let hash = state.hasher.hash(&password).await?;
    password.forget();
    state.lifecycle.change_password(project, instance_ids.clone(), hash).await?;
    Ok(ids(&instance_ids))
}
