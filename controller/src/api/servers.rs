//! Physical servers: one file for each call, and how one is shown.
//!
//! Operators see all. A tenant sees its own and those that its instances are on; of the shared pool it sees nothing else.

pub(super) mod events;
pub(super) mod firmware;
pub(super) mod hardware;
pub(super) mod list;
pub(super) mod not_built;
pub(super) mod power;
pub(super) mod show;
pub(super) mod status;
pub(super) mod tags;

use super::{error::ApiError, router::AppState, waiting};
use crate::{
    auth::Caller,
    store::{
        Transaction,
        record::{ListedServer, ManageState, Server, Task, TaskKind},
    },
};
use billet_proto::{ProjectId, ServerId};
use serde_json::{Value, json};

/// Whose servers a caller sees; none: all.
pub(super) fn of(caller: &Caller, project: ProjectId) -> Option<ProjectId> {
    (!caller.sees_all()).then_some(project)
}

/// A server that the project sees.
pub(super) fn find(tx: &mut dyn Transaction, project: Option<&ProjectId>, id: &str) -> Result<ListedServer, ApiError> {
    let found = match id.parse::<ServerId>() {
        Ok(id) => tx.listed_server(id)?,
        Err(_) => None,
    };
    found.filter(|listed| listed.is_seen_by(project)).ok_or_else(|| missing(id))
}

pub(super) fn missing(id: &str) -> ApiError {
    ApiError::NotFound { what: "physical servers", id: id.chars().take(64).collect() }
}

/// The family's object, and ours beside it.
pub(super) fn shown(state: &AppState, listed: &ListedServer, to: Option<&ProjectId>) -> Value {
    let ListedServer { server, agent, unclaimed_since, instance } = listed;
    let online = server.owner.is_some_and(|agent| state.presence.agent_online(agent));
    let macs: Vec<String> = server.macs.iter().map(ToString::to_string).collect();
    let mut value = json!({
        "id": server.id.to_string(),
        "name": if server.name.is_empty() { server.id.to_string() } else { server.name.clone() },
        "domain_id": "",
        "manage_state": server.manage_state.as_str(),
        "health_state": "Unknown",
        "operation_state": server.operation_state,
        "location": { "dc": server.location.dc, "rack": server.location.rack, "unit": server.location.unit },
        "tags": server.tags,
        "online": online,
        "unwiped": server.unwiped,
        "uuid": server.uuid,
        "serial": server.serial,
        "macs": macs,
        "wipe_policy": server.wipe_policy.as_str(),
        "onboard_time": server.onboard_time.to_string(),
    });
    // On a shared server another project's instance is not shown.
    let instance = instance.as_ref().filter(|(_, owner)| to.is_none_or(|project| owner == project));
    let error = server.error.as_ref().map(|cause| {
        json!({ "error_code": cause.cause, "error_msg": cause.message, "error_type": server.manage_state.as_str() })
    });
    let wiped = server
        .last_wipe
        .as_ref()
        .map(|wipe| json!({ "at": wipe.at.to_string(), "policy": wipe.policy.as_str(), "disks": wipe.disks.len() }));
    // Moved in; within `json!` each would be copied, for each entry of a list.
    let waits = server.task.as_ref().map(|task| waiting::shown(&task.waiting));
    let is_unclaimed = server.manage_state == ManageState::Onboard && server.owner.is_none();
    let claim = agent.as_ref().filter(|_| is_unclaimed).map(|agent| format!("agent {agent} to claim it"));
    let claim_since = unclaimed_since.filter(|_| claim.is_some() && server.task.is_none());
    let waiting_for = server.task.as_ref().map(|task| task.waiting_for.clone()).or(claim);
    let optional = waits.into_iter().flatten().chain([
        ("hardware_attributes", Some(summary(server))),
        ("project_id", server.project_id.as_ref().map(|project| project.as_str().into())),
        ("power_state", server.power_on.map(|on| if on { "on" } else { "off" }.into())),
        ("agent", agent.clone().map(Value::from)),
        ("instance_id", instance.map(|(id, _)| id.to_string().into())),
        ("inspected_at", server.inspected_at.map(|at| at.to_string().into())),
        ("last_wipe", wiped),
        ("error", error),
        ("task", server.task.as_ref().map(task)),
        ("waiting_for", waiting_for.map(Value::from)),
        ("waiting_since", claim_since.map(|at| at.to_string().into())),
        ("deadline", server.task_deadline.map(|at| at.to_string().into())),
    ]);
    for (name, given) in optional {
        if let Some(given) = given {
            value[name] = given;
        }
    }
    value
}

fn task(task: &Task) -> Value {
    let mut value = json!({ "kind": task.kind.word(), "step": task.step, "began_at": task.began_at.to_string() });
    if let TaskKind::Wipe { policy } = task.kind {
        value["policy"] = policy.as_str().into();
    }
    if let Some(progress) = task.progress {
        value["done_bytes"] = progress.done_bytes.into();
        value["total_bytes"] = progress.total_bytes.into();
        value["bytes_per_second"] = progress.bytes_per_second.into();
    }
    value
}

/// The family's short form of what the ramdisk saw; before that, what the agent's configuration says.
fn summary(server: &Server) -> Value {
    let seen = &server.hardware;
    json!({
        "sn": if seen.serial.is_empty() { &server.serial } else { &seen.serial },
        "manufacturer": seen.manufacturer,
        "model": seen.model,
        "main_board_manufacturer": seen.board_manufacturer,
        "main_board_serial_number": seen.board_serial,
    })
}
