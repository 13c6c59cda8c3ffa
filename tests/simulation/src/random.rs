//! Randomness from the seed: every part of a simulation has a stream of its own, so that one more draw here changes nothing
//! there.

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use std::{
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A stream; clones go on with the same one.
#[derive(Debug, Clone)]
pub struct Random(Arc<Mutex<StdRng>>);

impl Random {
    /// The stream of that name.
    #[must_use]
    pub fn new(seed: u64, name: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&seed.to_le_bytes()).update(name.as_bytes());
        Self(Arc::new(Mutex::new(StdRng::from_seed(*hasher.finalize().as_bytes()))))
    }

    fn lock(&self) -> MutexGuard<'_, StdRng> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number of the range, each equally likely.
    pub fn within(&self, range: Range<u64>) -> u64 {
        self.lock().random_range(range)
    }

    /// Whether something happens that happens so often in a thousand.
    pub fn happens(&self, in_a_thousand: u64) -> bool {
        self.within(0..1000) < in_a_thousand
    }

    /// One of them; none when there is none.
    pub fn pick<'a, T>(&self, of: &'a [T]) -> Option<&'a T> {
        if of.is_empty() { None } else { of.get(usize::try_from(self.within(0..of.len() as u64)).unwrap_or(0)) }
    }

    /// Fills it.
    pub fn fill(&self, bytes: &mut [u8]) {
        self.lock().fill(bytes);
    }
}

impl billet_controller::clock::Entropy for Random {
    fn fill(&self, buffer: &mut [u8]) {
        Self::fill(self, buffer);
    }
}
