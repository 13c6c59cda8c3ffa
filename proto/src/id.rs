//! Typed ids. All are UUIDs in 8-4-4-4-12 lower-case form, so that one cannot be passed for another.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

/// A text that is not an 8-4-4-4-12 lower-case UUID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not an id: 8-4-4-4-12 lower-case hexadecimal digits")]
pub struct IdError(pub String);

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID.
            pub const fn new(id: Uuid) -> Self { Self(id) }
            /// The UUID itself.
            pub const fn uuid(self) -> Uuid { self.0 }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.hyphenated().fmt(f) }
        }
        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                match Uuid::parse_str(text) {
                    Ok(id) if id.hyphenated().to_string() == text => Ok(Self(id)),
                    _ => Err(IdError(text.chars().take(64).collect())),
                }
            }
        }
        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> { text.parse() }
        }
        impl From<$name> for String {
            fn from(id: $name) -> String { id.to_string() }
        }
    )*};
}

ids! {
    /// A physical machine.
    ServerId;
    /// An operating system installed on a server for a project.
    InstanceId;
    /// What is written.
    ImageId;
    /// A tenant's network.
    VpcId;
    /// A part of a VPC with a gateway.
    SubnetId;
    /// An address that a project holds.
    PrivateIpId;
    /// A daemon that owns servers.
    AgentId;
}

/// A project's id as it stands in a path: 1 to 64 of letters, digits, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProjectId(String);

impl ProjectId {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
impl fmt::Display for ProjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl FromStr for ProjectId {
    type Err = ProjectIdError;
    fn from_str(text: &str) -> Result<Self, ProjectIdError> {
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if text.is_empty() || text.len() > 64 || !text.chars().all(legal) {
            return Err(ProjectIdError);
        }
        Ok(Self(text.to_owned()))
    }
}
impl TryFrom<String> for ProjectId {
    type Error = ProjectIdError;
    fn try_from(text: String) -> Result<Self, ProjectIdError> {
        text.parse()
    }
}
impl From<ProjectId> for String {
    fn from(id: ProjectId) -> String {
        id.0
    }
}

/// A text that is not a project id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a project id is 1 to 64 letters, digits, '-' or '_'")]
pub struct ProjectIdError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_form_is_an_id() {
        let good = "0198170e-4ca7-7000-8000-000000000001";
        assert_eq!(good.parse::<ServerId>().unwrap().to_string(), good);
        for bad in ["", "x", "0198170E-4ca7-7000-8000-000000000001", "0198170e4ca770008000000000000001"] {
            assert!(bad.parse::<ServerId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_project_id_cannot_leave_its_path_segment() {
        assert!("a/b".parse::<ProjectId>().is_err());
        assert!("".parse::<ProjectId>().is_err());
        assert!("lab-1_X".parse::<ProjectId>().is_ok());
    }
}
