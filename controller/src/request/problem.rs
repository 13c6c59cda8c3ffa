//! Why a request is refused: field, rule, and what was given.

use std::fmt;

/// Characters of a given value that are repeated in an answer; more says nothing to a person.
const GIVEN_CHARS: usize = 64;

/// One field that breaks one rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Invalid {
    /// Where it stands, such as `network_interfaces[1].subnet_id`.
    pub field: String,
    /// What is allowed, such as `must have 1 to 63 characters`.
    pub rule: String,
    /// What was given, cut and with control characters escaped; none where it may be a secret.
    pub given: Option<String>,
}

impl Invalid {
    /// A field whose value may be repeated in the answer.
    pub fn new(field: impl Into<String>, rule: impl Into<String>, given: impl fmt::Display) -> Self {
        Self { field: field.into(), rule: rule.into(), given: Some(shown(&given.to_string())) }
    }
    /// A field whose value may not.
    pub fn secret(field: impl Into<String>, rule: impl Into<String>) -> Self {
        Self { field: field.into(), rule: rule.into(), given: None }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.rule)?;
        match &self.given {
            Some(given) => write!(f, ", not '{given}'"),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong with one request: for each field its first problem.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems {
    /// Required fields that are absent or null.
    pub missing: Vec<String>,
    /// Fields that break a rule.
    pub invalid: Vec<Invalid>,
}

impl Problems {
    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.invalid.is_empty()
    }
}

impl From<Invalid> for Problems {
    fn from(invalid: Invalid) -> Self {
        Self { missing: vec![], invalid: vec![invalid] }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = vec![];
        if !self.missing.is_empty() {
            parts.push(format!("missing parameters: {}", self.missing.join(", ")));
        }
        if !self.invalid.is_empty() {
            let all: Vec<_> = self.invalid.iter().map(ToString::to_string).collect();
            parts.push(format!("invalid or unsupported value: {}", all.join("; ")));
        }
        f.write_str(&parts.join("; "))
    }
}

impl std::error::Error for Problems {}

/// Cuts a text and escapes what a terminal or a log would interpret.
pub(crate) fn shown(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars().take(GIVEN_CHARS) {
        if c.is_control() {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    if text.chars().nth(GIVEN_CHARS).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_all_that_is_missing_and_all_that_is_wrong() {
        let problems = Problems {
            missing: vec!["name".into(), "vpc_id".into()],
            invalid: vec![Invalid::new("image_id", "must be an id", "x"), Invalid::secret("password", "is too short")],
        };
        assert_eq!(
            problems.to_string(),
            "missing parameters: name, vpc_id; invalid or unsupported value: \
             image_id must be an id, not 'x'; password is too short"
        );
    }

    #[test]
    fn what_was_given_is_cut_and_cannot_drive_a_terminal() {
        assert_eq!(shown("a\x1b[2J\n"), "a\\u{1b}[2J\\n");
        assert_eq!(shown(&"é".repeat(64)), "é".repeat(64));
        assert_eq!(shown(&"é".repeat(65)), format!("{}…", "é".repeat(64)));
    }
}
