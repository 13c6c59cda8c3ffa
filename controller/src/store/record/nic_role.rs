//! What a server's NIC is for.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// What a NIC is for. As text: `vpc`, `provisioning`, `parameter-plane:RAIL`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum NicRole {
    /// A tenant's; the server also boots from it where a network provider moves it.
    Vpc,
    /// For provisioning only.
    Provisioning,
    /// The accelerators' network: one NIC for each rail.
    ParameterPlane {
        /// From 0 to 63.
        rail: u32,
    },
}

/// A text that names no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a NIC's role is vpc, provisioning or parameter-plane:RAIL with a rail from 0 to 63")]
pub struct NicRoleError;

impl FromStr for NicRole {
    type Err = NicRoleError;
    fn from_str(text: &str) -> Result<Self, NicRoleError> {
        match text.split_once(':') {
            None if text == "vpc" => Ok(Self::Vpc),
            None if text == "provisioning" => Ok(Self::Provisioning),
            Some(("parameter-plane", rail)) => {
                let rail = rail.parse().ok().filter(|rail| *rail < 64).ok_or(NicRoleError)?;
                Ok(Self::ParameterPlane { rail })
            }
            _ => Err(NicRoleError),
        }
    }
}

impl fmt::Display for NicRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vpc => f.write_str("vpc"),
            Self::Provisioning => f.write_str("provisioning"),
            Self::ParameterPlane { rail } => write!(f, "parameter-plane:{rail}"),
        }
    }
}

impl TryFrom<String> for NicRole {
    type Error = NicRoleError;
    fn try_from(text: String) -> Result<Self, NicRoleError> {
        text.parse()
    }
}

impl From<NicRole> for String {
    fn from(role: NicRole) -> String {
        role.to_string()
    }
}
