//! Takes the fields of a JSON object one by one and collects what is wrong with them.

use super::problem::{Invalid, Problems, shown};
use serde_json::{Map, Value};
use std::{borrow::Cow, fmt, str::FromStr};

/// A value that breaks a rule, before it is known in which field it stands.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) rule: Cow<'static, str>,
    pub(crate) given: Option<String>,
}

impl Fault {
    pub(crate) fn new(rule: impl Into<Cow<'static, str>>, given: impl fmt::Display) -> Self {
        Self { rule: rule.into(), given: Some(shown(&given.to_string())) }
    }
    pub(crate) fn secret(rule: impl Into<Cow<'static, str>>) -> Self {
        Self { rule: rule.into(), given: None }
    }
    pub(crate) fn in_field(self, field: impl Into<String>) -> Invalid {
        Invalid { field: field.into(), rule: self.rule.into_owned(), given: self.given }
    }
}

/// A JSON object being taken apart. Unknown fields are ignored, because clients evolve; null means absent, because
/// some clients send it so.
pub(crate) struct Fields<'p> {
    prefix: String,
    object: Map<String, Value>,
    problems: &'p mut Problems,
}

/// The JSON object that a body is.
pub(crate) fn body(bytes: &[u8]) -> Result<Value, Problems> {
    // serde_json's text names line and column, and quotes nothing of a document that is no JSON at all.
    let value = serde_json::from_slice(bytes).map_err(|error| {
        Invalid::secret("body", format!("must be JSON (line {}, column {})", error.line(), error.column()))
    })?;
    Ok(value)
}

/// Reads a JSON object from its fields.
pub(crate) fn parsed<T>(bytes: &[u8], parse: impl FnOnce(&mut Fields<'_>) -> Option<T>) -> Result<T, Problems> {
    let value = body(bytes)?;
    let mut problems = Problems::default();
    let parsed = Fields::new("", value, &mut problems).and_then(|mut fields| parse(&mut fields));
    match parsed {
        Some(request) if problems.is_empty() => Ok(request),
        _ => Err(problems),
    }
}

impl<'p> Fields<'p> {
    /// Begins with the value at `prefix` (empty: the body itself); none when it is not an object.
    pub(crate) fn new(prefix: &str, value: Value, problems: &'p mut Problems) -> Option<Self> {
        match value {
            Value::Object(object) => Some(Self { prefix: prefix.to_owned(), object, problems }),
            other => {
                let field = if prefix.is_empty() { "body" } else { prefix };
                problems.invalid.push(Fault::new("must be an object", kind(&other)).in_field(field));
                None
            }
        }
    }

    /// The full name of a field.
    pub(crate) fn path(&self, field: &str) -> String {
        if self.prefix.is_empty() { field.to_owned() } else { format!("{}.{field}", self.prefix) }
    }

    /// The field as it stands, where it is neither absent nor null.
    pub(crate) fn take(&mut self, field: &str) -> Option<Value> {
        self.object.remove(field).filter(|value| !value.is_null())
    }

    /// Whether the field is there and null.
    pub(crate) fn is_null(&self, field: &str) -> bool {
        self.object.get(field).is_some_and(Value::is_null)
    }

    /// A field that must be there.
    pub(crate) fn required<T>(&mut self, field: &str, parse: impl FnOnce(Value) -> Result<T, Fault>) -> Option<T> {
        match self.take(field) {
            Some(value) => self.parsed(field, parse(value)),
            None => {
                let path = self.path(field);
                self.problems.missing.push(path);
                None
            }
        }
    }

    /// A field that may be absent.
    pub(crate) fn optional<T>(&mut self, field: &str, parse: impl FnOnce(Value) -> Result<T, Fault>) -> Option<T> {
        let value = self.take(field)?;
        self.parsed(field, parse(value))
    }

    /// Records a problem of a field.
    pub(crate) fn refuse(&mut self, field: &str, fault: Fault) {
        let path = self.path(field);
        self.problems.invalid.push(fault.in_field(path));
    }

    /// Where the problems go, for parts of this object.
    pub(crate) fn problems(&mut self) -> &mut Problems {
        self.problems
    }

    fn parsed<T>(&mut self, field: &str, parsed: Result<T, Fault>) -> Option<T> {
        parsed.map_err(|fault| self.refuse(field, fault)).ok()
    }
}

/// What a value is, for messages: its content may be large, or a secret.
pub(crate) const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// A string.
pub(crate) fn text(value: Value) -> Result<String, Fault> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(Fault::new("must be a string", kind(&other))),
    }
}

/// A string of `min` to `max` characters without control characters.
pub(crate) fn plain_text(value: Value, min: usize, max: usize) -> Result<String, Fault> {
    let text = text(value)?;
    length(&text, min, max)?;
    if text.chars().any(char::is_control) {
        return Err(Fault::new("must not contain control characters", &text));
    }
    Ok(text)
}

/// Checks how many characters a text has.
pub(crate) fn length(text: &str, min: usize, max: usize) -> Result<(), Fault> {
    // One more than allowed is enough to know.
    let characters = text.chars().take(max + 1).count();
    if (min..=max).contains(&characters) {
        return Ok(());
    }
    Err(Fault::new(format!("must have {min} to {max} characters"), text))
}

/// A string that a type reads; `rule` says which.
pub(crate) fn typed<T: FromStr>(rule: &'static str) -> impl Fn(Value) -> Result<T, Fault> {
    move |value| {
        let text = text(value)?;
        text.parse().map_err(|_| Fault::new(rule, &text))
    }
}

/// An id.
pub(crate) fn id<T: FromStr>(value: Value) -> Result<T, Fault> {
    typed("must be an id (8-4-4-4-12 lower-case hexadecimal digits)")(value)
}

/// An array of at most `max` elements.
pub(crate) fn array(value: Value, min: usize, max: usize) -> Result<Vec<Value>, Fault> {
    match value {
        Value::Array(items) if (min..=max).contains(&items.len()) => Ok(items),
        Value::Array(items) => Err(Fault::new(format!("must have {min} to {max} elements"), items.len())),
        other => Err(Fault::new("must be an array", kind(&other))),
    }
}

/// A boolean.
pub(crate) fn boolean(value: Value) -> Result<bool, Fault> {
    value.as_bool().ok_or_else(|| Fault::new("must be true or false", kind(&value)))
}
