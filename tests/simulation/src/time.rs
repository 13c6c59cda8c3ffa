//! Virtual time: of the whole world, and of one process's clock.

use billet_controller::clock::{Clock, Timestamp};
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

/// When every simulation begins: 2026-01-01 UTC, in milliseconds since 1970.
pub const EPOCH_MS: u64 = 1_767_225_600_000;

/// Milliseconds since the simulation began, as of the last step; clones tell the same.
#[derive(Debug, Clone, Default)]
pub struct Timeline(Arc<AtomicU64>);

impl Timeline {
    /// Now, in milliseconds.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// So much later.
    pub fn advance(&self, milliseconds: u64) {
        self.0.fetch_add(milliseconds, Ordering::Relaxed);
    }
}

/// A machine's wall clock, which somebody may set: the difference outlives the process that reads it.
#[derive(Debug, Clone, Default)]
pub struct Skew(Arc<AtomicI64>);

impl Skew {
    /// Sets the clock by so much, in milliseconds.
    pub fn jump(&self, milliseconds: i64) {
        self.0.fetch_add(milliseconds, Ordering::Relaxed);
    }
}

/// The clock of one process, to be read inside its runtime.
#[derive(Debug)]
pub struct ProcessClock {
    timeline: Timeline,
    skew: Skew,
    began: (u64, Instant),
}

impl ProcessClock {
    /// To be made inside the process's runtime.
    #[must_use]
    pub fn new(timeline: Timeline, skew: Skew) -> Self {
        let began = (timeline.now(), Instant::now());
        Self { timeline, skew, began }
    }

    /// Milliseconds since the simulation began.
    fn since(&self) -> u64 {
        if tokio::runtime::Handle::try_current().is_err() {
            return self.timeline.now();
        }
        let here = Instant::now().saturating_duration_since(self.began.1).as_millis();
        self.began.0 + u64::try_from(here).unwrap_or_default()
    }
}

impl Clock for ProcessClock {
    fn now(&self) -> Timestamp {
        Timestamp((EPOCH_MS + self.since()).saturating_add_signed(self.skew.0.load(Ordering::Relaxed)))
    }

    fn passed(&self) -> Duration {
        Duration::from_millis(self.since())
    }
}
