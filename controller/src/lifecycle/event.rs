//! Lines of an instance's timeline.

use super::table::Phase;
use crate::{
    clock::Timestamp,
    store::{
        Result, Transaction,
        record::{Instance, NewEvent},
    },
};

/// What an agent says is kept up to this length.
const MAX_TEXT: usize = 600;

/// An event without progress.
pub(super) fn plain(instance: &Instance, at: Timestamp, kind: &str, step: &str, message: &str) -> NewEvent {
    NewEvent {
        instance_id: instance.id,
        at,
        kind: kind.to_owned(),
        step: step.to_owned(),
        message: message.to_owned(),
        done_bytes: None,
        total_bytes: None,
        bytes_per_second: None,
    }
}

/// Records an event of the phase that the instance is in.
pub(super) fn record(
    tx: &mut dyn Transaction,
    instance: &Instance,
    at: Timestamp,
    kind: &str,
    text: &str,
) -> Result<()> {
    let step = if instance.phase.has_order() { instance.phase.word() } else { "" };
    tx.insert_event(&plain(instance, at, kind, step, text)).map(drop)
}

/// The step's word for an event; empty for phases of the instance as a whole.
pub(super) fn step_word(phase: Phase) -> &'static str {
    phase.word()
}

/// What somebody else said, fit for a row and a log: bounded, without control characters.
pub(super) fn tame(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_TEXT).collect()
}
