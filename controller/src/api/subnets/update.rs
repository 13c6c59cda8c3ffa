//! `PUT` of one.

use super::{Wrapper, find, shown};
use crate::{
    api::{error::ApiError, router::AppState, schema},
    request::UpdateSubnet,
};
use axum::{
    Extension, Json,
    body::Bytes,
    extract::{Path, State},
};
use billet_proto::ProjectId;
use serde_json::{Value, json};

/// Gives a subnet another name or other name servers, which instances get that are installed from then on.
#[utoipa::path(
    put,
    path = "/subnets/{id}",
    operation_id = "UpdateSubnet",
    tag = "Networks",
    params(("id" = String, Path, description = "Its id")),
    request_body = schema::network::ChangedSubnet,
    responses((status = 200, description = "As it is now", body = schema::network::OneSubnet)),
)]
pub(in crate::api) async fn update(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Extension(wrapper): Extension<Wrapper>,
    Path((_, id)): Path<(String, String)>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let UpdateSubnet { name, dns } = UpdateSubnet::parse(&body, wrapper.one)?;
    let changed = state.store.run(move |tx| {
        let mut subnet = find(tx, &project, &id)?;
        subnet.name = name.unwrap_or(subnet.name);
        subnet.dns = dns.unwrap_or(subnet.dns);
        tx.update_subnet(&subnet)?;
        Ok::<_, ApiError>(subnet)
    });
    Ok(Json(json!({ wrapper.one: shown(&changed.await?) })))
}
