//! What an operation may know beside the store: the time, the deadlines, the operator's policy.

use super::table::Phase;
use crate::{
    clock::Timestamp,
    config::{Deadlines, Policy},
    store::record::Instance,
};
use billet_proto::link::{Step, StepDeadline};
use std::time::Duration;

/// So much later than the agent does the controller give up: the agent knows the nearer cause and tells it first.
pub(super) const GRACE: Duration = Duration::from_secs(20);

/// Given to every operation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) now: Timestamp,
    pub(crate) deadlines: Deadlines,
    pub(crate) policy: Policy,
}

impl Rules {
    /// How long an agent has for a phase; none when nothing is in progress in it.
    pub(super) fn duration(&self, phase: Phase) -> Option<Duration> {
        let d = &self.deadlines;
        match phase {
            Phase::Waiting => Some(d.dispatch),
            Phase::Power => Some(d.power),
            Phase::Boot => Some(d.boot),
            Phase::Inspect => Some(d.inspect),
            Phase::Write => Some(d.write),
            Phase::Configure => Some(d.configure),
            Phase::HandOver => Some(d.hand_over),
            Phase::Verify => Some(d.verify),
            Phase::PowerOff => Some(d.power_off),
            // Its order is sent first.
            Phase::Cancelling => Some(d.dispatch + d.power_off),
            Phase::Running | Phase::Stopped | Phase::Failed | Phase::Terminated => None,
        }
    }

    /// When `phase`, entered now, becomes an error. An operation that starts over again and again ends as well: twice
    /// the sum of all its deadlines after it was accepted.
    pub(super) fn deadline(&self, instance: &Instance, phase: Phase) -> Option<Timestamp> {
        let own = self.now.after(self.duration(phase)? + GRACE);
        if phase == Phase::Cancelling {
            // It is entered once, however late.
            return Some(own);
        }
        Some(own.min(instance.operation_began_at.after(self.of_all(instance) * 2)))
    }

    /// How long all steps of the operation may take together.
    pub(super) fn of_all(&self, instance: &Instance) -> Duration {
        let steps = [Phase::Waiting].iter().chain(instance.operation.steps());
        steps.filter_map(|phase| self.duration(*phase)).sum()
    }

    /// The deadlines that go with an order.
    pub(super) fn of_order(&self) -> Vec<StepDeadline> {
        let d = &self.deadlines;
        [
            (Step::Power, d.power),
            (Step::Boot, d.boot),
            (Step::Inspect, d.inspect),
            (Step::Write, d.write),
            (Step::Configure, d.configure),
            (Step::HandOver, d.hand_over),
            (Step::Verify, d.verify),
            (Step::PowerOff, d.power_off),
        ]
        .into_iter()
        .map(|(step, duration)| StepDeadline {
            step: step.into(),
            seconds: u32::try_from(duration.as_secs()).unwrap_or(u32::MAX),
        })
        .collect()
    }
}

/// The phase of a protocol's step.
pub(super) fn phase_of(step: Step) -> Option<Phase> {
    Some(match step {
        // A wipe is a server's task, not an instance's.
        Step::Unspecified | Step::Wipe => return None,
        Step::Power => Phase::Power,
        Step::Boot => Phase::Boot,
        Step::Inspect => Phase::Inspect,
        Step::Write => Phase::Write,
        Step::Configure => Phase::Configure,
        Step::HandOver => Phase::HandOver,
        Step::Verify => Phase::Verify,
        Step::PowerOff => Phase::PowerOff,
    })
}
