//! What tenants and operators asked for, whatever became of their calls: the measure of what may be done to a disk.

use crate::{
    promise::{Promise, Subject},
    secrets::WORDS,
};
use billet_proto::{InstanceId, ServerId};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// So many texts are logged between the making of a boot's token and its use, and many more.
const TEXTS: usize = 2000;

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
    /// Their creation was answered well.
    accepted: BTreeSet<InstanceId>,
    /// By instance: the password's hash that was accepted last.
    hashes: BTreeMap<InstanceId, String>,
    /// Those that were asked for and not refused: one of them may be there too.
    asked: BTreeSet<(InstanceId, String)>,
    /// Servers that the operator took out, and did not put back.
    out: BTreeSet<ServerId>,
    /// Servers that nothing is on, and that the operator asked to be powered on.
    lit: BTreeSet<ServerId>,
    /// Servers that were carried away, and until when, in milliseconds, the operator may say so.
    gone: BTreeMap<ServerId, u64>,
    /// What was accepted since the database was looked at last.
    promises: Vec<Promise>,
    /// Those that were made by chance, and what they are.
    secrets: BTreeMap<String, &'static str>,
    /// What was looked into last: a secret may have been told before it is known here.
    texts: VecDeque<(String, String)>,
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

    /// A password with that hash is asked for; the answer may be lost.
    pub fn ask_password(&self, instance: InstanceId, hash: &str) {
        self.lock().asked.insert((instance, hash.to_owned()));
    }

    /// A password that was asked for is there once what was accepted with it ends well.
    pub fn accept_password(&self, instance: InstanceId, hash: &str) {
        let mut entries = self.lock();
        entries.asked.remove(&(instance, hash.to_owned()));
        entries.hashes.insert(instance, hash.to_owned());
    }

    /// A password that was asked for was refused.
    pub fn refuse_password(&self, instance: InstanceId, hash: &str) {
        self.lock().asked.remove(&(instance, hash.to_owned()));
    }

    /// Whether an instance that was given `first` when it was made may have this password's hash.
    #[must_use]
    pub fn may_have_password(&self, instance: InstanceId, first: &str, hash: &str) -> bool {
        let entries = self.lock();
        entries.hashes.get(&instance).map_or(first, String::as_str) == hash
            || entries.asked.contains(&(instance, hash.to_owned()))
    }

    /// A call was answered well.
    pub fn promise(&self, promise: Promise) {
        self.lock().promises.push(promise);
    }

    /// Whose passwords are among what was answered well since.
    #[must_use]
    pub fn passwords_promised(&self) -> Vec<InstanceId> {
        let of = |promise: &Promise| match promise.of {
            Subject::Password(id) => Some(id),
            Subject::Instance(_)
            | Subject::PowerOn(_)
            | Subject::Server(_)
            | Subject::Registered(..)
            | Subject::TakenOut(_) => None,
        };
        self.lock().promises.iter().filter_map(of).collect()
    }

    /// What was answered well since this was asked last.
    #[must_use]
    pub fn take_promises(&self) -> Vec<Promise> {
        std::mem::take(&mut self.lock().promises)
    }

    /// That the operator takes a server out was answered well.
    pub fn take_out(&self, server: ServerId) {
        self.lock().out.insert(server);
    }

    /// He asks for it to be put back; the answer may be lost.
    pub fn put_back(&self, server: ServerId) {
        self.lock().out.remove(&server);
    }

    /// Whether a server is to be out.
    #[must_use]
    pub fn is_out(&self, server: ServerId) -> bool {
        self.lock().out.contains(&server)
    }

    /// The operator asks for a server to be powered on that nothing is on; the answer may be lost.
    pub fn light(&self, server: ServerId) {
        self.lock().lit.insert(server);
    }

    /// An instance was placed on it, or a ramdisk of ours is booted: what ends well from here leaves it off.
    pub fn douse(&self, server: ServerId) {
        self.lock().lit.remove(&server);
    }

    /// Whether a server may be on because the operator wanted that.
    #[must_use]
    pub fn is_lit(&self, server: ServerId) -> bool {
        self.lock().lit.contains(&server)
    }

    /// A server is carried away; until then, in milliseconds, the operator may say so.
    pub fn lose(&self, server: ServerId, until: u64) {
        self.lock().gone.insert(server, until);
    }

    /// It is back.
    pub fn find(&self, server: ServerId) {
        self.lock().gone.remove(&server);
    }

    /// Until when the operator may say that a server is gone; none where it is not.
    #[must_use]
    pub fn gone_until(&self, server: ServerId) -> Option<u64> {
        self.lock().gone.get(&server).copied()
    }

    /// Its creation was answered well.
    pub fn accept(&self, instance: InstanceId) {
        self.lock().accepted.insert(instance);
    }

    /// All whose creation was answered well.
    #[must_use]
    pub fn accepted(&self) -> Vec<InstanceId> {
        self.lock().accepted.iter().copied().collect()
    }

    /// A secret was made, of letters and digits.
    pub fn keep_secret(&self, what: &'static str, secret: String) {
        let mut entries = self.lock();
        let told = entries.texts.iter().find(|(_, text)| text.contains(&secret)).map(|(place, _)| place.clone());
        entries.secrets.insert(secret, what);
        drop(entries);
        if let Some(place) = told {
            self.violate(format!("{what} stands in {place}"));
        }
    }

    /// A secret stands in what a person may see.
    pub fn look_for_secrets(&self, place: &str, text: &str) {
        if text.is_empty() {
            return;
        }
        let found = {
            let mut entries = self.lock();
            entries.texts.push_back((place.to_owned(), text.to_owned()));
            if entries.texts.len() > TEXTS {
                entries.texts.pop_front();
            }
            let word = WORDS.iter().find(|(_, word)| text.contains(word)).map(|(what, _)| *what);
            word.or_else(|| entries.secret_in(text))
        };
        if let Some(what) = found {
            self.violate(format!("{what} stands in {place}"));
        }
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

impl Entries {
    /// Which of those that were made by chance stands in a text.
    fn secret_in(&self, text: &str) -> Option<&'static str> {
        let shortest = self.secrets.keys().map(String::len).min()?;
        let mut runs = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|run| run.len() >= shortest);
        let within = |run: &str| self.secrets.iter().find(|(secret, _)| run.contains(secret.as_str()));
        let found = |run: &str| self.secrets.get(run).or_else(|| within(run).map(|(_, what)| what));
        runs.find_map(found).copied()
    }
}
