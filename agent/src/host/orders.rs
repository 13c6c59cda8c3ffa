//! Orders: one file for each kind of work.

mod boot;
pub(super) mod deploy;
pub(super) mod power_off;

use super::{
    failure::Failure,
    link::Link,
    ramdisks::Ramdisks,
    reporter::Reporter,
    state::{Record, Records, Stage},
};
use crate::{bmc::IpmiBmc, boot::BootTable, config, network::Provider};
use billet_proto::{
    ServerId,
    link::{Order, Step, StepDeadline},
};
use std::{collections::HashMap, sync::Arc, time::Duration};

/// What every order of one server works with; cheap to clone.
#[derive(Clone)]
pub(super) struct Tools {
    pub(super) config: Arc<config::Config>,
    pub(super) server: Arc<config::Server>,
    pub(super) bmc: IpmiBmc,
    pub(super) provider: Provider,
    pub(super) boots: BootTable,
    pub(super) ramdisks: Ramdisks,
    pub(super) records: Records,
    pub(super) link: Link,
    /// PEM of what ramdisks trust.
    pub(super) boot_ca: Arc<str>,
}

/// One order in progress.
#[derive(Clone)]
pub(super) struct Job {
    pub(super) tools: Tools,
    pub(super) generation: u64,
    pub(super) deadlines: Deadlines,
    pub(super) reporter: Reporter,
}

impl Job {
    pub(super) fn server_id(&self) -> ServerId {
        self.tools.server.id
    }

    /// Keeps how far the order came.
    pub(super) fn save(&self, step: Step, stage: Stage) -> Result<(), Failure> {
        let record = Record { generation: self.generation, stage };
        let kept = self.tools.records.save(self.server_id(), &record);
        kept.map_err(|error| Failure::new(step, "agent_state", super::failure::chain(&error)))
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
