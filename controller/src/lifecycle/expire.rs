//! Deadlines: whatever did not end in time ends with a cause.

use super::{report, resend, rules::Rules, table::Phase, task};
use crate::{
    clock::Timestamp,
    store::{Result, Transaction},
};
use billet_proto::link::Failed;
use std::time::Duration;

/// Ends what is overdue. Answers how many ended, and the next deadline.
pub(super) fn expire(tx: &mut dyn Transaction, rules: &Rules) -> Result<(u32, Option<Timestamp>)> {
    let (servers, instances) = tx.overdue(rules.now)?;
    let mut ended = task::expire(tx, rules, servers)?;
    for mut instance in instances {
        let phase = instance.phase;
        let message = format!(
            "step {} did not end in time ({} after the request); it was waiting for: {}",
            phase.word(),
            human(rules.now.since(instance.operation_began_at).as_secs()),
            if instance.waiting_for.is_empty() { "its end" } else { &instance.waiting_for },
        );
        let cause = if instance.waiting.untaken || phase == Phase::Waiting {
            "agent_unavailable".into()
        } else {
            format!("{}_deadline", cause_word(phase))
        };
        report::cut_off(tx, rules, &mut instance, &Failed { cause, message })?;
        ended += 1;
    }
    Ok((ended, tx.next_deadline()?))
}

/// Agents attach again within this time after a start of the controller.
const HEARD_WITHIN: Duration = Duration::from_secs(30);

/// Puts deadlines that passed, or will at once, off until every agent had the time to attach and tell where it stands; and takes back
/// those that lie further off than any that is set now, as the clock was wrong when they were.
pub(super) fn hear_first(tx: &mut dyn Transaction, rules: &Rules) -> Result<()> {
    task::hear_first(tx, rules)?;
    for mut instance in tx.unfinished_instances()? {
        let latest = rules.deadline(&instance, instance.phase);
        let deadline = instance.deadline.map(|set| bounded(rules, set, latest.unwrap_or(set)));
        let waiting = resend::bounded(rules, instance.waiting);
        if (deadline, waiting) != (instance.deadline, instance.waiting) {
            (instance.deadline, instance.waiting) = (deadline, waiting);
            tx.update_instance(&instance)?;
        }
    }
    Ok(())
}

/// A deadline not later than if its step began now, but when agents are heard first.
pub(super) fn bounded(rules: &Rules, deadline: Timestamp, latest: Timestamp) -> Timestamp {
    deadline.min(latest).max(rules.now.after(HEARD_WITHIN))
}

/// The clock was set by so many milliseconds: what is in progress has as much time left as before, and began as long ago.
pub(super) fn follow(tx: &mut dyn Transaction, milliseconds: i64) -> Result<()> {
    task::follow(tx, milliseconds)?;
    for mut instance in tx.unfinished_instances()? {
        instance.deadline = instance.deadline.map(|at| at.moved(milliseconds));
        instance.operation_began_at = instance.operation_began_at.moved(milliseconds);
        instance.waiting = instance.waiting.moved(milliseconds);
        tx.update_instance(&instance)?;
    }
    Ok(())
}

fn cause_word(phase: Phase) -> String {
    phase.word().replace('-', "_")
}

pub(super) fn human(seconds: u64) -> String {
    if seconds < 120 { format!("{seconds} s") } else { format!("{} min", seconds / 60) }
}
