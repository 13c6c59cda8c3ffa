//! Pauses between attempts.

use crate::cli::client::{ClientError, Retry};
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(10);

/// Doubles the pause from half a second to ten.
#[derive(Debug)]
pub struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(FIRST)
    }
}

impl Backoff {
    /// How long to pause before the call may be repeated; none when it would fail again. Never shorter than the
    /// controller asked for.
    pub fn pause(&mut self, error: &ClientError) -> Option<Duration> {
        match error.retry() {
            Retry::Never => None,
            Retry::After(asked) => {
                let pause = self.0.max(asked);
                self.0 = (self.0 * 2).min(LONGEST);
                Some(pause)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::client::Refusal;

    fn refused(status: u16, retry_after: Option<u64>) -> ClientError {
        ClientError::Refused(Refusal {
            status,
            code: String::new(),
            message: String::new(),
            request_id: None,
            retry_after: retry_after.map(Duration::from_secs),
        })
    }

    #[test]
    fn pauses_double_up_to_ten_seconds() {
        let mut backoff = Backoff::default();
        let pauses: Vec<u128> = (0..7).map(|_| backoff.pause(&refused(503, None)).unwrap().as_millis()).collect();
        assert_eq!(pauses, [500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
    }

    #[test]
    fn the_controllers_own_wish_is_kept() {
        assert_eq!(Backoff::default().pause(&refused(429, Some(7))), Some(Duration::from_secs(7)));
    }

    #[test]
    fn a_refusal_for_good_ends_it() {
        assert_eq!(Backoff::default().pause(&refused(403, None)), None);
    }
}
