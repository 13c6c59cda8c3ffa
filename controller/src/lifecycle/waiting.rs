//! What an order in progress waits for, and since when: stored with the order, and shown to whoever asks.

use super::event::tame;
use crate::{clock::Timestamp, store::record::Waiting};
use billet_proto::link::Started;
use std::time::Duration;

/// An order that nobody took up is sent again for the first time after this.
pub(super) const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// As long as no agent has taken the order up.
pub(super) fn to_be_taken(now: Timestamp) -> Waiting {
    Waiting { since: Some(now), attempt: 1, next_try_at: Some(now.after(FIRST_PAUSE)), untaken: true }
}

/// What an agent says that its step waits for. A step that only tries once more waits as long as before.
pub(super) fn told(
    now: Timestamp,
    (text, waiting): (&str, Waiting),
    is_new_step: bool,
    said: &Started,
) -> (String, Waiting) {
    let (is_new, since) = changed(now, (text, waiting), is_new_step, &said.waiting_for);
    let pause = Duration::from_millis(said.next_try_ms.into());
    let next_try_at = (!pause.is_zero()).then(|| now.after(pause));
    (is_new.unwrap_or_else(|| text.to_owned()), Waiting { since, attempt: said.attempt, next_try_at, untaken: false })
}

/// What an agent says that its step waits for, where it says nothing of tries.
pub(super) fn told_of_progress(now: Timestamp, (text, waiting): (&str, Waiting), said: &str) -> (String, Waiting) {
    match changed(now, (text, waiting), false, said) {
        (Some(text), since) => (text, Waiting { since, ..Waiting::default() }),
        (None, since) => (text.to_owned(), Waiting { since, untaken: false, ..waiting }),
    }
}

/// The new text where it is another, and since when it is true.
fn changed(
    now: Timestamp,
    (text, waiting): (&str, Waiting),
    is_new_step: bool,
    said: &str,
) -> (Option<String>, Option<Timestamp>) {
    let said = tame(said);
    if is_new_step || said != text { (Some(said), Some(now)) } else { (None, waiting.since.or(Some(now))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(waiting_for: &str, attempt: u32, next_try_ms: u32) -> Started {
        Started { waiting_for: waiting_for.into(), attempt, next_try_ms }
    }

    #[test]
    fn another_try_of_the_same_waits_since_the_first_and_another_wait_since_now() {
        let first = told(Timestamp(10), ("", Waiting::default()), true, &said("the BMC", 1, 0));
        let waits = |since, attempt, next_try_at| Waiting {
            since: Some(Timestamp(since)),
            attempt,
            next_try_at,
            untaken: false,
        };
        assert_eq!(first, ("the BMC".to_owned(), waits(10, 1, None)));
        let second = told(Timestamp(20), (&first.0, first.1), false, &said("the BMC", 2, 500));
        assert_eq!(second, ("the BMC".to_owned(), waits(10, 2, Some(Timestamp(520)))));
        let other = told(Timestamp(30), (&second.0, second.1), false, &said("the network", 0, 0));
        assert_eq!(other, ("the network".to_owned(), waits(30, 0, None)));
        let next = told(Timestamp(40), (&other.0, other.1), true, &said("the network", 1, 0));
        assert_eq!(next.1, waits(40, 1, None), "another step, which waits for the same");
    }

    #[test]
    fn an_order_that_an_agent_speaks_of_is_taken_up() {
        let sent = to_be_taken(Timestamp(0));
        assert_eq!(sent.resend_at(), Some(Timestamp(5000)));
        assert_eq!(told(Timestamp(1), ("x", sent), false, &said("x", 0, 700)).1.resend_at(), None);
        assert_eq!(told_of_progress(Timestamp(1), ("x", sent), "x").1.resend_at(), None);
    }
}
