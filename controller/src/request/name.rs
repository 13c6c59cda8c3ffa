//! An instance's name, and the host name that its OS gets.

use super::fields::{Fault, length, text};
use billet_proto::InstanceId;
use serde_json::Value;
use std::fmt;

/// An instance's name: 1 to 63 of `A-Z a-z 0-9 _ - .`, kept as given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceName(String);

/// A host name after RFC 1123 §2.1: labels of letters, digits and inner hyphens, joined by dots; at most 63 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hostname(String);

impl InstanceName {
    pub(crate) fn from_json(value: Value) -> Result<Self, Fault> {
        let name = text(value)?;
        length(&name, 1, 63)?;
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')) {
            return Err(Fault::new("must consist of letters A-Z a-z, digits, '_', '-' and '.'", &name));
        }
        Ok(Self(name))
    }
    /// As given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// The host name of the instance's OS.
    pub fn hostname(&self, id: InstanceId) -> Hostname {
        Hostname::derive(&self.0, id)
    }
}

impl fmt::Display for InstanceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Hostname {
    /// Makes a host name of an instance's name: `_` becomes `-`, hyphens at the edges of labels and empty labels go.
    /// Where nothing is left it is `i-` and the last 12 digits of the id.
    pub fn derive(name: &str, id: InstanceId) -> Self {
        let dashed = name.replace('_', "-");
        let labels: Vec<_> = dashed.split('.').map(|label| label.trim_matches('-')).filter(|l| !l.is_empty()).collect();
        if labels.is_empty() {
            let id = id.uuid().simple().to_string();
            return Self(format!("i-{}", &id[20..]));
        }
        Self(labels.join("."))
    }
    /// In full; an FQDN where the name was dotted.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// The first label.
    pub fn short(&self) -> &str {
        self.0.split('.').next().unwrap_or(&self.0)
    }
}

impl fmt::Display for Hostname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id() -> InstanceId {
        "0198170e-4ca7-7000-8000-0123456789ab".parse().unwrap()
    }

    #[test]
    fn a_host_name_is_what_rfc_1123_leaves_of_the_name() {
        for (name, full, short) in [
            ("web-1", "web-1", "web-1"),
            ("Web_1", "Web-1", "Web-1"),
            ("db.example.org", "db.example.org", "db"),
            ("_a_.-b-..c", "a.b.c", "a"),
            ("...", "i-0123456789ab", "i-0123456789ab"),
            ("___", "i-0123456789ab", "i-0123456789ab"),
            ("-._", "i-0123456789ab", "i-0123456789ab"),
        ] {
            let hostname = Hostname::derive(name, id());
            assert_eq!((hostname.as_str(), hostname.short()), (full, short), "{name}");
        }
    }

    proptest! {
        #[test]
        fn every_name_gives_a_legal_host_name(name in "[A-Za-z0-9_.-]{1,63}") {
            let hostname = InstanceName::from_json(name.into()).unwrap().hostname(id());
            prop_assert!(hostname.as_str().len() <= 63);
            for label in hostname.as_str().split('.') {
                prop_assert!(!label.is_empty() && !label.starts_with('-') && !label.ends_with('-'), "{}", hostname);
                prop_assert!(label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'));
            }
        }
    }
}
