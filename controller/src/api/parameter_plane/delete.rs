//! `DELETE /parameter-plane/subnets/{id}`.

use crate::{
    api::{error::ApiError, router::AppState},
    lifecycle::refusal::Refusal,
};
use axum::{
    extract::{Path, State},
    http::StatusCode,
};

/// Takes a rail's subnet away when no instance has an address of it.
#[utoipa::path(
    delete,
    path = "/parameter-plane/subnets/{id}",
    operation_id = "DeletePlaneSubnet",
    tag = "Operators",
    params(("id" = String, Path, description = "Its id")),
    responses((status = 204, description = "Deleted")),
)]
pub(in crate::api) async fn delete(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let deleted = state.store.run(move |tx| {
        let found = tx.plane_subnets()?.into_iter().find(|subnet| subnet.id.to_string() == id);
        let subnet = found
            .ok_or_else(|| ApiError::NotFound { what: "parameter-plane subnets", id: id.chars().take(64).collect() })?;
        match tx.plane_addresses_in_use(subnet.id)? {
            0 => Ok::<_, ApiError>(tx.delete_plane_subnet(subnet.id)?),
            used => {
                let rule = format!("must have no address in use by an instance: {used} are");
                Err(Refusal::invalid("subnet_id", rule, subnet.id).into())
            }
        }
    });
    deleted.await?;
    Ok(StatusCode::NO_CONTENT)
}
