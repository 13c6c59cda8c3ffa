//! Orders: one file for each kind of work.

mod baseline;
mod boot;
mod deploy;
mod inspect;
mod install;
mod power;
mod power_off;
mod reconfigure;
mod soft_off;
mod tries;
mod visit;
mod wipe;

use super::{
    failure::Failure,
    link::Link,
    ramdisks::{Offer, Ramdisks},
    reporter::Reporter,
    state::{Produced, Record, Records, Stage},
    watched::Watched,
};
use crate::{
    bmc::{Bmc, BmcError, IdentityProof, PowerState, Rotate, check_identity, ensure},
    boot::BootTable,
    config,
    network::Provider,
    probe::Probe,
};
use billet_proto::{
    ServerId,
    link::{Order, Step, StepDeadline, order::Work},
    ramdisk::enlist_reply::Task,
};
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tries::Tries;

/// What every order of one server works with; cheap to clone.
#[derive(Clone)]
pub(super) struct Tools {
    pub(super) config: Arc<config::Config>,
    pub(super) server: Arc<config::Server>,
    pub(super) bmc: Arc<dyn Rotate>,
    pub(super) provider: Provider,
    pub(super) probe: Arc<dyn Probe>,
    pub(super) boots: BootTable,
    pub(super) ramdisks: Ramdisks,
    pub(super) records: Records,
    pub(super) link: Link,
    /// PEM of what ramdisks trust.
    pub(super) boot_ca: Arc<str>,
}

/// Does an order's work from `stage` on; none for a kind that this version does not know.
pub(super) async fn run(job: &Job, work: Option<Work>, stage: Stage) -> Option<Result<Produced, Failure>> {
    Some(match work? {
        Work::Install(order) => install::run(job, order, stage).await,
        Work::Reconfigure(order) => reconfigure::run(job, order, stage).await,
        Work::PowerOff(order) => power_off::run(job, &order).await,
        Work::Power(order) => power::run(job, &order, stage).await,
        Work::Inspect(order) => inspect::run(job, order, stage).await,
        Work::Wipe(order) => wipe::run(job, order, stage).await,
    })
}

/// One order in progress.
#[derive(Clone)]
pub(super) struct Job {
    pub(super) tools: Tools,
    pub(super) generation: u64,
    pub(super) deadlines: Deadlines,
    pub(super) reporter: Reporter,
    /// Boots of its ramdisk that were lost.
    pub(super) boots_lost: Arc<AtomicU32>,
}

impl Job {
    pub(super) fn server_id(&self) -> ServerId {
        self.tools.server.id
    }

    /// The server's BMC; whatever power state it reads is told.
    pub(super) fn bmc(&self) -> Watched {
        Watched::new(self.tools.bmc.clone(), self.reporter.clone())
    }

    /// Makes sure that the BMC is in the right machine: no power action before this.
    pub(super) async fn identify(&self, step: Step) -> Result<(), Failure> {
        self.identify_in(self.tries(step, "the BMC to say which machine it is in")).await
    }

    /// The same, with other tries.
    async fn identify_in(&self, mut tries: Tries<'_>) -> Result<(), Failure> {
        let server = &self.tools.server;
        let proof = loop {
            match check_identity(self.tools.bmc.as_ref(), server.uuid, server.serial.as_deref()).await {
                Ok(proof) => break proof,
                Err(error) => tries.again(&error).await?,
            }
        };
        match proof {
            IdentityProof::Matches => {}
            IdentityProof::NotTold => {
                self.reporter.note("bmc-identity", "the BMC tells neither UUID nor serial number");
            }
        }
        Ok(())
    }

    /// Brings the server to a state of power within `time`, and reads it back; the BMC's own reason where it is not reached.
    async fn bring(&self, step: Step, wanted: PowerState, time: Duration) -> Result<(), Failure> {
        let waiting_for = match wanted {
            PowerState::On => "the BMC to say that the server is on",
            PowerState::Off => "the BMC to say that the server is off",
        };
        self.reporter.started(step, waiting_for);
        let tell = |error: &BmcError, attempt: u32, pause: Duration| {
            let waiting_for = format!("{waiting_for}; last: {}", crate::causes::chain(error));
            self.reporter.tries(step, &waiting_for, attempt, pause);
        };
        ensure(&self.bmc(), wanted, time, &tell).await.map_err(|error| Failure::bmc(step, &error))
    }

    /// Whether the server is on, as its BMC says.
    async fn is_on(&self, step: Step) -> Result<bool, Failure> {
        let mut tries = self.tries(step, "the BMC to say whether the server is on");
        loop {
            match self.bmc().power_state().await {
                Ok(state) => return Ok(state == PowerState::On),
                Err(error) => tries.again(&error).await?,
            }
        }
    }

    /// What its ramdisk is told when it enlists.
    pub(super) fn offer(&self, task: Task) -> Offer {
        Offer { task, disk: self.tools.server.disk_hint() }
    }

    /// Keeps how far the order came.
    pub(super) fn save(&self, step: Step, stage: Stage) -> Result<(), Failure> {
        let is_over = matches!(stage, Stage::Ended(_));
        let inventory = self.reporter.inventory().filter(|_| !is_over).map(|seen| Box::new(seen.into()));
        let record = Record { generation: self.generation, stage, boots_lost: self.boots_lost(), inventory };
        let kept = self.tools.records.save(self.server_id(), &record);
        kept.map_err(|error| Failure::new(step, "agent_state", crate::causes::chain(&error)))
    }

    /// Boots of its ramdisk that were lost until now.
    fn boots_lost(&self) -> u32 {
        self.boots_lost.load(Ordering::Relaxed)
    }

    /// Keeps that so many boots are lost by now: nobody speaks for the last of them any more.
    fn lose_boot(&self, lost: u32) -> Result<(), Failure> {
        self.boots_lost.store(lost, Ordering::Relaxed);
        self.save(self.reporter.step(), Stage::Taken)
    }

    /// Runs a step's work, or the rest of it, within what is left of the step's deadline.
    pub(super) async fn within<T>(
        &self,
        step: Step,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let deadline = self.deadlines.of(step);
        let left = deadline.saturating_sub(self.reporter.spent(step));
        match tokio::time::timeout(left, work).await {
            Ok(done) => done,
            Err(_) => Err(Failure::deadline(step, deadline.as_secs(), &self.reporter.waiting_for())),
        }
    }
}

/// How long each step may take.
#[derive(Debug, Clone, Default)]
pub(super) struct Deadlines(HashMap<i32, Duration>);

/// A step whose deadline the controller did not tell.
const DEFAULT_DEADLINE: Duration = Duration::from_secs(600);

impl Deadlines {
    pub(super) fn of_order(order: &Order) -> Self {
        let each = |d: &StepDeadline| (d.step, Duration::from_secs(u64::from(d.seconds.max(1))));
        Self(order.deadlines.iter().map(each).collect())
    }

    pub(super) fn of(&self, step: Step) -> Duration {
        self.0.get(&i32::from(step)).copied().unwrap_or(DEFAULT_DEADLINE)
    }
}
