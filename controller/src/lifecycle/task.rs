//! Work on a server itself: inspecting, wiping, and power where nothing is installed. One piece at a time, by an order of
//! a generation of its own, with a deadline; it goes on over restarts of agent and controller.
//!
//! ```text
//! inspect      power ─► boot ─► inspect
//! wipe         power ─► boot ─► inspect ─► wipe
//! power-on                  power
//! power-off    power-off
//! reboot       power-off ─► power
//! ```
//!
//! A step may be started again, a later one may be started, and the first may be started over. An operator may give it up.

mod cancel;
mod deadline;
mod end;
pub(super) mod order;
pub(super) mod report;

pub(super) use cancel::{cancel, may_be_given_up};
pub(super) use deadline::{expire, follow, hear_first};
pub(super) use end::{fail, fail_as};

use super::{
    refusal::Refusal,
    rules::Rules,
    server_event::{self, Kind},
    waiting,
};
use crate::store::{
    Result, Transaction,
    record::{Server, Task, TaskKind},
};
use billet_proto::link::{Disk, Step};

impl TaskKind {
    /// Its word, for people and programs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Inspect { .. } => "inspect",
            Self::Wipe { .. } => "wipe",
            Self::PowerOn => "power-on",
            Self::PowerOff => "power-off",
            Self::Reboot => "reboot",
        }
    }

    /// Its steps, in their order.
    pub(super) const fn steps(self) -> &'static [Step] {
        match self {
            Self::Inspect { .. } => &[Step::Power, Step::Boot, Step::Inspect],
            Self::Wipe { .. } => &[Step::Power, Step::Boot, Step::Inspect, Step::Wipe],
            Self::PowerOn => &[Step::Power],
            Self::PowerOff => &[Step::PowerOff],
            Self::Reboot => &[Step::PowerOff, Step::Power],
        }
    }

    /// Whether `step` may be begun after `present` (empty: none was).
    fn may_start(self, present: &str, step: Step) -> bool {
        let steps = self.steps();
        let place = |wanted: &str| steps.iter().position(|step| word(*step) == wanted);
        let Some(wanted) = place(word(step)) else { return false };
        wanted == 0 || place(present).is_none_or(|present| wanted >= present)
    }

    const fn began(self) -> Kind {
        match self {
            Self::Inspect { .. } => server_event::INSPECTION_BEGAN,
            Self::Wipe { .. } => server_event::WIPE_BEGAN,
            Self::PowerOn | Self::PowerOff | Self::Reboot => server_event::POWER_BEGAN,
        }
    }
}

/// The word of a step of a task.
pub(super) const fn word(step: Step) -> &'static str {
    match step {
        Step::Power => "power",
        Step::Boot => "boot",
        Step::Inspect => "inspect",
        Step::Wipe => "wipe",
        Step::PowerOff => "power-off",
        Step::Unspecified | Step::Write | Step::Configure | Step::HandOver | Step::Verify => "",
    }
}

/// Begins a task on a server that has none, with a newer generation. The caller writes the server.
pub(super) fn begin(
    tx: &mut dyn Transaction,
    rules: &Rules,
    server: &mut Server,
    (kind, disks): (TaskKind, Vec<Disk>),
    message: &str,
) -> Result<()> {
    server.generation += 1;
    let waiting_for = match server.owner {
        Some(_) => "the server's agent to take the order",
        None => "an agent to claim the server",
    };
    let task = Task {
        kind,
        generation: server.generation,
        step: String::new(),
        waiting_for: waiting_for.into(),
        waiting: waiting::to_be_taken(rules.now),
        began_at: rules.now,
        progress: None,
        disks,
        is_told: false,
    };
    server.task_deadline = Some(deadline::of(rules, &task));
    server.task = Some(task);
    if let Some(action) = power_word(kind) {
        server.operation_state = format!("{action}-processing");
    }
    server_event::record(tx, rules, server, kind.began(), message)
}

/// Refuses where there is work in progress.
pub(super) fn none_in_progress(server: &Server) -> std::result::Result<(), Refusal> {
    match &server.task {
        None => Ok(()),
        Some(task) => Err(Refusal::ServersNotReady {
            ids: vec![server.id],
            why: format!("its {} is in progress", task.kind.word()),
        }),
    }
}

/// The family's word for a power action.
const fn power_word(kind: TaskKind) -> Option<&'static str> {
    match kind {
        TaskKind::PowerOn | TaskKind::PowerOff | TaskKind::Reboot => Some(kind.word()),
        TaskKind::Inspect { .. } | TaskKind::Wipe { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_begun_again_or_later_or_all_starts_over() {
        let inspect = TaskKind::Inspect { allow_reset: false, accept_baseline: false, accept_unwiped: false };
        for (kind, present, step, legal) in [
            (inspect, "", Step::Power, true),
            (inspect, "", Step::Inspect, true),
            (inspect, "boot", Step::Boot, true),
            (inspect, "inspect", Step::Boot, false),
            (inspect, "inspect", Step::Power, true),
            (inspect, "inspect", Step::Wipe, false),
            (inspect, "", Step::Unspecified, false),
            (TaskKind::Reboot, "power", Step::PowerOff, true),
            (TaskKind::Reboot, "power-off", Step::Power, true),
            (TaskKind::PowerOff, "", Step::Power, false),
        ] {
            assert_eq!(kind.may_start(present, step), legal, "{kind:?} {present} {step:?}");
        }
    }
}
