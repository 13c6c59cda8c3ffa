//! What an order tells the controller, and telling it again when it asks where the order stands.

use super::{
    failure::Failure,
    kept::Kept,
    link::Link,
    state::{Outcome, Produced},
};
use billet_proto::{
    ServerId,
    link::{
        BmcFacts, Done, Failed, Finished, Inventory, Note, PowerRead, Progress, Report, Started, Step, report::What,
    },
};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// Reports of one order; cheap to clone.
#[derive(Clone)]
pub(super) struct Reporter {
    link: Link,
    server: ServerId,
    generation: u64,
    stands: Arc<Mutex<Stands>>,
}

struct Stands {
    step: Step,
    since: Instant,
    waiting_for: String,
    /// Which try of it this is, from 1; 0 where nothing is tried again.
    attempt: u32,
    /// When that begins; none while it goes on.
    next_try: Option<Instant>,
    host_key: Option<String>,
    inventory: Option<Inventory>,
    bmc: Option<BmcFacts>,
    power: Option<bool>,
    ended: Option<Outcome>,
}

impl Reporter {
    pub(super) fn new(link: Link, server: ServerId, generation: u64) -> Self {
        let stands = Stands {
            step: Step::Unspecified,
            since: Instant::now(),
            waiting_for: String::new(),
            attempt: 0,
            next_try: None,
            host_key: None,
            inventory: None,
            bmc: None,
            power: None,
            ended: None,
        };
        Self { link, server, generation, stands: Arc::new(Mutex::new(stands)) }
    }

    /// A step begins, or goes on waiting for something else.
    pub(super) fn started(&self, step: Step, waiting_for: &str) {
        self.tries(step, waiting_for, 0, Duration::ZERO);
    }

    /// Something of a step is tried again: for the `attempt`th time, from 1, after `pause`; zero: now.
    pub(super) fn tries(&self, step: Step, waiting_for: &str, attempt: u32, pause: Duration) {
        let started = {
            let mut stands = self.stands();
            let now = Instant::now();
            let next_try = (!pause.is_zero()).then(|| now + pause);
            let is_same = stands.step == step && stands.waiting_for == waiting_for && stands.attempt == attempt;
            if is_same && stands.next_try == next_try {
                return;
            }
            if stands.step != step {
                (stands.step, stands.since) = (step, now);
            }
            waiting_for.clone_into(&mut stands.waiting_for);
            (stands.attempt, stands.next_try) = (attempt, next_try);
            stands.started()
        };
        self.tell(step, What::Started(started));
    }

    /// What the present step waits for.
    pub(super) fn waiting_for(&self) -> String {
        self.stands().waiting_for.clone()
    }

    /// Whether it was told how the order ended.
    pub(super) fn has_ended(&self) -> bool {
        self.stands().ended.is_some()
    }

    /// The present step.
    pub(super) fn step(&self) -> Step {
        self.stands().step
    }

    /// How long `step` has been the present one; nothing when another is.
    pub(super) fn spent(&self, step: Step) -> Duration {
        let stands = self.stands();
        if stands.step == step { stands.since.elapsed() } else { Duration::ZERO }
    }

    pub(super) fn progress(&self, step: Step, progress: Progress) {
        self.tell(step, What::Progress(progress));
    }

    pub(super) fn finished(&self, step: Step, detail: &str) {
        self.tell(step, What::Finished(Finished { detail: detail.into() }));
    }

    pub(super) fn note(&self, kind: &str, message: &str) {
        let step = self.step();
        tracing::info!(server = %self.server, kind, message, "note");
        self.tell(step, What::Note(Note { kind: kind.into(), message: message.into() }));
    }

    /// The key that must answer in the end.
    pub(super) fn host_key(&self, key: &str) {
        self.stands().host_key = Some(key.to_owned());
        self.tell(self.step(), What::Note(Note { kind: "host-key".into(), message: key.into() }));
    }

    /// What the ramdisk that enlisted saw.
    pub(super) fn inspected(&self, inventory: Inventory) {
        self.stands().inventory = Some(inventory.clone());
        self.tell(self.step(), What::Inspected(inventory));
    }

    /// What a ramdisk of the time before this start saw.
    pub(super) fn remember(&self, inventory: Option<Inventory>) {
        self.stands().inventory = inventory;
    }

    /// What the last ramdisk saw.
    pub(super) fn inventory(&self) -> Option<Inventory> {
        self.stands().inventory.clone()
    }

