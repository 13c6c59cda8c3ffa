//! `/privateips`: addresses that a project holds, with or without an instance. One that is held is never handed out by
//! itself: the instance that names it gets it, and when the instance ends it stays held.

pub(super) mod create;
pub(super) mod delete;
pub(super) mod list;
pub(super) mod show;

use super::error::ApiError;
use crate::store::{Transaction, record::PrivateIp};
use billet_proto::ProjectId;
use serde_json::{Value, json};

/// An address that this project holds.
fn find(tx: &mut dyn Transaction, project: &ProjectId, id: &str) -> Result<PrivateIp, ApiError> {
    let found = match id.parse() {
        Ok(id) => tx.private_ip(id)?,
        Err(_) => None,
    };
    let found = found.filter(|held| held.project_id == *project);
    found.ok_or_else(|| ApiError::NotFound { what: "private IPs", id: id.chars().take(64).collect() })
}

/// The family's object: `status` and `device_owner` are its words for whether a machine has the address.
fn shown(held: &PrivateIp) -> Value {
    let mut value = json!({
        "id": held.id.to_string(),
        "subnet_id": held.subnet_id.to_string(),
        "vpc_id": held.vpc_id.to_string(),
        "tenant_id": held.project_id.as_str(),
        "ip_address": held.address.to_string(),
        "status": if held.instance_id.is_some() { "ACTIVE" } else { "DOWN" },
        "device_owner": if held.instance_id.is_some() { "compute:baremetal" } else { "" },
        "created_at": held.created_at.to_string(),
    });
    if let Some(instance) = held.instance_id {
        value["instance_id"] = instance.to_string().into();
    }
    value
}
