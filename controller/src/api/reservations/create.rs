//! `POST /privateips`.

use super::shown;
use crate::{
    api::{error::ApiError, router::AppState, schema},
    clock::Edge,
    lifecycle::{pick_address, refusal::Refusal},
    quota::{self, Wanted},
    request::HoldAddress,
    store::{Transaction, record::PrivateIp},
};
use axum::{Extension, Json, body::Bytes, extract::State, http::StatusCode};
use billet_proto::{PrivateIpId, ProjectId};
use serde_json::{Value, json};
use std::collections::HashSet;

/// Holds addresses without an instance: all of them or none.
#[utoipa::path(
    post,
    path = "/privateips",
    operation_id = "CreatePrivateips",
    tag = "Networks",
    request_body = schema::address::NewPrivateIps,
    responses((status = 201, description = "All of them are held", body = schema::address::HeldIps)),
)]
pub(in crate::api) async fn create(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let wanted = HoldAddress::parse(&body)?;
    let edge = state.edge.clone();
    let held = state.store.run(move |tx| {
        let addresses = u32::try_from(wanted.len()).unwrap_or(u32::MAX);
        quota::check(tx, &project, Wanted { addresses, ..Wanted::default() })?;
        // Those asked for by address first, so that no automatic one takes what a later one asks for.
        let (named, any): (Vec<_>, Vec<_>) =
            wanted.iter().enumerate().partition(|(_, wanted)| wanted.address.is_some());
        let mut held = Vec::with_capacity(wanted.len());
        for (index, wanted) in named.into_iter().chain(any) {
            held.push((index, hold(tx, &edge, &project, index, wanted)?));
        }
        held.sort_by_key(|(index, _)| *index);
        Ok::<_, Refusal>(held)
    });
    let held: Vec<Value> = held.await?.iter().map(|(_, held)| shown(held)).collect();
    Ok((StatusCode::CREATED, Json(json!({ "privateips": held }))))
}

fn hold(
    tx: &mut dyn Transaction,
    edge: &Edge,
    project: &ProjectId,
    index: usize,
    wanted: &HoldAddress,
) -> Result<PrivateIp, Refusal> {
    let field = |name: &str| format!("privateips[{index}].{name}");
    let subnet = tx.subnet(wanted.subnet_id)?.filter(|subnet| subnet.project_id == *project);
    let subnet = subnet
        .ok_or_else(|| Refusal::invalid(field("subnet_id"), "must name a subnet of this project", wanted.subnet_id))?;
    // One that is held already, which an instance might name, is no less taken here.
    let address = pick_address(tx, wanted.address, &subnet, &HashSet::new(), |_| false)?;
    let given = wanted.address.map_or_else(|| "automatic".to_owned(), |address| address.to_string());
    let address = address.map_err(|error| {
        let rule = format!("must be free for a host in {}: {error}", subnet.cidr);
        Refusal::invalid(field("ip_address"), rule, given)
    })?;
    let held = PrivateIp {
        id: PrivateIpId::new(edge.id()),
        project_id: project.clone(),
        vpc_id: subnet.vpc_id,
        subnet_id: subnet.id,
        address,
        instance_id: None,
        created_at: edge.now(),
    };
    tx.hold(&held)?;
    Ok(held)
}
