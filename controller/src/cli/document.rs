//! A document of the controller's for people: names and values, one a line, parts of parts with dots between.

use super::{console::Console, error::CliError, table};
use serde_json::Value;

/// Deeper than any document of the API.
const MAX_DEPTH: usize = 16;

/// Prints it, or `done` where it is null.
///
/// # Errors
/// When nobody takes it.
pub fn print(console: &mut Console, document: &Value, done: &str) -> Result<(), CliError> {
    console.result(document, || if document.is_null() { done.to_owned() } else { render(document) })
}

fn render(document: &Value) -> String {
    // A list that stands alone in its answer is what was asked for.
    let items = match document {
        Value::Array(items) => Some(items),
        Value::Object(fields) => {
            let mut lists = fields.iter().filter(|(name, _)| !matches!(name.as_str(), "page_info" | "count"));
            lists.next().and_then(|(_, value)| value.as_array()).filter(|_| lists.next().is_none())
        }
        _ => None,
    };
    match items {
        Some(items) if items.is_empty() => "(none)".to_owned(),
        Some(items) => items.iter().map(pairs).collect::<Vec<_>>().join("\n\n"),
        None => pairs(document),
    }
}

fn pairs(document: &Value) -> String {
    let mut all = Vec::new();
    gather(document, String::new(), 0, &mut all);
    table::pairs(all.iter().map(|(name, value)| (name.as_str(), value.clone())))
}

fn gather(value: &Value, name: String, depth: usize, all: &mut Vec<(String, String)>) {
    let below = |part: &str| if name.is_empty() { part.to_owned() } else { format!("{name}.{part}") };
    match value {
        Value::Object(fields) if depth < MAX_DEPTH => {
            for (part, value) in fields {
                gather(value, below(part), depth + 1, all);
            }
        }
        Value::Array(items) if depth < MAX_DEPTH && items.iter().any(|item| item.is_object() || item.is_array()) => {
            for (index, value) in items.iter().enumerate() {
                gather(value, below(&index.to_string()), depth + 1, all);
            }
        }
        Value::Array(items) => {
            let texts: Vec<String> = items.iter().map(text).collect();
            all.push((name, texts.join(", ")));
        }
        other => all.push((name, text(other))),
    }
}

/// A value on one line; nothing for null.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn parts_have_dots_and_a_list_alone_is_told_item_by_item() {
        let one = json!({ "id": "7", "image": { "id": "8" }, "macs": ["a", "b"], "error": null, "nics": [{ "x": 1 }] });
        assert_eq!(render(&one), "id        7\nimage.id  8\nmacs      a, b\nnics.0.x  1");
        let list = json!({ "vpcs": [{ "id": "1" }, { "id": "2\u{1b}" }], "page_info": {} });
        assert_eq!(render(&list), "id  1\n\nid  2?");
        assert_eq!(render(&json!({ "vpcs": [] })), "(none)");
        assert_eq!(render(&json!([])), "(none)");
    }
}
