//! Labels of instances and servers.

use super::{
    Problems,
    fields::{Fault, array, length, parsed, text},
};
use crate::store::record::Tag;
use serde_json::Value;
use std::collections::BTreeMap;

/// Labels that one object may have.
pub const MAX_TAGS: usize = 20;
/// What keys of the family's own begin with.
const RESERVED: &str = "_sys_";

/// What is to become of an object's labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagChange {
    /// Added, or given another value.
    Put(Vec<Tag>),
    /// Taken off, whatever their values, by key.
    Remove(Vec<String>),
}

impl TagChange {
    /// Reads the body of a call that adds labels.
    ///
    /// # Errors
    /// For each field its first problem.
    pub fn parse_put(bytes: &[u8]) -> Result<Self, Problems> {
        parsed(bytes, |fields| fields.required("tags", |value| tags(value, 1)).map(Self::Put))
    }

    /// Reads the body of a call that takes labels off; only their keys matter.
    ///
    /// # Errors
    /// For each field its first problem.
    pub fn parse_remove(bytes: &[u8]) -> Result<Self, Problems> {
        let keys = |value| Ok::<_, Fault>(tags(value, 1)?.into_iter().map(|tag| tag.key).collect());
        parsed(bytes, |fields| fields.required("tags", keys).map(Self::Remove))
    }

    /// The labels of an object that had `known`, by key.
    ///
    /// # Errors
    /// When they would be too many.
    pub fn apply(&self, known: &[Tag]) -> Result<Vec<Tag>, super::Invalid> {
        let mut by_key: BTreeMap<String, String> =
            known.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect();
        match self {
            Self::Put(tags) => by_key.extend(tags.iter().map(|tag| (tag.key.clone(), tag.value.clone()))),
            Self::Remove(keys) => by_key.retain(|key, _| !keys.contains(key)),
        }
        if by_key.len() > MAX_TAGS {
            let rule = format!("must leave at most {MAX_TAGS} tags in all");
            return Err(super::Invalid::new("tags", rule, by_key.len()));
        }
        Ok(by_key.into_iter().map(|(key, value)| Tag { key, value }).collect())
    }
}

/// `min` to 20 of `{key, value}`, each key once; sorted by key.
pub(super) fn tags(value: Value, min: usize) -> Result<Vec<Tag>, Fault> {
    let mut by_key = BTreeMap::new();
    for item in array(value, min, MAX_TAGS)? {
        let Value::Object(mut object) = item else {
            return Err(Fault::new("must be objects with key and value", super::fields::kind(&item)));
        };
        let key = key(object.remove("key").unwrap_or_default())?;
        let value = match object.remove("value") {
            None | Some(Value::Null) => String::new(),
            Some(value) => label(text(value)?)?,
        };
        if by_key.insert(key.clone(), value).is_some() {
            return Err(Fault::new("must have each key once", key));
        }
    }
    Ok(by_key.into_iter().map(|(key, value)| Tag { key, value }).collect())
}

fn key(value: Value) -> Result<String, Fault> {
    let key = text(value)?;
    length(&key, 1, 128)?;
    let legal = |c: char| c.is_alphanumeric() || " _.:=+-@".contains(c);
    if !key.chars().all(legal) {
        return Err(Fault::new("keys must consist of letters, digits, blanks and _.:=+-@", key));
    }
    if key.trim() != key || key.starts_with(RESERVED) {
        return Err(Fault::new(format!("keys must not begin or end with a blank, nor begin with {RESERVED}"), key));
    }
    Ok(key)
}

fn label(value: String) -> Result<String, Fault> {
    length(&value, 0, 255)?;
    let legal = |c: char| c.is_alphanumeric() || " _.:=+-@/".contains(c);
    if value.chars().all(legal) {
        return Ok(value);
    }
    Err(Fault::new("values must consist of letters, digits, blanks and _.:=+-@/", value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_rule_holds_on_both_sides_of_its_limit() {
        let tag = |key: &str, value: Value| json!([{ "key": key, "value": value }]);
        for (given, good) in [
            (tag("k", json!("v")), true),
            (tag("k", json!(null)), true),
            (tag(&"k".repeat(128), json!("")), true),
            (tag(&"k".repeat(129), json!("")), false),
            (tag("", json!("")), false),
            (tag(" k", json!("")), false),
            (tag("k ", json!("")), false),
            (tag("a b_.:=+-@1", json!("a/b")), true),
            (tag("a/b", json!("")), false),
            (tag("_sys_k", json!("")), false),
            (tag("k", json!("v".repeat(255))), true),
            (tag("k", json!("v".repeat(256))), false),
            (tag("k", json!("a\nb")), false),
            (tag("k", json!(1)), false),
            (json!([{ "key": "a", "value": "1" }, { "key": "a", "value": "2" }]), false),
            (json!(["a"]), false),
            (json!({ "a": "b" }), false),
            ((0..20).map(|i| json!({ "key": format!("k{i}"), "value": "" })).collect(), true),
            ((0..21).map(|i| json!({ "key": format!("k{i}"), "value": "" })).collect(), false),
        ] {
            assert_eq!(tags(given.clone(), 0).is_ok(), good, "{given}");
        }
    }

    #[test]
    fn a_change_adds_replaces_and_takes_off_and_never_leaves_too_many() {
        let tag = |key: &str, value: &str| Tag { key: key.into(), value: value.into() };
        let known = [tag("a", "1"), tag("b", "2")];
        let put = TagChange::parse_put(br#"{"tags":[{"key":"c","value":"3"},{"key":"a","value":"9"}]}"#).unwrap();
        assert_eq!(put.apply(&known).unwrap(), [tag("a", "9"), tag("b", "2"), tag("c", "3")]);
        let remove = TagChange::parse_remove(br#"{"tags":[{"key":"a"},{"key":"unknown"}]}"#).unwrap();
        assert_eq!(remove.apply(&known).unwrap(), [tag("b", "2")]);
        let many: Vec<Tag> = (0..20).map(|i| tag(&format!("k{i:02}"), "")).collect();
        assert_eq!(put.apply(&many).unwrap_err().field, "tags");
    }
}
