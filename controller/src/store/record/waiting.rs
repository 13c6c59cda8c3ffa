//! How an order in progress waits.

use crate::clock::Timestamp;
use serde::{Deserialize, Serialize};

/// Since when an order waits for what it waits for, which try that is, and when the next one comes. What it waits for stands
/// beside it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Waiting {
    /// When what is waited for changed last; none where nothing is, or in a row from before this was kept.
    pub since: Option<Timestamp>,
    /// Which try of the step it is, or of sending the order, from 1; 0: not told.
    pub attempt: u32,
    /// When the next try comes; none where one is going on, or where none will come.
    pub next_try_at: Option<Timestamp>,
    /// Nobody has taken the order up: the next try is to send it again.
    pub untaken: bool,
}

impl Waiting {
    /// As told by a clock that was set by so many milliseconds meanwhile.
    #[must_use]
    pub fn moved(self, milliseconds: i64) -> Self {
        let moved = |at: Timestamp| at.moved(milliseconds);
        Self { since: self.since.map(moved), next_try_at: self.next_try_at.map(moved), ..self }
    }
    /// When the order is to be sent again; none where the agent has it, or where it is sent no more.
    pub fn resend_at(&self) -> Option<Timestamp> {
        self.next_try_at.filter(|_| self.untaken)
    }
}
