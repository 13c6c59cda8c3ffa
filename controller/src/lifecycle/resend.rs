//! Orders that no agent has taken up are sent again: what was sent may be lost with a session. An order is built from its
//! row each time, so that one more does no harm. It ends by the deadline of being taken up: as the pauses grow, within
//! few tries.

use super::{rules::Rules, waiting::FIRST_PAUSE};
use crate::{
    clock::{Edge, Timestamp, below},
    store::{
        Result, Transaction,
        record::{Instance, Server, Waiting},
    },
};
use std::time::Duration;

/// Of each sort, looked at together; the rest follows at once.
pub(super) const TOGETHER: u32 = 256;
/// The pause between two tries grows up to this.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// Whose orders are to be sent now; each has its next try on record.
pub(super) fn due(tx: &mut dyn Transaction, rules: &Rules, edge: &Edge) -> Result<(Vec<Server>, Vec<Instance>)> {
    let (mut servers, mut instances) = tx.untaken(rules.now, TOGETHER)?;
    for server in &mut servers {
        let deadline = server.task_deadline;
        if let Some(task) = &mut server.task {
            task.waiting = again(rules.now, edge, task.waiting, deadline);
        }
        tx.update_server(server)?;
    }
    for instance in &mut instances {
        instance.waiting = again(rules.now, edge, instance.waiting, instance.deadline);
        tx.update_instance(instance)?;
        // As the row is now: a later try names the version that it read.
        instance.version += 1;
    }
    Ok((servers, instances))
}

/// One more try is made; none follows where the deadline comes first.
fn again(now: Timestamp, edge: &Edge, waiting: Waiting, deadline: Option<Timestamp>) -> Waiting {
    let attempt = waiting.attempt.saturating_add(1);
    let next = now.after(pause(edge, attempt));
    let next_try_at = deadline.is_some_and(|deadline| next < deadline).then_some(next);
    Waiting { attempt, next_try_at, ..waiting }
}

/// One that is to be sent again later than any is now, because the clock was wrong, is sent as late as any.
pub(super) fn bounded(rules: &Rules, waiting: Waiting) -> Waiting {
    let next_try_at = match waiting.resend_at() {
        Some(next) => Some(next.min(rules.now.after(MAX_PAUSE))),
        None => waiting.next_try_at,
    };
    Waiting { next_try_at, ..waiting }
}

/// Twice as long after each try; half of it by chance, so that what was sent together is not sent together again.
fn pause(edge: &Edge, attempt: u32) -> Duration {
    let whole = FIRST_PAUSE.saturating_mul(1 << attempt.saturating_sub(1).min(10)).min(MAX_PAUSE);
    let half = whole / 2;
    let chance = below(&*edge.entropy, u64::try_from(half.as_millis()).unwrap_or(u64::MAX));
    half + Duration::from_millis(chance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_bound_and_differ() {
        let edge = Edge::system();
        for (attempt, whole) in [(1, 5), (2, 10), (3, 20), (5, 60), (40, 60), (u32::MAX, 60)] {
            let pauses: Vec<Duration> = (0..50).map(|_| pause(&edge, attempt)).collect();
            let whole = Duration::from_secs(whole);
            assert!(pauses.iter().all(|pause| (whole / 2..whole).contains(pause)), "{attempt}: {pauses:?}");
            assert!(pauses.iter().any(|pause| *pause != pauses[0]), "{attempt}");
        }
    }
}
