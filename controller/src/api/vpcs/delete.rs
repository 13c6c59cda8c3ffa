//! `DELETE /vpcs/{id}`.

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

/// Deletes a VPC without subnets and instances.
#[utoipa::path(
    delete,
    path = "/vpcs/{id}",
    operation_id = "DeleteVpc",
    tag = "Networks",
    params(("id" = String, Path, description = "Its id")),
    responses((status = 204, description = "Deleted")),
)]
pub(in crate::api) async fn delete(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Path((_, id)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let now = state.edge.now();
    let deleted = state.store.run(move |tx| {
        let vpc = find(tx, &project, &id)?;
        let (subnets, instances) = (tx.subnets_in_vpc(vpc.id)?, tx.instances_in_vpc(vpc.id)?);
        if subnets > 0 || instances > 0 {
            let rule = format!("must be without subnets and instances: it has {subnets} and {instances} of them");
            return Err(Refusal::invalid("vpc_id", rule, vpc.id).into());
        }
        Ok::<_, ApiError>(tx.delete_vpc(vpc.id, now)?)
    });
    deleted.await?;
    Ok(StatusCode::NO_CONTENT)
}
