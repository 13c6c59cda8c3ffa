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
    Ok((ended, tx.next_deadline(rules.now)?))
}

/// Agents attach again within this time after a start of the controller.
const HEARD_WITHIN: Duration = Duration::from_secs(30);

/// Since when nobody kept the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Since {
    /// The controller was away, and nobody knows how long: the clock may be another than it was.
    Start,
    /// It was set, or the controller stood still; it knows how long.
    Look,
}

impl Since {
    /// When an operation began whose steps may take `all` together. What a start finds has once more as much.
    pub(super) fn began(self, rules: &Rules, began_at: Timestamp, all: Duration) -> Timestamp {
        match self {
            Self::Start => began_at.max(rules.now.before(all)).min(rules.now),
            Self::Look => began_at,
        }
    }

    /// A deadline not later than if its step began now, but when agents are heard first. Of one that a start finds passed, nobody
    /// knows how much was left.
    pub(super) fn deadline(self, rules: &Rules, set: Timestamp, latest: Timestamp) -> Timestamp {
        let heard = rules.now.after(HEARD_WITHIN);
        match self {
            Self::Start if set <= heard => latest.max(heard),
            Self::Start | Self::Look => set.min(latest).max(heard),
        }
    }
}

/// Puts deadlines that passed, or will at once, off until every agent had the time to attach and tell where it stands; and takes back
/// those that lie further off than any that is set now, as the clock was wrong when they were.
pub(super) fn hear_first(tx: &mut dyn Transaction, rules: &Rules, since: Since) -> Result<()> {
    task::hear_first(tx, rules, since)?;
    for mut instance in tx.unfinished_instances()? {
        let before = (instance.operation_began_at, instance.deadline, instance.waiting);
        instance.operation_began_at = since.began(rules, instance.operation_began_at, rules.of_all(&instance));
        let latest = rules.deadline(&instance, instance.phase);
        instance.deadline = instance.deadline.map(|set| since.deadline(rules, set, latest.unwrap_or(set)));
        instance.waiting = resend::bounded(rules, instance.waiting);
        if (instance.operation_began_at, instance.deadline, instance.waiting) != before {
            tx.update_instance(&instance)?;
        }
    }
    Ok(())
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
