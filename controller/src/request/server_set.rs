//! The body of the family's call on servers' power.

use super::{
    Problems,
    fields::{Fault, array, id, parsed, text},
};
use crate::lifecycle::{PowerAction, server_power};
use billet_proto::ServerId;

/// As many as the family's call takes.
const MAX_SERVERS: usize = 50;

/// Servers to be powered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PowerServers {
    /// How.
    pub action: PowerAction,
    /// Each once.
    pub ids: Vec<ServerId>,
}

impl PowerServers {
    /// Reads a JSON body.
    ///
    /// # Errors
    /// For each field its first problem.
    pub fn parse(bytes: &[u8]) -> Result<Self, Problems> {
        parsed(bytes, |fields| {
            let action = fields.required("action", |value| {
                let word = text(value)?;
                let rule = "must be 'power on', 'power off' or 'rebooting'";
                server_power::from_word(&word).ok_or_else(|| Fault::new(rule, &word))
            });
            let ids = fields.required("server_id_set", |value| {
                array(value, 1, MAX_SERVERS)?.into_iter().map(id).collect::<Result<Vec<ServerId>, Fault>>()
            });
            let (action, mut ids) = (action?, ids?);
            ids.sort_by_key(|id| id.uuid());
            ids.dedup();
            Some(Self { action, ids })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn power_has_three_words_and_at_most_fifty_servers() {
        let id = "0198170e-4ca7-7000-8000-000000000001";
        let parse = |body: Value| PowerServers::parse(body.to_string().as_bytes());
        let twice = parse(json!({ "action": "power on", "server_id_set": [id, id] })).unwrap();
        assert_eq!((twice.action, twice.ids.len()), (PowerAction::On, 1));
        for (field, body) in [
            ("action", json!({ "action": "power-on", "server_id_set": [id] })),
            ("server_id_set", json!({ "action": "rebooting", "server_id_set": [] })),
            ("server_id_set", json!({ "action": "rebooting", "server_id_set": vec![id; 51] })),
            ("server_id_set", json!({ "action": "rebooting", "server_id_set": ["x"] })),
        ] {
            assert_eq!(parse(body).unwrap_err().invalid[0].field, field);
        }
    }
}
