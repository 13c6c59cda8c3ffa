//! `DELETE /privateips/{id}`.

use super::find;
use crate::{
    api::{error::ApiError, router::AppState},
    lifecycle::refusal::Refusal,
};
use axum::{
    Extension,
    extract::{Path, State},
    http::StatusCode,
};
use billet_proto::ProjectId;

/// Frees an address that no instance has.
#[utoipa::path(
    delete,
    path = "/privateips/{id}",
    operation_id = "DeletePrivateip",
    tag = "Networks",
    params(("id" = String, Path, description = "Its id")),
    responses((status = 204, description = "Free")),
)]
pub(in crate::api) async fn delete(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Path((_, id)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let deleted = state.store.run(move |tx| {
        let held = find(tx, &project, &id)?;
        match held.instance_id {
            None => Ok::<_, ApiError>(tx.delete_private_ip(held.id)?),
            Some(instance) => {
                let rule = format!("must not be in use: instance {instance} has {}", held.address);
                Err(Refusal::invalid("privateip_id", rule, held.id).into())
            }
        }
    });
    deleted.await?;
    Ok(StatusCode::NO_CONTENT)
}
