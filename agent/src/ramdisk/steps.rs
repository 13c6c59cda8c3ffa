//! The steps of the ramdisk's orders, one file each.

pub(super) mod choose;
pub(super) mod configure;
pub(super) mod hand_over;
pub(super) mod write;

use super::agent::AgentError;
use crate::{disk::DiskError, inject::InjectError};

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum StepError {
    #[error("use the disk")]
    Disk(#[from] DiskError),
    #[error("configure the system")]
    Inject(#[from] InjectError),
    #[error("ask the agent")]
    Agent(#[from] AgentError),
    /// With a cause of its own.
    #[error("{message}")]
    Other { cause: &'static str, message: String },
}

impl StepError {
    pub(super) fn other(cause: &'static str, message: impl Into<String>) -> Self {
        Self::Other { cause, message: message.into() }
    }

    /// One word for programs.
    pub(super) fn cause(&self) -> &'static str {
        match self {
            Self::Disk(error) => error.cause(),
            Self::Inject(error) => error.cause(),
            Self::Agent(AgentError::Refused { .. }) => "agent_refused",
            Self::Agent(AgentError::Away { .. }) => "agent_away",
            Self::Other { cause, .. } => cause,
        }
    }
}
