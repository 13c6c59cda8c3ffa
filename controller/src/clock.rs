//! Time, randomness and ids enter here, so that the controller's logic can run in a simulation.

use serde::{Deserialize, Serialize};
use std::{
    fmt,
    sync::LazyLock,
    time::{Duration, Instant},
};
use uuid::Uuid;

/// Milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// That much later; saturating.
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }
    /// That much earlier; saturating.
    pub fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }
    /// How long after `earlier`; zero when it is not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
    /// How many milliseconds after `other`; negative: before it.
    pub fn ahead_of(self, other: Self) -> i64 {
        let whole = |later: u64, earlier: u64| i64::try_from(later.saturating_sub(earlier)).unwrap_or(i64::MAX);
        whole(self.0, other.0) - whole(other.0, self.0)
    }
    /// So many milliseconds later; saturating.
    pub fn moved(self, milliseconds: i64) -> Self {
        Self(self.0.saturating_add_signed(milliseconds))
    }
}

/// RFC 3339 in UTC with milliseconds.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanoseconds = i128::from(self.0) * 1_000_000;
        let text = time::OffsetDateTime::from_unix_timestamp_nanos(nanoseconds)
            .ok()
            .and_then(|at| at.format(&time::format_description::well_known::Rfc3339).ok());
        f.write_str(text.as_deref().unwrap_or("invalid time"))
    }
}

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
    /// How much time passed since a beginning of its own, however it is set meanwhile. What a machine sleeps through need not count.
    fn passed(&self) -> Duration;
}

/// Gives random bytes.
pub trait Entropy: Send + Sync {
    /// Fills `buffer`; fit for secrets in production.
    fn fill(&self, buffer: &mut [u8]);
}

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
    fn passed(&self) -> Duration {
        static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
        BEGAN.elapsed()
    }
}

/// The operating system's randomness.
#[derive(Debug, Clone, Copy)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        use rand::TryRngCore;
        rand::rngs::OsRng.try_fill_bytes(buffer).expect("getrandom(2) fails only before the kernel's pool is ready");
    }
}

/// A new UUIDv7 (RFC 9562 §5.7).
pub fn new_id(clock: &dyn Clock, entropy: &dyn Entropy) -> Uuid {
    let mut random = [0; 10];
    entropy.fill(&mut random);
    uuid::Builder::from_unix_timestamp_millis(clock.now().0, &random).into_uuid()
}

/// A number below `bound`, each equally likely (rejection sampling).
pub fn below(entropy: &dyn Entropy, bound: u64) -> u64 {
    let zone = u64::MAX - u64::MAX % bound.max(1);
    // Half of all draws succeed at the worst, so 128 failures in a row do not happen.
    for _ in 0..128 {
        let mut bytes = [0; 8];
        entropy.fill(&mut bytes);
        let draw = u64::from_le_bytes(bytes);
        if draw < zone {
            return draw % bound.max(1);
        }
    }
    0
}

/// Clock, randomness and ids in one hand.
#[derive(Clone)]
pub struct Edge {
    /// The clock.
    pub clock: std::sync::Arc<dyn Clock>,
    /// The randomness.
    pub entropy: std::sync::Arc<dyn Entropy>,
}

impl Edge {
    /// The machine's own.
    pub fn system() -> Self {
        Self { clock: std::sync::Arc::new(SystemClock), entropy: std::sync::Arc::new(SystemEntropy) }
    }
    /// Now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
    /// How much time passed, however the clock is set meanwhile.
    pub fn passed(&self) -> Duration {
        self.clock.passed()
    }
    /// A new UUIDv7.
    pub fn id(&self) -> Uuid {
        new_id(&*self.clock, &*self.entropy)
    }
    /// 32 random bytes in base64url without padding: a secret of 256 bits.
    pub fn secret(&self) -> String {
        use base64::Engine;
        let mut bytes = [0; 32];
        self.entropy.fill(&mut bytes);
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
    }
}

impl fmt::Debug for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Edge")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_reads_as_rfc_3339() {
        assert_eq!(Timestamp(1_700_000_000_123).to_string(), "2023-11-14T22:13:20.123Z");
    }

    #[test]
    fn ids_are_version_7_and_sort_by_time() {
        let edge = Edge::system();
        let id = edge.id();
        assert_eq!(id.get_version_num(), 7);
        assert_ne!(id, edge.id());
    }

    #[test]
    fn every_number_below_the_bound_comes_up() {
        let mut seen = [0; 3];
        for _ in 0..300 {
            seen[usize::try_from(below(&SystemEntropy, 3)).unwrap()] += 1;
        }
        assert!(seen.iter().all(|n| *n > 50), "{seen:?}");
    }
}
