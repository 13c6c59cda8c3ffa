//! Work on a server itself, and what it leaves behind.

use super::Waiting;
use crate::clock::Timestamp;
use billet_proto::link::{Disk, WipedDisk};
use serde::{Deserialize, Serialize};

/// A wipe that ended well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Wipe {
    /// When.
    pub at: Timestamp,
    /// How thoroughly.
    pub policy: WipePolicy,
    /// What was erased, how, and how much of it was read back.
    pub disks: Vec<WipedDisk>,
    /// Of the order; 0: an older version recorded it.
    #[serde(default)]
    pub generation: u64,
    /// When the order was accepted.
    #[serde(default)]
    pub began_at: Option<Timestamp>,
}

/// What is erased before another instance is placed on a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WipePolicy {
    /// Everything.
    Full,
    /// Partition tables and signatures: only for a server that goes back to the same project.
    Metadata,
}

impl WipePolicy {
    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Metadata => "metadata",
        }
    }
    /// The policy with that word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Full, Self::Metadata].into_iter().find(|policy| policy.as_str() == word)
    }
}

/// Work on a server itself, which an agent does: one at a time, and none while its instance has an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// What is to be done.
    pub kind: TaskKind,
    /// Of the order.
    pub generation: u64,
    /// The step that the agent reported last; empty before the first.
    pub step: String,
    /// What it waits for, for a person.
    pub waiting_for: String,
    /// Since when, which try it is, and when the next one comes.
    #[serde(default)]
    pub waiting: Waiting,
    /// When it was accepted.
    pub began_at: Timestamp,
    /// How far the step came.
    #[serde(default)]
    pub progress: Option<TaskProgress>,
    /// Those to erase, as they were recorded when the wipe was accepted: what a later boot sees does not change them.
    #[serde(default)]
    pub disks: Vec<Disk>,
    /// Of an inspection: what the ramdisk saw was told.
    #[serde(default)]
    pub is_told: bool,
}

/// How far a step came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskProgress {
    /// Bytes done.
    pub done_bytes: u64,
    /// Bytes in all.
    pub total_bytes: u64,
    /// Bytes each second.
    pub bytes_per_second: u64,
}

/// What is to be done on a server itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskKind {
    /// A boot that only looks.
    Inspect {
        /// A server that is on may be powered off for it.
        allow_reset: bool,
        /// What it sees is the server's baseline from then on.
        #[serde(default)]
        accept_baseline: bool,
        /// It may be used afterwards, though what a tenant wrote is on it still.
        #[serde(default)]
        accept_unwiped: bool,
    },
    /// Erasing.
    Wipe {
        /// How thoroughly.
        policy: WipePolicy,
    },
    /// Power for a server without an instance.
    PowerOn,
    /// As above.
    PowerOff,
    /// As above.
    Reboot,
}
