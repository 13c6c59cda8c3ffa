//! Pauses before another try: each may be longer than the one before, and is drawn by lot, so that many who failed together
//! do not come back together.

use std::time::Duration;

/// Pauses of one thing that is tried again and again.
#[derive(Debug, Clone)]
pub(super) struct Backoff {
    ceiling: Duration,
    longest: Duration,
}

impl Backoff {
    /// The first pause is at most `first`; what they may come to doubles each time, to `longest`.
    pub(super) const fn new(first: Duration, longest: Duration) -> Self {
        Self { ceiling: first, longest }
    }

    /// The next pause: from nothing to what it may come to, each as likely ("full jitter", AWS Architecture Blog, 2015).
    pub(super) fn pause(&mut self) -> Duration {
        let ceiling = self.ceiling;
        self.ceiling = (ceiling * 2).min(self.longest);
        ceiling.mul_f64(rand::random())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_bound_and_two_who_failed_together_do_not_come_back_together() {
        let seconds = Duration::from_secs;
        let drawn = |_| {
            let mut backoff = Backoff::new(seconds(1), seconds(8));
            (0..6).map(|_| backoff.pause()).collect::<Vec<_>>()
        };
        let agents: Vec<Vec<Duration>> = (0..100).map(drawn).collect();
        for (at, most) in [1, 2, 4, 8, 8, 8].into_iter().enumerate() {
            let pauses: Vec<Duration> = agents.iter().map(|pauses| pauses[at]).collect();
            assert!(pauses.iter().all(|pause| *pause <= seconds(most)), "{pauses:?}");
            assert!(pauses.iter().any(|pause| *pause > seconds(most) / 2), "it grows: {pauses:?}");
            assert!(pauses.iter().any(|pause| *pause < seconds(most) / 2), "{pauses:?}");
        }
    }
}
