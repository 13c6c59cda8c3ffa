//! Deadlines: whatever did not end in time ends with a cause.

use super::{report, rules::Rules, table::Phase, task};
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
pub(super) const HEARD_WITHIN: Duration = Duration::from_secs(30);

/// Puts deadlines that passed, or will at once, off until every agent had the time to attach and tell where it stands.
pub(super) fn hear_first(tx: &mut dyn Transaction, rules: &Rules) -> Result<()> {
    let earliest = rules.now.after(HEARD_WITHIN);
    task::hear_first(tx, rules)?;
    for mut instance in tx.unfinished_instances()? {
        if instance.deadline.is_some_and(|deadline| deadline < earliest) {
            instance.deadline = Some(earliest);
            tx.update_instance(&instance)?;
        }
    }
    Ok(())
}

fn cause_word(phase: Phase) -> String {
    phase.word().replace('-', "_")
}

pub(super) fn human(seconds: u64) -> String {
    if seconds < 120 { format!("{seconds} s") } else { format!("{} min", seconds / 60) }
}
