//! What happened, in its order: the same seed writes the same lines.

use crate::time::Timeline;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The journal; clones write into the same.
#[derive(Clone)]
pub struct Journal {
    timeline: Timeline,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    hasher: blake3::Hasher,
    lines: Option<Vec<String>>,
    count: u64,
    faults: Kinds,
    slips: Kinds,
    begun: Kinds,
}

/// How often each kind happened.
pub type Kinds = BTreeMap<&'static str, u64>;

impl Journal {
    /// An empty one, which keeps its lines where they are wanted.
    #[must_use]
    pub fn new(timeline: Timeline, keep: bool) -> Self {
        let inner = Inner { lines: keep.then(Vec::new), ..Inner::default() };
        Self { timeline, inner: Arc::new(Mutex::new(inner)) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a line. It may hold nothing that differs between two runs of one seed.
    pub fn write(&self, line: &str) {
        let line = format!("{:>9} {line}", self.timeline.now());
        let mut inner = self.lock();
        inner.hasher.update(line.as_bytes()).update(b"\n");
        inner.count += 1;
        if let Some(lines) = &mut inner.lines {
            lines.push(line);
        }
    }

    /// Writes that a fault happened, and had an effect, and counts it by its kind.
    pub fn fault(&self, kind: &'static str, detail: &str) {
        *self.lock().faults.entry(kind).or_default() += 1;
        self.write(&format!("FAULT {kind} {detail}"));
    }

    /// Writes that a single call or message went wrong, and counts it by its kind.
    pub fn slip(&self, kind: &'static str, detail: &str) {
        *self.lock().slips.entry(kind).or_default() += 1;
        self.write(&format!("SLIP {kind} {detail}"));
    }

    /// Writes that from now on somebody may meet a fault, which [`Self::fault`] is told of then, once.
    pub fn begin(&self, kind: &'static str, detail: &str) {
        *self.lock().begun.entry(kind).or_default() += 1;
        self.write(&format!("from now on {kind} {detail}"));
    }

    /// How often each kind of fault happened.
    #[must_use]
    pub fn faults(&self) -> Kinds {
        self.lock().faults.clone()
    }

    /// How often each kind of call or message went wrong.
    #[must_use]
    pub fn slips(&self) -> Kinds {
        self.lock().slips.clone()
    }

    /// How often a fault of each kind was begun that nobody met.
    #[must_use]
    pub fn vain(&self) -> Kinds {
        let inner = self.lock();
        let met = |kind: &str| inner.faults.get(kind).copied().unwrap_or_default();
        let unmet = inner.begun.iter().map(|(kind, begun)| (*kind, begun.saturating_sub(met(kind))));
        unmet.filter(|(_, count)| *count > 0).collect()
    }

    /// The BLAKE3 digest of all lines, and how many they are.
    #[must_use]
    pub fn digest(&self) -> (String, u64) {
        let inner = self.lock();
        (inner.hasher.finalize().to_hex().to_string(), inner.count)
    }

    /// The lines, where they are kept.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.lock().lines.clone().unwrap_or_default()
    }
}
