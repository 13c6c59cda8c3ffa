//! The time by which deadlines are kept. It goes on as time passes, also where somebody sets the machine's clock: what is in
//! progress is moved then, and the clock is followed in the same moment. Whoever sets a deadline in between sets one that is
//! moved with the others.

use crate::clock::{Edge, Timestamp};
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// A clock that differs by less was corrected and not set: NTP slews half a millisecond in a second, and a look at it comes each minute.
const TOLERATED: Duration = Duration::from_secs(5);

/// After a start, and after the clock was set.
const SETTLED: Duration = Duration::from_secs(60 * 60);

/// See above.
pub(in crate::lifecycle) struct Steady {
    edge: Edge,
    /// The time when the clock was followed last, and what had passed then; none: nobody keeps the time yet, and it is the
    /// clock's.
    followed: Mutex<Option<(Timestamp, Duration)>>,
    /// What had passed when it began, or was set last.
    unsettled: Mutex<Duration>,
}

impl Steady {
    /// The clock's time, until it is followed.
    pub(super) fn new(edge: Edge) -> Self {
        Self { unsettled: Mutex::new(edge.passed()), edge, followed: Mutex::default() }
    }

    /// Now.
    pub(super) fn now(&self) -> Timestamp {
        let followed = *self.lock();
        match followed {
            Some((at, before)) => at.after(self.edge.passed().saturating_sub(before)),
            None => self.edge.now(),
        }
    }

    /// By how many milliseconds the clock is ahead, and whether somebody set it.
    pub(super) fn difference(&self) -> (i64, bool) {
        let ahead = self.edge.now().ahead_of(self.now());
        (ahead, Duration::from_millis(ahead.unsigned_abs()) > TOLERATED)
    }

    /// Whether the clock was right for an hour, as far as anybody knows: one that is wrong when the machine starts is put right by then.
    pub(super) fn is_settled(&self) -> bool {
        let since = *self.unsettled.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, is_set) = self.difference();
        !is_set && self.edge.passed().saturating_sub(since) >= SETTLED
    }

    /// Is later by so many milliseconds from now on.
    pub(super) fn follow(&self, milliseconds: i64) {
        if Duration::from_millis(milliseconds.unsigned_abs()) > TOLERATED {
            *self.unsettled.lock().unwrap_or_else(PoisonError::into_inner) = self.edge.passed();
        }
        let now = self.now().moved(milliseconds);
        *self.lock() = Some((now, self.edge.passed()));
    }

    fn lock(&self) -> MutexGuard<'_, Option<(Timestamp, Duration)>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{SETTLED, Steady};
    use crate::lifecycle::tests::world::World;
    use std::time::Duration;

    #[tokio::test]
    async fn a_clock_is_settled_when_nobody_set_it_for_an_hour() {
        let world = World::new().await;
        let time = Steady::new(world.edge.clone());
        world.clock.advance(SETTLED - Duration::from_millis(1));
        assert!(!time.is_settled());
        world.clock.advance(Duration::from_millis(1));
        assert!(time.is_settled());
        time.follow(4_000);
        assert!(time.is_settled(), "it was corrected, and not set");
        time.follow(-6_000);
        assert!(!time.is_settled());
        world.clock.advance(SETTLED);
        assert!(time.is_settled());
    }
}
