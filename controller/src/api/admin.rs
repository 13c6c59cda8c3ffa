//! Operators' calls: agents join, servers are registered, an unwiped server is accepted.

use super::{
    error::ApiError,
    router::AppState,
    schema,
    servers::{find, missing, shown},
};
use crate::{
    lifecycle::refusal::Refusal,
    request::{NewAgent, RegisterServer, ServerAction},
    store::record::{Agent, Server},
};
use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
};
use billet_proto::ServerId;
use serde_json::{Value, json};

/// Makes a token that lets one agent join, once.
#[utoipa::path(
    post,
    path = "/agents/join-tokens",
    operation_id = "CreateJoinToken",
    tag = "Operators",
    request_body = schema::admin::NewAgent,
    responses((status = 201, description = "Made; it is shown this once", body = schema::admin::JoinToken)),
)]
pub(super) async fn new_join_token(
    State(state): State<AppState>,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let NewAgent { agent_name } = NewAgent::parse(&body)?;
    let (token, expires_at) = state.enrolment.new_join_token(agent_name.clone()).await?;
    let value = json!({ "token": token, "agent_name": agent_name, "expires_at": expires_at.to_string() });
    Ok((StatusCode::CREATED, Json(value)))
}

/// Lists the agents.
#[utoipa::path(
    get,
    path = "/agents",
    operation_id = "ListAgents",
    tag = "Operators",
    responses((status = 200, description = "All that joined", body = schema::admin::Agents)),
)]
pub(super) async fn agents(State(state): State<AppState>) -> Result<Json<Value>, ApiError> {
    let agents = state.enrolment.agents().await?;
    let agents: Vec<Value> = agents.iter().map(|agent| agent_shown(&state, agent)).collect();
    Ok(Json(json!({ "agents": agents })))
}

/// Revokes an agent's certificates, and ends what it has open.
///
/// Its servers are nobody's until an agent claims them again, but for those in use, and those with work in progress until that
/// ended: by its deadline, or because it goes on when the agent joined anew. It does so by a new join token for the same name,
/// with a new key.
#[utoipa::path(
    post,
    path = "/agents/{name}/revoke",
    operation_id = "RevokeAgent",
    tag = "Operators",
    params(("name" = String, Path, description = "The agent's")),
    responses((status = 200, description = "As it is now", body = schema::admin::Agent)),
)]
pub(super) async fn revoke(State(state): State<AppState>, Path(name): Path<String>) -> Result<Json<Value>, ApiError> {
    let missing = |id: String| ApiError::NotFound { what: "agents", id };
    let agent = state.lifecycle.revoke_agent(name.clone()).await?.ok_or_else(|| missing(name))?;
    state.presence.agent_revoked(agent.id);
    Ok(Json(agent_shown(&state, &agent)))
}

/// Gives the servers of a revoked agent to another, which then owns those in use and may claim the free ones.
///
/// A server with work in progress stays as it is, and is moved by asking again when that ended.
#[utoipa::path(
    post,
    path = "/agents/{name}/replace",
    operation_id = "ReplaceAgent",
    tag = "Operators",
    params(("name" = String, Path, description = "The agent's whose host is gone")),
    request_body = schema::admin::NewAgent,
    responses((status = 200, description = "What became of its servers", body = schema::admin::Replaced)),
)]
pub(super) async fn replace(
    State(state): State<AppState>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let NewAgent { agent_name } = NewAgent::parse(&body)?;
    let missing = |id: String| ApiError::NotFound { what: "agents", id };
    let replaced = state.lifecycle.replace_agent(name.clone(), agent_name).await?.ok_or_else(|| missing(name))?;
    for server in &replaced.moved {
        state.presence.server_changed(*server);
    }
    let texts = |ids: &[ServerId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    Ok(Json(json!({ "moved": texts(&replaced.moved), "busy": texts(&replaced.busy) })))
}

fn agent_shown(state: &AppState, agent: &Agent) -> Value {
    json!({
        "id": agent.id.to_string(),
        "name": agent.name,
        "joined_at": agent.joined_at.to_string(),
        "online": state.presence.agent_online(agent.id),
        "revoked_at": agent.revoked_at.map(|at| at.to_string()),
    })
}

/// Registers a server, or changes its registration.
///
/// This is the operator's side of a server: for which agent, which project, with which NIC roles. The agent's side is its claim.
#[utoipa::path(
    put,
    path = "/servers/{id}",
    operation_id = "RegisterServer",
    tag = "Operators",
    params(("id" = schema::Id, Path, description = "The server's, as in its agent's configuration")),
    request_body = schema::admin::RegisterServer,
    responses((status = 200, description = "As it is now", body = schema::server::Server)),
)]
pub(super) async fn register(
    State(state): State<AppState>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let word = RegisterServer::parse(&body)?;
    let rule = "must be a UUID in lower case with hyphens";
    let id: ServerId = id.parse().map_err(|_| Refusal::invalid("id", rule, &id))?;
    let server = state.lifecycle.register(id, word).await?;
    state.presence.server_changed(id);
    whole(&state, server).await
}

/// Takes the operator's explicit word that a server which nothing wiped may be used again.
///
/// One that nobody inspected since its last instance left is `onboard` at first: it is inspected and compared with its baseline, and
/// `ready` only where it is as it was.
#[utoipa::path(
    post,
    path = "/servers/{id}/accept-unwiped",
    operation_id = "AcceptUnwiped",
    tag = "Operators",
    params(("id" = String, Path, description = "The server's")),
    responses((status = 200, description = "As it is now", body = schema::server::Server), (status = 400, description = "")),
)]
pub(super) async fn accept_unwiped(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let id: ServerId = id.parse().map_err(|_| missing(&id))?;
    let server = state.lifecycle.act_on_server(id, ServerAction::AcceptUnwiped).await?;
    whole(&state, server).await
}

pub(super) async fn whole(state: &AppState, server: Server) -> Result<Json<Value>, ApiError> {
    let id = server.id;
    let listed = state.store.run(move |tx| find(tx, None, &id.to_string())).await?;
    Ok(Json(shown(state, &listed, None)))
}
