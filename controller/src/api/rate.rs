//! How often a token may call (GCRA), and how often anybody may call with none.

use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed, keyed::HashMapStateStore},
};
use std::{num::NonZeroU32, sync::Arc};

/// Calls without a known token, all callers together, each second: enough for mistakes, too few to guess by.
const UNKNOWN_PER_SECOND: NonZeroU32 = NonZeroU32::new(50).expect("50 is not zero");

/// All limits; clones share them.
#[derive(Clone)]
pub struct Rates(Arc<Inner>);

struct Inner {
    clock: DefaultClock,
    by_token: RateLimiter<Arc<str>, HashMapStateStore<Arc<str>>, DefaultClock>,
    unknown: RateLimiter<NotKeyed, InMemoryState, DefaultClock, NoOpMiddleware>,
}

impl Rates {
    /// So many requests each second and token, and so many at once (both at least 1).
    #[must_use]
    pub fn new(per_second: u32, burst: u32) -> Self {
        let at_least_one = |n: u32| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(at_least_one(per_second)).allow_burst(at_least_one(burst));
        Self(Arc::new(Inner {
            clock: DefaultClock::default(),
            by_token: RateLimiter::hashmap(quota),
            unknown: RateLimiter::direct(Quota::per_second(UNKNOWN_PER_SECOND)),
        }))
    }

    /// Counts a call of that token; how many seconds to wait when it is one too many.
    pub(super) fn of_token(&self, name: &Arc<str>) -> Result<(), u64> {
        let Inner { clock, by_token, .. } = &*self.0;
        by_token.check_key(name).map_err(|not_until| not_until.wait_time_from(clock.now()).as_secs() + 1)
    }

    /// Counts a call without a known token.
    pub(super) fn of_unknown(&self) -> Result<(), u64> {
        let Inner { clock, unknown, .. } = &*self.0;
        unknown.check().map_err(|not_until| not_until.wait_time_from(clock.now()).as_secs() + 1)
    }
}

impl std::fmt::Debug for Rates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Rates")
    }
}
