//! What tenants and operators asked for, whatever became of their calls: the measure of what may be done to a disk.

use billet_proto::InstanceId;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The ledger; clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Ledger(Arc<Mutex<Entries>>);

#[derive(Debug, Default)]
struct Entries {
    names: BTreeMap<InstanceId, usize>,
    /// Deletion was asked for.
    released: BTreeSet<InstanceId>,
    /// How often writing it was asked for: by its creation, and by each reinstallation.
    writes: BTreeMap<InstanceId, u32>,
    violations: Vec<String>,
}

impl Ledger {
    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A short name of an instance, the same in each replay: by its place among all that were seen.
    #[must_use]
    pub fn name(&self, instance: InstanceId) -> String {
        let mut entries = self.lock();
        let next = entries.names.len() + 1;
        format!("i{}", entries.names.entry(instance).or_insert(next))
    }

    /// How many were seen.
    #[must_use]
    pub fn instances(&self) -> usize {
        self.lock().names.len()
    }

    /// Its deletion is asked for; the answer may be lost.
    pub fn release(&self, instance: InstanceId) {
        self.lock().released.insert(instance);
    }

    /// Whether its deletion was asked for.
    #[must_use]
    pub fn is_released(&self, instance: InstanceId) -> bool {
        self.lock().released.contains(&instance)
    }

    /// Another writing is asked for; the answer may be lost.
    pub fn rewrite(&self, instance: InstanceId) {
        *self.lock().writes.entry(instance).or_insert(1) += 1;
    }

    /// How often it may have been asked to be written.
    #[must_use]
    pub fn writes(&self, instance: InstanceId) -> u32 {
        self.lock().writes.get(&instance).copied().unwrap_or(1)
    }

    /// Something happened that must not.
    pub fn violate(&self, what: String) {
        let mut entries = self.lock();
        if !entries.violations.contains(&what) {
            entries.violations.push(what);
        }
    }

    /// All that happened and must not.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        self.lock().violations.clone()
    }
}
