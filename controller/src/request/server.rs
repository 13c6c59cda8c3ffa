//! The bodies that operators send about servers and agents.

use super::{
    Problems,
    fields::{Fault, Fields, array, body, boolean, text, typed},
};
use crate::store::record::NicRole;
use billet_proto::ProjectId;
use serde_json::Value;

/// More NICs than any server has.
const MAX_NICS: usize = 32;

/// What an operator says of a server. A field that is absent stays as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterServer {
    /// Which agent may own it.
    pub agent_name: String,
    /// `Some(None)`: from now on in the shared pool.
    pub project_id: Option<Option<ProjectId>>,
    /// Roles of its NICs by port.
    pub roles: Option<Vec<NicRole>>,
    /// Whether another bootable disk is cleared rather than an error.
    pub clear_other_bootable_disks: Option<bool>,
}

/// The agent that is to join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAgent {
    /// 1 to 63 letters, digits, `-`.
    pub agent_name: String,
}

impl RegisterServer {
    /// Reads a JSON body.
    ///
    /// # Errors
    /// For each field its first problem.
    pub fn parse(bytes: &[u8]) -> Result<Self, Problems> {
        parsed(bytes, |fields| {
            let agent_name = fields.required("agent_name", agent_name);
            let to_the_pool = fields.is_null("project_id");
            let project = fields.optional("project_id", typed("must be 1 to 64 letters, digits, '-' or '_'"));
            let project_id = if to_the_pool { Some(None) } else { project.map(Some) };
            let roles = fields.optional("roles", roles);
            let clear_other_bootable_disks = fields.optional("clear_other_bootable_disks", boolean);
            Some(Self { agent_name: agent_name?, project_id, roles, clear_other_bootable_disks })
        })
    }
}

impl NewAgent {
    /// Reads a JSON body.
    ///
    /// # Errors
    /// When the name is missing or breaks its rule.
    pub fn parse(bytes: &[u8]) -> Result<Self, Problems> {
        parsed(bytes, |fields| Some(Self { agent_name: fields.required("agent_name", agent_name)? }))
    }
}

fn parsed<T>(bytes: &[u8], parse: impl FnOnce(&mut Fields<'_>) -> Option<T>) -> Result<T, Problems> {
    let value = body(bytes)?;
    let mut problems = Problems::default();
    let parsed = Fields::new("", value, &mut problems).and_then(|mut fields| parse(&mut fields));
    match parsed {
        Some(request) if problems.is_empty() => Ok(request),
        _ => Err(problems),
    }
}

fn agent_name(value: Value) -> Result<String, Fault> {
    let name = text(value)?;
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if !(1..=63).contains(&name.len()) || !name.chars().all(legal) {
        return Err(Fault::new("must be 1 to 63 letters, digits or '-'", &name));
    }
    Ok(name)
}

fn roles(value: Value) -> Result<Vec<NicRole>, Fault> {
    let role = typed("must be 'vpc', 'provisioning' or 'parameter-plane:RAIL' with a rail from 0 to 63");
    array(value, 0, MAX_NICS)?.into_iter().map(role).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(body: &Value) -> Result<RegisterServer, Problems> {
        RegisterServer::parse(body.to_string().as_bytes())
    }

    #[test]
    fn absent_leaves_a_project_and_null_takes_it_away() {
        let lab: ProjectId = "lab".parse().unwrap();
        for (body, project_id) in [
            (json!({"agent_name": "a"}), None),
            (json!({"agent_name": "a", "project_id": null}), Some(None)),
            (json!({"agent_name": "a", "project_id": "lab"}), Some(Some(lab))),
        ] {
            assert_eq!(parse(&body).unwrap().project_id, project_id, "{body}");
        }
    }

    #[test]
    fn each_rule_names_its_field() {
        for (field, value) in [
            ("agent_name", json!("")),
            ("agent_name", json!("a".repeat(64))),
            ("agent_name", json!("a_b")),
            ("agent_name", json!("ä")),
            ("project_id", json!("a/b")),
            ("roles", json!(["vpc", "other"])),
            ("roles", json!(vec!["vpc"; 33])),
            ("clear_other_bootable_disks", json!("yes")),
        ] {
            let mut body = json!({"agent_name": "a"});
            body[field] = value;
            assert_eq!(parse(&body).unwrap_err().invalid[0].field, field, "{body}");
        }
    }
}
