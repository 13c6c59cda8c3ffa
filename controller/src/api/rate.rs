//! How often a caller may call (GCRA), how often a peer may with no credential that is known, and how many calls there may
//! be at once.
//!
//! Whoever is one too many is told so at once, with a time to come again; nobody waits in a queue.

use super::peer::Peer;
use axum::response::Response;
use futures_util::StreamExt;
use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    state::keyed::HashMapStateStore,
};
use std::{
    hash::Hash,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Calls without a known credential from one peer each second: enough for mistakes and for a proxy's many callers, whose
/// tokens Keystone is asked about for the first time; too few to guess by, or to hold Keystone up with.
const UNKNOWN_PER_SECOND: NonZeroU32 = NonZeroU32::new(50).expect("50 is not zero");
/// Calls at once unless configured.
const CALLS: usize = 256;
/// Calls that wait for events at once, for each other call: they cost a few kilobytes each, and no work.
const WAITING_FOR_EACH: usize = 4;
/// After so many checks, those who have been quiet are forgotten: Keystone's callers come and go, and so do peers.
const SWEEP: u32 = 4096;

/// All limits; clones share them.
#[derive(Clone)]
pub struct Rates(Arc<Inner>);

struct Inner {
    by_token: Limit<Arc<str>>,
    unknown: Limit<Peer>,
    calls: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

/// A limit for each key, and bounded however many there are.
struct Limit<K: Clone + Eq + Hash> {
    clock: DefaultClock,
    by_key: RateLimiter<K, HashMapStateStore<K>, DefaultClock>,
    checks: AtomicU32,
}

impl<K: Clone + Eq + Hash> Limit<K> {
    fn new(quota: Quota) -> Self {
        Self { clock: DefaultClock::default(), by_key: RateLimiter::hashmap(quota), checks: AtomicU32::new(0) }
    }

    /// Counts one; how many seconds to wait when it is one too many.
    fn check(&self, key: &K) -> Result<(), u64> {
        let Self { clock, by_key, checks } = self;
        if checks.fetch_add(1, Ordering::Relaxed) % SWEEP == SWEEP - 1 {
            by_key.retain_recent();
            by_key.shrink_to_fit();
        }
        by_key.check_key(key).map_err(|not_until| not_until.wait_time_from(clock.now()).as_secs() + 1)
    }
}

impl Rates {
    /// So many requests each second and caller, and so many at once (both at least 1).
    #[must_use]
    pub fn new(per_second: u32, burst: u32) -> Self {
        Self::with_calls(per_second, burst, CALLS)
    }

    /// As [`Self::new`], with so many calls in progress of all callers together.
    #[must_use]
    pub fn with_calls(per_second: u32, burst: u32, calls: usize) -> Self {
        let at_least_one = |n: u32| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(at_least_one(per_second)).allow_burst(at_least_one(burst));
        Self(Arc::new(Inner {
            by_token: Limit::new(quota),
            unknown: Limit::new(Quota::per_second(UNKNOWN_PER_SECOND)),
            calls: Arc::new(Semaphore::new(calls)),
            waiting: Arc::new(Semaphore::new(calls.saturating_mul(WAITING_FOR_EACH))),
        }))
    }

    /// Counts a call of that caller; how many seconds to wait when it is one too many.
    pub(super) fn of_token(&self, name: &Arc<str>) -> Result<(), u64> {
        self.0.by_token.check(name)
    }

    /// Counts a call whose credential is not known here.
    pub(super) fn of_unknown(&self, peer: &Peer) -> Result<(), u64> {
        self.0.unknown.check(peer)
    }

    /// A place among the calls in progress, if there is one; those that wait for events have their own.
    pub(super) fn place(&self, waits: bool) -> Option<Place> {
        let places = if waits { &self.0.waiting } else { &self.0.calls };
        Arc::clone(places).try_acquire_owned().ok().map(Place)
    }
}

/// A place, which is free again when this is dropped.
pub(super) struct Place(OwnedSemaphorePermit);

impl Place {
    /// Keeps the place until the answer is ready; one that goes on as a stream of events keeps it until it ends.
    pub(super) async fn kept_by<T: Answer>(self, work: impl Future<Output = T>) -> T {
        let answer = work.await;
        answer.keeping(self)
    }
}

/// What a place may have to be kept by.
pub(super) trait Answer {
    /// Takes the place along where the answer goes on.
    fn keeping(self, place: Place) -> Self;
}

impl Answer for Response {
    fn keeping(self, place: Place) -> Self {
        let kind = self.headers().get("content-type").map(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        if kind != Some(true) {
            return self;
        }
        self.map(|body| {
            axum::body::Body::from_stream(body.into_data_stream().map(move |chunk| {
                let _kept = &place.0;
                chunk
            }))
        })
    }
}

impl<E> Answer for Result<Response, E> {
    fn keeping(self, place: Place) -> Self {
        self.map(|answer| answer.keeping(place))
    }
}

impl std::fmt::Debug for Rates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Rates")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_who_come_once_are_forgotten() {
        let rates = Rates::new(1_000_000, 1);
        for n in 0..SWEEP * 3 {
            let _ = rates.of_token(&format!("keystone/{n}").into());
        }
        assert!(rates.0.by_token.by_key.len() < 2 * SWEEP as usize, "{} are remembered", rates.0.by_token.by_key.len());
    }

    #[test]
    fn a_place_is_free_again_when_its_call_is_over_and_waiting_calls_take_none_of_the_others() {
        let rates = Rates::with_calls(1, 1, 1);
        let place = rates.place(false).unwrap();
        assert!(rates.place(false).is_none());
        assert!(rates.place(true).is_some());
        drop(place);
        assert!(rates.place(false).is_some());
    }

    #[tokio::test]
    async fn a_stream_of_events_keeps_its_place_until_it_ends() {
        let rates = Rates::with_calls(1, 1, 1);
        let stream = |kind: &str| {
            Response::builder().header("content-type", kind).body(axum::body::Body::from("data: x\n\n")).unwrap()
        };
        let events = rates.place(false).unwrap().kept_by(async { stream("text/event-stream") }).await;
        assert!(rates.place(false).is_none());
        drop(events);
        let plain = rates.place(false).unwrap().kept_by(async { stream("application/json") }).await;
        assert!(rates.place(false).is_some());
        drop(plain);
    }
}
