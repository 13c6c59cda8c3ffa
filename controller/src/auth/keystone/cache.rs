//! What Keystone said of tokens, for a while.

use crate::{
    auth::{Caller, Denied},
    clock::Timestamp,
};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// A token's digest, what it is, and until when: less than 4 MiB of them all.
const MAX_ENTRIES: usize = 10_000;

type Known = Result<Caller, Denied>;

/// Bounded in number and time.
pub(super) struct Cache {
    longest: Duration,
    known: Mutex<HashMap<[u8; 32], (Known, Timestamp)>>,
}

impl Cache {
    pub(super) fn new(longest: Duration) -> Self {
        Self { longest, known: Mutex::new(HashMap::new()) }
    }

    pub(super) fn get(&self, digest: &[u8; 32], now: Timestamp) -> Option<Known> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(digest).filter(|(_, until)| now < *until).map(|(known, _)| known.clone())
    }

    /// Kept until `until`, and at most as long as is configured.
    pub(super) fn put(&self, digest: [u8; 32], answer: Known, until: Timestamp, now: Timestamp) {
        let until = until.min(now.after(self.longest));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_ENTRIES {
            known.retain(|_, (_, until)| now < *until);
        }
        // Still full: half goes, whichever; those who come again are asked about again.
        if known.len() >= MAX_ENTRIES {
            let mut stays = false;
            known.retain(|_, _| {
                stays = !stays;
                stays
            });
        }
        known.insert(digest, (answer, until));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn nobody() -> Known {
        Err(Denied::Unknown("x"))
    }

    #[test]
    fn an_answer_is_kept_as_long_as_configured_and_never_longer_than_the_token_is_good() {
        let cache = Cache::new(Duration::from_secs(300));
        let second = Duration::from_secs(1);
        cache.put([1; 32], nobody(), NOW.after(3600 * second), NOW);
        cache.put([2; 32], nobody(), NOW.after(10 * second), NOW);
        for (digest, at, found) in [(1, 299, true), (1, 300, false), (2, 9, true), (2, 10, false), (3, 0, false)] {
            assert_eq!(cache.get(&[digest; 32], NOW.after(at * second)).is_some(), found, "{digest} after {at} s");
        }
    }

    #[test]
    fn it_never_holds_more_than_its_bound() {
        let cache = Cache::new(Duration::from_secs(300));
        for n in 0..2 * MAX_ENTRIES {
            let mut digest = [0; 32];
            digest[..8].copy_from_slice(&n.to_le_bytes());
            cache.put(digest, nobody(), NOW.after(Duration::from_secs(60)), NOW);
            assert!(cache.get(&digest, NOW).is_some());
        }
        assert!(cache.known.lock().unwrap().len() <= MAX_ENTRIES);
    }
}
