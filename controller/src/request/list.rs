//! What ListInstances is asked for, beside its page.

use super::Invalid;
use crate::store::InstancesWanted;
use billet_proto::ProjectId;
use std::{collections::HashMap, str::FromStr};

/// Ids in one query.
const MAX_IDS: usize = 100;
/// The family's words of today, and of its first year.
const STATES: [(&str, &[&str]); 13] = [
    ("pending", &["pending"]),
    ("running", &["running"]),
    ("stopped", &["stopped"]),
    ("shutting-down", &["shutting-down"]),
    ("terminated", &["terminated"]),
    ("error", &["error"]),
    ("failed", &["error"]),
    // What was a state of its own then is seen in operation_state now.
    ("stopping", &["running"]),
    ("reinstalling", &["pending"]),
    ("modifyIping", &["pending"]),
    ("switch-installing", &["pending"]),
    ("modify-iping", &["pending"]),
    ("starting", &["stopped"]),
];

impl InstancesWanted {
    /// Reads a query's filters; the page is the caller's to set.
    ///
    /// # Errors
    /// For the first filter that breaks a rule.
    pub fn parse(query: &HashMap<String, String>, project: ProjectId) -> Result<Self, Invalid> {
        let given = |field: &str| query.get(field).filter(|text| !text.is_empty());
        if let (Some(_), Some(servers)) = (given("instance_id"), given("server_id")) {
            return Err(Invalid::new("server_id", "must be absent where instance_id is given", servers));
        }
        let tag = given("tag").map(|text| match text.split_once('=') {
            Some((key, value)) => (key.to_owned(), Some(value.to_owned())),
            None => (text.clone(), None),
        });
        Ok(Self {
            project,
            ids: given("instance_id").map_or(Ok(Vec::new()), |text| ids("instance_id", text))?,
            servers: given("server_id").map_or(Ok(Vec::new()), |text| ids("server_id", text))?,
            states: given("instance_state").map_or(Ok(Vec::new()), |text| states(text))?,
            name: given("name").cloned(),
            tag,
            marker: None,
            limit: 0,
        })
    }
}

fn ids<Id: FromStr>(field: &str, text: &str) -> Result<Vec<Id>, Invalid> {
    let parts: Vec<&str> = text.split(',').take(MAX_IDS + 1).collect();
    if parts.len() > MAX_IDS {
        return Err(Invalid::new(field, format!("must name at most {MAX_IDS}"), format!("more than {MAX_IDS}")));
    }
    let parse =
        |part: &&str| part.trim().parse().map_err(|_| Invalid::new(field, "must be ids joined by commas", part));
    parts.iter().map(parse).collect()
}

fn states(text: &str) -> Result<Vec<String>, Invalid> {
    let mut words = Vec::new();
    for part in text.split(',').take(STATES.len() + 1) {
        let known = STATES.iter().find(|(word, _)| *word == part.trim());
        let rule = "must be of pending, running, stopped, shutting-down, terminated and error";
        let (_, now) = known.ok_or_else(|| Invalid::new("instance_state", rule, part))?;
        words.extend(now.iter().map(|word| (*word).to_owned()));
    }
    Ok(words)
}
