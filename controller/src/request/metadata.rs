//! Pairs that a tenant gives its instance.

use super::{fields::kind, problem::Problems};
use crate::request::Fault;
use serde_json::{Map, Value};
use std::{collections::BTreeMap, fmt};

const MAX_PAIRS: usize = 10;
const MAX_CHARS: usize = 255;
const FIELD: &str = "metadata";

/// At most 10 pairs. Values may be secret: no `Debug` shows them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Metadata(BTreeMap<String, String>);

impl Metadata {
    /// The pairs.
    pub const fn pairs(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// An object of strings, or an array of such, as the family once had it.
    pub(crate) fn from_json(value: Value, problems: &mut Problems) -> Self {
        let mut refuse = |fault: Fault| problems.invalid.push(fault.in_field(FIELD));
        let objects: Vec<Map<String, Value>> = match value {
            Value::Object(object) => vec![object],
            Value::Array(items) if items.iter().all(Value::is_object) => {
                items.into_iter().filter_map(|item| if let Value::Object(o) = item { Some(o) } else { None }).collect()
            }
            other => {
                refuse(Fault::new("must be an object of strings", kind(&other)));
                return Self::default();
            }
        };
        let count = objects.iter().map(Map::len).sum::<usize>();
        if count > MAX_PAIRS {
            refuse(Fault::new(format!("must have at most {MAX_PAIRS} pairs"), count));
            return Self::default();
        }
        let mut pairs = BTreeMap::new();
        for (key, value) in objects.into_iter().flatten() {
            match pair(&key, value) {
                Ok(_) if pairs.contains_key(&key) => refuse(Fault::new("must have each key once", &key)),
                Ok(value) => drop(pairs.insert(key, value)),
                Err(fault) => refuse(fault),
            }
        }
        Self(pairs)
    }
}

/// The value, checked. The key is repeated in an answer, the value never.
fn pair(key: &str, value: Value) -> Result<String, Fault> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '_' | ':' | '.');
    if !(1..=MAX_CHARS).contains(&key.chars().count()) {
        return Err(Fault::new(format!("keys must have 1 to {MAX_CHARS} characters"), key));
    }
    if !key.chars().all(legal) {
        return Err(Fault::new("keys must consist of letters, digits, space, '-', '_', ':' and '.'", key));
    }
    let Value::String(value) = value else {
        return Err(Fault::secret(format!("must have a string as the value of '{key}', not {}", kind(&value))));
    };
    if value.chars().count() > MAX_CHARS {
        return Err(Fault::secret(format!("must have at most {MAX_CHARS} characters in the value of '{key}'")));
    }
    if value.chars().any(char::is_control) {
        return Err(Fault::secret(format!("must not have control characters in the value of '{key}'")));
    }
    Ok(value)
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(value: Value) -> Result<Metadata, Problems> {
        let mut problems = Problems::default();
        let metadata = Metadata::from_json(value, &mut problems);
        if problems.is_empty() { Ok(metadata) } else { Err(problems) }
    }

    fn pairs(count: usize) -> Value {
        (0..count).map(|i| (format!("k{i}"), json!("v"))).collect::<Map<_, _>>().into()
    }

    #[test]
    fn the_rules_hold_on_both_sides_of_each_limit() {
        for (value, good) in [
            (json!({}), true),
            (pairs(10), true),
            (pairs(11), false),
            (json!({"a b-c_d:e.f1": "any text: #!\u{e9}"}), true),
            (json!({"": "v"}), false),
            (json!({"k".repeat(255): "v"}), true),
            (json!({"k".repeat(256): "v"}), false),
            (json!({"k": "é".repeat(255)}), true),
            (json!({"k": "é".repeat(256)}), false),
            (json!({"k": ""}), true),
            (json!({"k/": "v"}), false),
            (json!({"é": "v"}), false),
            (json!({"k": "a\nb"}), false),
            (json!({"k": "a\u{7f}b"}), false),
            (json!({"k": 1}), false),
            (json!({"k": null}), false),
            (json!([{"a": "1"}, {"b": "2"}]), true),
            (json!([{"a": "1"}, {"a": "2"}]), false),
            (json!([pairs(10), {"x": "y"}]), false),
            (json!([1]), false),
            (json!("text"), false),
        ] {
            assert_eq!(parse(value.clone()).is_ok(), good, "{value}");
        }
    }

    #[test]
    fn an_array_of_objects_is_merged() {
        let metadata = parse(json!([{"a": "1"}, {"b": "2"}])).unwrap();
        assert_eq!(metadata.pairs().len(), 2);
    }

    #[test]
    fn a_value_is_in_no_problem_and_no_debug() {
        let problems = parse(json!({"k": "hidden\n", "l": ["hidden"]})).unwrap_err();
        assert_eq!(problems.invalid.len(), 2);
        let metadata = parse(json!({"k": "hidden"})).unwrap();
        assert!(!format!("{problems} {problems:?} {metadata:?}").contains("hidden"));
    }
}
