//! `DELETE` of one.

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

/// Deletes a subnet of which no address is in use or held.
#[utoipa::path(
    delete,
    path = "/subnets/{id}",
    operation_id = "DeleteSubnet",
    tag = "Networks",
    params(("id" = String, Path, description = "Its id")),
    responses((status = 204, description = "Deleted")),
)]
pub(in crate::api) async fn delete(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Path((_, id)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let deleted = state.store.run(move |tx| {
        let subnet = find(tx, &project, &id)?;
        match tx.addresses_in_use(subnet.id)? {
            0 => Ok::<_, ApiError>(tx.delete_subnet(subnet.id)?),
            used => {
                let rule = format!("must have no address in use by an instance or held: {used} are");
                Err(Refusal::invalid("subnet_id", rule, subnet.id).into())
            }
        }
    });
    deleted.await?;
    Ok(StatusCode::NO_CONTENT)
}
