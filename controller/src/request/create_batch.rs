//! The body of RunInstances, which creates several instances.

use super::{
    CreateInstance, Problems,
    create::nic_without_address,
    fields::{Fault, Fields, array, id, kind, parsed},
};
use billet_proto::ServerId;
use serde_json::Value;
use std::collections::BTreeSet;

/// The family's limit for one call.
pub const MAX_INSTANCES: u32 = 50;
/// Of a name that a number of four digits is added to.
const MAX_BASE_CHARS: usize = 58;

/// A request for several instances that differ in name, server and addresses alone.
#[derive(Debug)]
pub struct CreateBatch {
    /// Each of them; its name is what the others' begin with.
    pub each: CreateInstance,
    /// None: any idle ones. Else 1 to 50, each once.
    pub servers: Option<Vec<ServerId>>,
    /// Fewer are not created at all; at least 1.
    pub min: u32,
    /// More are not created; at most 50.
    pub max: u32,
    /// Whether the request named how many. If not, every server that it names is meant.
    pub counted: bool,
}

impl CreateBatch {
    /// Reads a JSON body.
    ///
    /// # Errors
    /// For each field its first problem; never a password or a metadata value.
    pub fn parse(bytes: &[u8]) -> Result<Self, Problems> {
        parsed(bytes, |fields| {
            let each = CreateInstance::common(fields, nic_without_address);
            let servers = fields.take("placement").and_then(|value| placement(value, fields.problems()));
            let min = fields.optional("min_count", count);
            let max = fields.optional("max_count", count);
            let (counted, size) = (min.is_some() || max.is_some(), servers.as_ref().map(BTreeSet::len));
            let of_set = size.filter(|_| !counted).and_then(|size| u32::try_from(size).ok());
            let min = of_set.or(min).unwrap_or(1);
            let max = of_set.or(max).unwrap_or(min);
            if min > max {
                fields.refuse("max_count", Fault::new(format!("must be at least min_count ({min})"), max));
            }
            if let Some(size) = size.filter(|size| max as usize > *size) {
                let rule = format!("must be at most the size of placement.server_id_set ({size})");
                fields.refuse("max_count", Fault::new(rule, max));
            }
            let each = each?;
            if max > 1 && each.name.as_str().chars().count() > MAX_BASE_CHARS {
                let rule = format!("must have at most {MAX_BASE_CHARS} characters, for a number is added to each name");
                fields.refuse("name", Fault::new(rule, &each.name));
            }
            Some(Self { each, servers: servers.map(|ids| ids.into_iter().collect()), min, max, counted })
        })
    }
}

fn count(value: Value) -> Result<u32, Fault> {
    let rule = format!("must be a number from 1 to {MAX_INSTANCES}");
    let Value::Number(number) = value else { return Err(Fault::new(rule, kind(&value))) };
    let count = number.as_u64().and_then(|count| u32::try_from(count).ok());
    count.filter(|count| (1..=MAX_INSTANCES).contains(count)).ok_or_else(|| Fault::new(rule, number))
}

fn placement(value: Value, problems: &mut Problems) -> Option<BTreeSet<ServerId>> {
    let mut fields = Fields::new("placement", value, problems)?;
    if let Some(one) = fields.take("server_id") {
        // Not ignored: the instances would go to servers that nobody meant.
        fields.refuse("server_id", Fault::new("must stand in server_id_set, as a list", kind(&one)));
    }
    fields.optional("server_id_set", |value| {
        let mut ids = BTreeSet::new();
        for item in array(value, 1, MAX_INSTANCES as usize)? {
            let one: ServerId = id(item)?;
            if !ids.insert(one) {
                return Err(Fault::new("must name each once", one));
            }
        }
        Ok(ids)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ID: &str = "0198170e-4ca7-7000-8000-000000000001";
    const OTHER: &str = "0198170e-4ca7-7000-8000-000000000002";

    fn parse(changes: &Value) -> Result<CreateBatch, Problems> {
        let mut body = json!({
            "name": "web", "image_id": ID, "vpc_id": ID, "password": "Abcdefg1",
            "network_interfaces": [{ "subnet_id": ID }],
        });
        for (field, value) in changes.as_object().unwrap() {
            body[field] = value.clone();
        }
        CreateBatch::parse(body.to_string().as_bytes())
    }

    #[test]
    fn how_many_follows_from_counts_and_the_set_of_servers() {
        let set = json!({ "server_id_set": [ID, OTHER] });
        for (changes, expected) in [
            (json!({}), Ok((1, 1, false))),
            (json!({ "min_count": 3 }), Ok((3, 3, true))),
            (json!({ "max_count": 3 }), Ok((1, 3, true))),
            (json!({ "min_count": 2, "max_count": 50 }), Ok((2, 50, true))),
            (json!({ "placement": set }), Ok((2, 2, false))),
            (json!({ "placement": set, "max_count": 2 }), Ok((1, 2, true))),
            (json!({ "placement": set, "max_count": 3 }), Err("max_count")),
            (json!({ "min_count": 3, "max_count": 2 }), Err("max_count")),
            (json!({ "max_count": 51 }), Err("max_count")),
            (json!({ "min_count": 0 }), Err("min_count")),
            (json!({ "min_count": "2" }), Err("min_count")),
            (json!({ "placement": { "server_id_set": [ID, ID] } }), Err("placement.server_id_set")),
            (json!({ "placement": { "server_id_set": [] } }), Err("placement.server_id_set")),
            (json!({ "placement": { "server_id": ID } }), Err("placement.server_id")),
            (json!({ "name": "a".repeat(63) }), Ok((1, 1, false))),
            (json!({ "name": "a".repeat(58), "max_count": 2 }), Ok((1, 2, true))),
            (json!({ "name": "a".repeat(59), "max_count": 2 }), Err("name")),
            (
                json!({ "network_interfaces": [{ "subnet_id": ID, "ipv4_address": "10.0.0.9" }] }),
                Err("network_interfaces[0].ipv4_address"),
            ),
            (json!({ "network_interfaces": [{ "subnet_id": ID, "ipv4_address": "" }] }), Ok((1, 1, false))),
        ] {
            match (parse(&changes), expected) {
                (Ok(got), Ok(expected)) => assert_eq!((got.min, got.max, got.counted), expected, "{changes}"),
                (Err(problems), Err(field)) => assert_eq!(problems.invalid[0].field, field, "{changes}"),
                (got, _) => panic!("{changes}: {got:?}"),
            }
        }
    }
}