    /// What the BMC says of itself.
    pub(super) fn bmc_facts(&self, facts: BmcFacts) {
        self.stands().bmc = Some(facts.clone());
        self.tell(self.step(), What::BmcFacts(facts));
    }

    /// What the BMC said of itself last.
    pub(super) fn known_bmc_facts(&self) -> Option<BmcFacts> {
        self.stands().bmc.clone()
    }

    /// What the BMC read; told where it is another than before.
    pub(super) fn power_read(&self, on: bool) {
        let before = self.stands().power.replace(on);
        if before != Some(on) {
            self.tell(self.step(), What::PowerRead(PowerRead { on }));
        }
    }

    /// Tells again where the order stands, or how it ended.
    pub(super) fn tell_again(&self) {
        let (step, started, key, power, ended) = {
            let s = self.stands();
            (s.step, s.started(), s.host_key.clone(), s.power, s.ended.clone())
        };
        if let Some(outcome) = ended {
            return self.ended(&outcome);
        }
        if step == Step::Unspecified {
            return;
        }
        self.tell(step, What::Started(started));
        if let Some(message) = key {
            self.tell(step, What::Note(Note { kind: "host-key".into(), message }));
        }
        if let Some(inventory) = self.inventory() {
            self.tell(step, What::Inspected(inventory));
        }
        if let Some(facts) = self.known_bmc_facts() {
            self.tell(step, What::BmcFacts(facts));
        }
        if let Some(on) = power {
            self.tell(step, What::PowerRead(PowerRead { on }));
        }
    }

    /// Tells how the order ended; also when it ended long ago.
    pub(super) fn ended(&self, outcome: &Outcome) {
        self.stands().ended = Some(outcome.clone());
        match outcome {
            Outcome::Done(produced) => {
                let Produced { host_key, disk_serial, booted, wiped, inventory, bmc, .. } = produced.clone();
                // The controller may have missed every step: the last one comes before its end.
                let last = last_step(produced);
                self.tell(last, What::Started(Started::default()));
                if let Some(inventory) = inventory {
                    self.tell(last, What::Inspected(inventory.0));
                }
                if let Some(facts) = bmc {
                    self.tell(last, What::BmcFacts(facts.0));
                }
                // It may know the key that an earlier boot of this order made.
                if let Some(message) = host_key.clone() {
                    self.tell(last, What::Note(Note { kind: "host-key".into(), message }));
                }
                let word = |said: bool, text: &str| if said { text.to_owned() } else { String::new() };
                let done = Done {
                    proof: word(host_key.is_some(), "ssh-host-key"),
                    boot_trust: word(booted || host_key.is_some(), "lan"),
                    host_key: host_key.unwrap_or_default(),
                    wiped: wiped.into_iter().map(|Kept(disk)| disk).collect(),
                    disk_serial,
                };
                self.tell(last, What::Done(done));
            }
            Outcome::Failed { step, cause, message } => {
                let step = Step::try_from(*step).unwrap_or(Step::Unspecified);
                self.tell(step, What::Failed(Failed { cause: cause.clone(), message: message.clone() }));
            }
        }
    }

    fn tell(&self, step: Step, what: What) {
        self.link.report(Report {
            server_id: self.server.to_string(),
            generation: self.generation,
            step: step.into(),
            what: Some(what),
        });
    }

    fn stands(&self) -> std::sync::MutexGuard<'_, Stands> {
        self.stands.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stands {
    fn started(&self) -> Started {
        let left = self.next_try.map_or(Duration::ZERO, |at| at.saturating_duration_since(Instant::now()));
        let next_try_ms = u32::try_from(left.as_millis()).unwrap_or(u32::MAX);
        Started { waiting_for: self.waiting_for.clone(), attempt: self.attempt, next_try_ms }
    }
}

/// Records of an older version do not have it.
fn last_step(produced: &Produced) -> Step {
    match Step::try_from(produced.step) {
        Ok(Step::Unspecified) | Err(_) if produced.host_key.is_some() => Step::Verify,
        Ok(Step::Unspecified) | Err(_) => Step::PowerOff,
        Ok(step) => step,
    }
}

impl From<&Failure> for Outcome {
    fn from(failure: &Failure) -> Self {
        let Failure { step, cause, message, .. } = failure.clone();
        Self::Failed { step: step.into(), cause, message }
    }
}
