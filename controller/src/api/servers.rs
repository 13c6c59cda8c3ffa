//! `GET /physicalservers`: the servers that a project may use; to an operator, all.

use super::{
    error::ApiError,
    page::{self, Wanted},
    router::AppState,
    schema,
};
use crate::{
    auth::Caller,
    placement::may_use,
    request::Invalid,
    store::{
        Result as StoreResult, Transaction,
        record::{Agent, Instance, ManageState, Server},
    },
};
use axum::{
    Extension, Json,
    extract::{Path, Query, State},
};
use billet_proto::{ProjectId, ServerId};
use serde_json::{Value, json};
use std::collections::HashMap;

/// A server with what belongs to it.
pub(super) struct Whole {
    pub(super) server: Server,
    agent: Option<Agent>,
    instance: Option<Instance>,
}

impl Whole {
    pub(super) fn read(tx: &mut dyn Transaction, server: Server) -> StoreResult<Self> {
        let agent = match server.owner.or(server.registered_agent) {
            Some(agent) => tx.agent(agent)?,
            None => None,
        };
        let instance = tx.instance_on(server.id)?;
        Ok(Self { server, agent, instance })
    }

    pub(super) fn shown(&self, state: &AppState, to: Option<&ProjectId>) -> Value {
        let Self { server, agent, instance } = self;
        let online = server.owner.is_some_and(|agent| state.presence.agent_online(agent));
        let macs: Vec<String> = server.macs.iter().map(ToString::to_string).collect();
        let mut value = json!({
            "id": server.id.to_string(),
            "name": server.id.to_string(),
            "manage_state": server.manage_state.as_str(),
            "health_state": "Unknown",
            "operation_state": "",
            "online": online,
            "unwiped": server.unwiped,
            "uuid": server.uuid,
            "serial": server.serial,
            "macs": macs,
            "onboard_time": server.onboard_time.to_string(),
        });
        // On a shared server another project's instance is not shown.
        let instance = instance.as_ref().filter(|instance| to.is_none_or(|project| instance.project_id == *project));
        let optional = [
            ("project_id", server.project_id.as_ref().map(|project| project.as_str().to_owned())),
            ("agent", agent.as_ref().map(|agent| agent.name.clone())),
            ("instance_id", instance.map(|instance| instance.id.to_string())),
        ];
        for (name, given) in optional {
            if let Some(given) = given {
                value[name] = given.into();
            }
        }
        value
    }
}

fn visible(server: &Server, caller: &Caller, project: &ProjectId) -> bool {
    caller.sees_all() || may_use(server, project)
}

/// Lists the servers that the project may use; to an operator, all.
#[utoipa::path(
    get,
    path = "/physicalservers",
    operation_id = "ListServers",
    tag = "Physical servers",
    params(
        ("limit" = Option<u32>, Query, description = "Fewer than 10 are taken for 10, more than 1000 for 1000"),
        ("marker" = Option<schema::Id>, Query, description = "The last id of the page before"),
        ("manage_state" = Option<schema::server::ManageState>, Query, description = "Only those in this state"),
    ),
    responses((status = 200, description = "A page", body = schema::server::Servers)),
)]
pub(super) async fn list(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Value>, ApiError> {
    let Wanted { limit, marker } = Wanted::<ServerId>::of(&query)?;
    let wanted = query.get("manage_state").filter(|text| !text.is_empty());
    let known = |text: &String| {
        ManageState::from_word(text)
            .ok_or_else(|| Invalid::new("manage_state", "must be onboard, ready, in-use or maintain", text))
    };
    let wanted = wanted.map(known).transpose()?;
    let (reader, for_whom) = (caller.clone(), project.clone());
    let (mut servers, count) = state
        .store
        .read(move |tx| {
            let mut servers = tx.servers()?;
            servers.retain(|server| visible(server, &reader, &for_whom));
            servers.retain(|server| wanted.is_none_or(|state| server.manage_state == state));
            servers.sort_by_key(|server| server.id.uuid());
            let count = servers.len();
            let after = |server: &Server| marker.is_none_or(|marker| server.id.uuid() > marker.uuid());
            let page: Vec<Server> = servers.into_iter().filter(after).take(limit as usize + 1).collect();
            let whole: StoreResult<Vec<Whole>> = page.into_iter().map(|server| Whole::read(tx, server)).collect();
            Ok((whole?, count))
        })
        .await?;
    let next = page::cut(&mut servers, limit, |whole| whole.server.id);
    let to = (!caller.sees_all()).then_some(&project);
    let values: Vec<Value> = servers.iter().map(|whole| whole.shown(&state, to)).collect();
    Ok(Json(json!({ "servers": values, "page_info": page::info(values.len(), next), "count": count })))
}

/// Shows one server.
#[utoipa::path(
    get,
    path = "/physicalservers/{id}",
    operation_id = "ShowServer",
    tag = "Physical servers",
    params(("id" = String, Path, description = "The server's")),
    responses((status = 200, description = "The server", body = schema::server::Server)),
)]
pub(super) async fn show(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Extension(caller): Extension<Caller>,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let (reader, for_whom) = (caller.clone(), project.clone());
    let whole = state.store.run(move |tx| {
        let server = find(tx, &id)?;
        if !visible(&server, &reader, &for_whom) {
            return Err(missing(&id));
        }
        Ok::<_, ApiError>(Whole::read(tx, server)?)
    });
    let to = (!caller.sees_all()).then_some(&project);
    Ok(Json(whole.await?.shown(&state, to)))
}

fn find(tx: &mut dyn Transaction, id: &str) -> Result<Server, ApiError> {
    let found = match id.parse::<ServerId>() {
        Ok(id) => tx.server(id)?,
        Err(_) => None,
    };
    found.ok_or_else(|| missing(id))
}

pub(super) fn missing(id: &str) -> ApiError {
    ApiError::NotFound { what: "physical servers", id: id.chars().take(64).collect() }
}
