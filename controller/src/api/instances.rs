//! Instances: one file for each call, and how one is shown.

pub(super) mod create;
pub(super) mod create_batch;
pub(super) mod delete;
pub(super) mod delete_batch;
mod dry_run;
pub(super) mod list;
pub(super) mod modify_ip;
pub(super) mod password;
pub(super) mod reinstall;
pub(super) mod show;
pub(super) mod status;
pub(super) mod tags;

use super::{error::ApiError, router::AppState, waiting};
use crate::{
    host_key::fingerprint,
    store::{
        Transaction,
        record::{Image, Instance},
    },
};
use axum::Json;
use billet_proto::{InstanceId, ProjectId};
use serde_json::{Value, json};

/// The family's answer to calls for several.
fn ids(instances: &[InstanceId]) -> Json<Value> {
    let each = |id: &InstanceId| json!({ "id": id.to_string() });
    Json(json!({ "instances": instances.iter().map(each).collect::<Vec<_>>() }))
}

/// An id of a path.
pub(super) fn id_of(text: &str) -> Result<InstanceId, ApiError> {
    text.parse().map_err(|_| ApiError::NotFound { what: "instances", id: text.chars().take(64).collect() })
}

/// An instance of that project; those that were terminated are gone.
pub(super) fn find(tx: &mut dyn Transaction, project: &ProjectId, id: &str) -> Result<Instance, ApiError> {
    let found = match id.parse::<InstanceId>() {
        Ok(id) => tx.instance(id)?,
        Err(_) => None,
    };
    let found = found.filter(|instance| instance.project_id == *project);
    found.ok_or_else(|| ApiError::NotFound { what: "instances", id: id.chars().take(64).collect() })
}

/// The error object of an instance that has one.
fn error(instance: &Instance) -> Option<Value> {
    let cause = instance.error.as_ref()?;
    Some(json!({ "error_code": cause.cause, "error_msg": cause.message, "error_type": instance.operation.word() }))
}

/// Where an instance stands, in the family's words.
pub(super) fn standing(instance: &Instance) -> Json<Value> {
    let standing = instance.standing();
    let mut value = json!({ "state": standing.state(), "operation_state": standing.operation_state() });
    if let Some(error) = error(instance) {
        value["error"] = error;
    }
    Json(value)
}

/// The family's object, and ours beside it.
fn shown(state: &AppState, instance: &Instance, image: Option<&Image>) -> Result<Value, ApiError> {
    let (nics, plane) = nics(instance);
    let mut value = json!({
        "id": instance.id.to_string(),
        "name": instance.name,
        "description": instance.description,
        "project_id": instance.project_id.as_str(),
        "vpc_id": instance.vpc_id.to_string(),
        "tags": instance.tags,
        "ssh_keys": instance.ssh_keys,
        "state": instance.standing().state(),
        "operation_state": instance.standing().operation_state(),
        "metadata": state.secrets.metadata(instance)?,
        "server_id": instance.server_id.to_string(),
        "created_at": instance.created_at.to_string(),
        "updated_at": instance.updated_at.to_string(),
        "launched_at": instance.launched_at.map(|at| at.to_string()).unwrap_or_default(),
        "phase": instance.phase.word(),
        "waiting_for": instance.waiting_for,
    });
    let image = image.map(|image| json!({ "id": image.id.to_string(), "name": image.name, "os_type": image.os_type }));
    // Moved in; within `json!` each would be copied, for each entry of a list.
    let optional = waiting::shown(&instance.waiting).into_iter().chain([
        ("network_interfaces", Some(nics.into())),
        ("parameter_plane_interfaces", Some(plane.into())),
        ("image", image),
        ("error", error(instance)),
        ("deadline", instance.deadline.map(|at| at.to_string().into())),
        ("host_key", instance.host_key.clone().map(Value::from)),
        ("host_key_fingerprint", instance.host_key.as_deref().and_then(fingerprint).map(Value::from)),
        ("proof", instance.proof.clone().map(Value::from)),
        ("boot_trust", instance.boot_trust.clone().map(Value::from)),
    ]);
    for (name, given) in optional {
        if let Some(given) = given {
            value[name] = given;
        }
    }
    Ok(value)
}

/// The NICs of the VPC, and those of the parameter plane with their rails.
fn nics(instance: &Instance) -> (Vec<Value>, Vec<Value>) {
    let (mut in_vpc, mut on_plane) = (Vec::new(), Vec::new());
    for nic in &instance.nics {
        let mut value = json!({
            "subnet_id": nic.subnet_id.to_string(),
            "ipv4_address": nic.address.to_string(),
            "mac_address": nic.mac.to_string(),
        });
        match nic.rail {
            None => in_vpc.push(value),
            Some(rail) => {
                value["rail"] = rail.into();
                on_plane.push(value);
            }
        }
    }
    (in_vpc, on_plane)
}
