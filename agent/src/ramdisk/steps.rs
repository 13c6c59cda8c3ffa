//! The steps of the ramdisk's orders, one file each.

pub(super) mod choose;
pub(super) mod configure;
pub mod hand_over;
pub(super) mod write;

use super::agent::AgentError;
use crate::{disk::DiskError, inject::InjectError};

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The disk failed, or is not the right one.
    #[error("use the disk")]
    Disk(#[from] DiskError),
    /// The installed system cannot be configured.
    #[error("configure the system")]
    Inject(#[from] InjectError),
    /// The agent refused, or stayed away.
    #[error("ask the agent")]
    Agent(#[from] AgentError),
    /// With a cause of its own.
    #[error("{message}")]
    Other {
        /// One word for programs.
        cause: &'static str,
        /// For a person.
        message: String,
    },
}

impl StepError {
    pub(super) fn other(cause: &'static str, message: impl Into<String>) -> Self {
        Self::Other { cause, message: message.into() }
    }

    /// One word for programs.
    pub fn cause(&self) -> &'static str {
        match self {
            Self::Disk(error) => error.cause(),
            Self::Inject(error) => error.cause(),
            Self::Agent(AgentError::Refused { .. }) => "agent_refused",
            Self::Agent(AgentError::Away { .. }) => "agent_away",
            Self::Other { cause, .. } => cause,
        }
    }
}
