//! The bodies that operators send about servers and agents.

use super::{
    Problems,
    fields::{Fault, Fields, array, boolean, parsed, plain_text, text, typed},
};
use crate::store::record::{Location, NicRole, WipePolicy};
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
    /// For people; 0 to 63 characters.
    pub name: Option<String>,
    /// Where it stands.
    pub location: Option<Location>,
    /// How it is wiped after an instance.
    pub wipe_policy: Option<WipePolicy>,
    /// Whether the inspection that starts by itself may power off a server that is on.
    pub allow_reset: Option<bool>,
}

/// What an operator wants done with a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerAction {
    /// A boot that only looks.
    Inspect {
        /// A server that is on may be powered off for it.
        allow_reset: bool,
        /// What it sees is the server's baseline from then on.
        accept_baseline: bool,
    },
    /// Taken out of use.
    Maintain {
        /// Shown as long as it is out; 1 to 255 characters.
        reason: String,
    },
    /// Put back.
    Ready,
    /// Erased.
    Wipe {
        /// None: the server's own.
        policy: Option<WipePolicy>,
    },
    /// What is done with it is given up, and it is powered off.
    Cancel,
    /// Used although nothing wiped it.
    AcceptUnwiped,
    /// Retired.
    Offboard {
        /// The operator's word that it is off and unplugged: what is on it ends, and its addresses are free.
        confirm_off: bool,
    },
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
            Some(Self {
                agent_name: agent_name?,
                project_id,
                roles,
                clear_other_bootable_disks,
                name: fields.optional("name", |value| plain_text(value, 0, 63)),
                location: fields.take("location").and_then(|value| location(value, fields.problems())),
                wipe_policy: fields.optional("wipe_policy", wipe_policy),
                allow_reset: fields.optional("allow_reset", boolean),
            })
        })
    }
}

impl ServerAction {
    /// Reads the body of an order to inspect; an empty one is one without fields.
    ///
    /// # Errors
    /// For each field its first problem.
    pub fn inspect(bytes: &[u8]) -> Result<Self, Problems> {
        let flag = |fields: &mut Fields<'_>, name| fields.optional(name, boolean).unwrap_or_default();
        maybe_empty(bytes, |fields| {
            let (allow_reset, accept_baseline) = (flag(fields, "allow_reset"), flag(fields, "accept_baseline"));
            Some(Self::Inspect { allow_reset, accept_baseline })
        })
    }

    /// Reads the body of an order to take a server out.
    ///
    /// # Errors
    /// When the reason is missing or breaks its rule.
    pub fn maintain(bytes: &[u8]) -> Result<Self, Problems> {
        maybe_empty(bytes, |fields| {
            Some(Self::Maintain { reason: fields.required("reason", |value| plain_text(value, 1, 255))? })
        })
    }

    /// Reads the body of an order to retire a server; an empty one is one without fields.
    ///
    /// # Errors
    /// When the word is neither true nor false.
    pub fn offboard(bytes: &[u8]) -> Result<Self, Problems> {
        let parse = |fields: &mut Fields<'_>| fields.optional("confirm_off", boolean).unwrap_or_default();
        maybe_empty(bytes, |fields| Some(Self::Offboard { confirm_off: parse(fields) }))
    }

    /// Reads the body of an order to wipe; an empty one is one without fields.
    ///
    /// # Errors
    /// When the policy breaks its rule.
    pub fn wipe(bytes: &[u8]) -> Result<Self, Problems> {
        maybe_empty(bytes, |fields| Some(Self::Wipe { policy: fields.optional("policy", wipe_policy) }))
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

fn maybe_empty<T>(bytes: &[u8], parse: impl FnOnce(&mut Fields<'_>) -> Option<T>) -> Result<T, Problems> {
    parsed(if bytes.is_empty() { b"{}" } else { bytes }, parse)
}

fn wipe_policy(value: Value) -> Result<WipePolicy, Fault> {
    let word = text(value)?;
    WipePolicy::from_word(&word).ok_or_else(|| Fault::new("must be full or metadata", &word))
}

fn location(value: Value, problems: &mut Problems) -> Option<Location> {
    let mut fields = Fields::new("location", value, problems)?;
    let mut part = |name| fields.optional(name, |value| plain_text(value, 0, 64)).unwrap_or_default();
    Some(Location { dc: part("dc"), rack: part("rack"), unit: part("unit") })
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
            ("name", json!("a".repeat(64))),
            ("wipe_policy", json!("none")),
            ("allow_reset", json!(1)),
            ("location", json!("here")),
        ] {
            let mut body = json!({"agent_name": "a"});
            body[field] = value;
            assert_eq!(parse(&body).unwrap_err().invalid[0].field, field, "{body}");
        }
    }
}
