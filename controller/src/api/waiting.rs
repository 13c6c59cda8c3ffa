//! How it is shown what an order in progress waits for, beside `waiting_for`.

use crate::store::record::Waiting;
use serde_json::Value;

/// Fields, each with its value where there is one.
pub(super) fn shown(waiting: &Waiting) -> [(&'static str, Option<Value>); 3] {
    [
        ("waiting_since", waiting.since.map(|at| at.to_string().into())),
        ("attempt", (waiting.attempt > 0).then(|| waiting.attempt.into())),
        ("next_try_at", waiting.next_try_at.map(|at| at.to_string().into())),
    ]
}
