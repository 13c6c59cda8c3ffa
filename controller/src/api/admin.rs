//! Operators' calls: agents join, servers are registered, an unwiped server is accepted.

use super::{
    error::ApiError,
    router::AppState,
    servers::{Whole, find},
};
use crate::{
    lifecycle::refusal::Refusal,
    placement::{is_vouched_for, settled_state},
    request::{NewAgent, RegisterServer},
    store::record::{ManageState, Server},
};
use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
};
use billet_proto::ServerId;
use serde_json::{Value, json};

pub(super) async fn new_join_token(
    State(state): State<AppState>,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let NewAgent { agent_name } = NewAgent::parse(&body)?;
    let (token, expires_at) = state.enrolment.new_join_token(agent_name.clone()).await?;
    let value = json!({ "token": token, "agent_name": agent_name, "expires_at": expires_at.to_string() });
    Ok((StatusCode::CREATED, Json(value)))
}

pub(super) async fn agents(State(state): State<AppState>) -> Result<Json<Value>, ApiError> {
    let agents = state.enrolment.agents().await?;
    let shown = |agent: &crate::store::record::Agent| {
        json!({
            "id": agent.id.to_string(),
            "name": agent.name,
            "joined_at": agent.joined_at.to_string(),
            "online": state.presence.agent_online(agent.id),
        })
    };
    let agents: Vec<Value> = agents.iter().map(shown).collect();
    Ok(Json(json!({ "agents": agents })))
}

/// The operator's side of a server: for which agent, which project, with which NIC roles. The agent's side is its claim.
pub(super) async fn register(
    State(state): State<AppState>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let word = RegisterServer::parse(&body)?;
    let rule = "must be a UUID in lower case with hyphens";
    let id: ServerId = id.parse().map_err(|_| Refusal::invalid("id", rule, &id))?;
    let now = state.edge.now();
    let whole = state
        .store
        .run(move |tx| {
            let agent = tx.agent_by_name(&word.agent_name)?;
            let agent = agent
                .ok_or_else(|| Refusal::invalid("agent_name", "must be an agent that joined", &word.agent_name))?;
            let known = tx.server(id)?;
            let is_new = known.is_none();
            let mut server = known.unwrap_or_else(|| Server::unheard_of(id, now));
            if server.manage_state == ManageState::InUse && server.registered_agent != Some(agent.id) {
                let why = "an instance is on it, so it cannot be given to another agent".into();
                return Err(ApiError::from(Refusal::ServersNotReady { ids: vec![id], why }));
            }
            server.registered_agent = Some(agent.id);
            if let Some(project) = word.project_id {
                server.project_id = project;
            }
            server.roles = word.roles.unwrap_or(server.roles);
            server.clear_other_bootable_disks =
                word.clear_other_bootable_disks.unwrap_or(server.clear_other_bootable_disks);
            server.manage_state = settled_state(&server);
            if is_new {
                tx.insert_server(&server)?
            } else {
                tx.update_server(&server)?
            }
            Ok(Whole::read(tx, server)?)
        })
        .await?;
    state.presence.server_changed(id);
    Ok(Json(whole.shown(&state, None)))
}

/// The operator's explicit word that a server which nothing wiped may be used again.
pub(super) async fn accept_unwiped(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let whole = state
        .store
        .run(move |tx| {
            let mut server = find(tx, &id)?;
            if server.manage_state != ManageState::Maintain {
                let why = format!("it is {}, and must be maintain", server.manage_state.as_str());
                return Err(ApiError::from(Refusal::ServersNotReady { ids: vec![server.id], why }));
            }
            server.manage_state = if is_vouched_for(&server) { ManageState::Ready } else { ManageState::Onboard };
            tx.update_server(&server)?;
            Ok(Whole::read(tx, server)?)
        })
        .await?;
    Ok(Json(whole.shown(&state, None)))
}
