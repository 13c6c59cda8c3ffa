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
    host_key: Option<String>,
    inventory: Option<Inventory>,
    bmc: Option<BmcFacts>,
    power: Option<bool>,
}

impl Reporter {
    pub(super) fn new(link: Link, server: ServerId, generation: u64) -> Self {
        let stands = Stands {
            step: Step::Unspecified,
            since: Instant::now(),
            waiting_for: String::new(),
            host_key: None,
            inventory: None,
            bmc: None,
            power: None,
        };
        Self { link, server, generation, stands: Arc::new(Mutex::new(stands)) }
    }

    /// A step begins, or goes on waiting for something else.
    pub(super) fn started(&self, step: Step, waiting_for: &str) {
        {
            let mut stands = self.stands();
            if stands.step == step && stands.waiting_for == waiting_for {
                return;
            }
            if stands.step != step {
                (stands.step, stands.since) = (step, Instant::now());
            }
            waiting_for.clone_into(&mut stands.waiting_for);
        }
        self.tell(step, What::Started(Started { waiting_for: waiting_for.into(), ..Started::default() }));
    }

    /// What the present step waits for.
    pub(super) fn waiting_for(&self) -> String {
        self.stands().waiting_for.clone()
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

    /// Tells again where the order stands.
    pub(super) fn tell_again(&self) {
        let (step, waiting_for, key, power) = {
            let stands = self.stands();
            (stands.step, stands.waiting_for.clone(), stands.host_key.clone(), stands.power)
        };
        if step == Step::Unspecified {
            return;
        }
        self.tell(step, What::Started(Started { waiting_for, ..Started::default() }));
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
        let Failure { step, cause, message } = failure.clone();
        Self::Failed { step: step.into(), cause, message }
    }
}
