//! `/vpcs`: a project's networks, in the family's shape. VPCs may overlap one another.

pub(super) mod create;
pub(super) mod delete;
pub(super) mod list;
pub(super) mod show;
pub(super) mod update;

use super::error::ApiError;
use crate::store::{Transaction, record::Vpc};
use billet_proto::ProjectId;
use serde_json::{Value, json};

/// A VPC of that project.
fn find(tx: &mut dyn Transaction, project: &ProjectId, id: &str) -> Result<Vpc, ApiError> {
    let found = match id.parse() {
        Ok(id) => tx.vpc(id)?,
        Err(_) => None,
    };
    let found = found.filter(|vpc| vpc.project_id == *project);
    found.ok_or_else(|| ApiError::NotFound { what: "VPCs", id: id.chars().take(64).collect() })
}

fn shown(vpc: &Vpc) -> Value {
    json!({
        "id": vpc.id.to_string(),
        "name": vpc.name,
        "cidr": vpc.cidr.to_string(),
        "project_id": vpc.project_id.as_str(),
        "status": "OK",
        "created_at": vpc.created_at.to_string(),
    })
}
