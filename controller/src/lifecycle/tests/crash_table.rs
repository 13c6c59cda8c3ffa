//! Every operation, and each thing that can go wrong at each of its agent's reports: what it tells failed, it is told twice and older
//! ones come late, nothing is told any more, or the controller ends before or after it was taken. Written once for all of them.
//!
//! The end is the one that the table promises; nothing stays in progress; and server and addresses are held until it was told that the
//! server is off, and the server until its disks were told to be erased.

mod operation;

use super::world::World;
use crate::{
    lifecycle::{
        rules::phase_of,
        table::{self, Event, Phase, Standing},
    },
    store::record::{Instance, ManageState, Server},
};
use billet_proto::{
    InstanceId,
    link::{Failed, Order, Step, report::What},
};
use operation::{OPERATIONS, Operation};
use std::{collections::BTreeSet, ops::Range};

/// What goes wrong, at a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    Nothing,
    /// A failure is told in its place.
    Fails(usize),
    /// Neither it nor any other comes.
    Silent(usize),
    /// It comes twice, and after it what was told before.
    Twice(usize),
    /// The controller ends before it was taken, and another starts; its agent attaches and tells it.
    EndsBefore(usize),
    /// The controller ends after it was taken, and its agent, which had no answer, tells it again.
    EndsAfter(usize),
}

/// What came of it.
struct Ended {
    /// Where the instance stood after each report, if there is one.
    phases: BTreeSet<&'static str>,
    instance: Option<Instance>,
    server: Server,
}

/// One operation, as its agent tells it.
struct Course {
    world: World,
    operation: Operation,
    case: String,
    instance: Option<InstanceId>,
    /// Where the table says that the instance stands.
    standing: Option<Standing>,
    /// Reports that came, each of the order that was the newest then.
    told: Vec<(u64, Step, What)>,
    /// Whether it was told that the server is off, as the end of a deletion.
    is_released: bool,
    epoch: u64,
}

impl Course {
    async fn begin(operation: Operation, wrong: Wrong) -> Self {
        let world = World::new().await;
        let instance = operation.begin(&world).await;
        let case = format!("{operation:?} {wrong:?}");
        let mut course =
            Self { world, operation, case, instance, standing: None, told: vec![], is_released: false, epoch: 1 };
        course.standing = course.row().await.map(|instance| instance.standing());
        assert!(course.is_in_progress().await, "{}: nothing was begun", course.case);
        course
    }

    async fn row(&self) -> Option<Instance> {
        match self.instance {
            Some(id) => Some(self.world.instance(id).await),
            None => None,
        }
    }

    async fn rows(&self) -> (Option<Instance>, Server) {
        (self.row().await, self.world.server().await)
    }

    async fn is_in_progress(&self) -> bool {
        self.world.server().await.task.is_some() || self.row().await.is_some_and(|row| row.phase.has_order())
    }

    /// Tells what comes next.
    async fn tell(&mut self, (step, what): (Step, What)) {
        let generation = self.world.server().await.generation;
        let event = match &what {
            What::Started(_) => phase_of(step).map(Event::StepStarted),
            What::Done(_) => Some(Event::Done),
            What::Failed(_) => Some(Event::Failed),
            _ => None,
        };
        let is_of_instance = self.world.server().await.task.is_none();
        self.told.push((generation, step, what.clone()));
        self.world.report(generation, step, what).await;
        if let (Some(standing), Some(event), true) = (self.standing, event, is_of_instance) {
            self.standing = table::next(standing, event).ok().or(self.standing);
        }
        self.is_released |= self.standing.is_some_and(|standing| standing.phase == Phase::Terminated);
        self.is_held().await;
    }

    /// Tells reports again that were told, each as it was.
    async fn tell_again(&self, which: Range<usize>) {
        for (generation, step, what) in &self.told[which] {
            self.world.report(*generation, *step, what.clone()).await;
            self.is_held().await;
        }
    }

    /// Tells what came before the report at `at`, and what an older order could. An order that begins anew tells the start of its first
    /// step, and means it.
    async fn tell_late(&self, at: usize) {
        for (generation, step, what) in &self.told[..at] {
            let begins_anew = matches!((step, what), (Step::Power | Step::PowerOff, What::Started(_)));
            if !begins_anew {
                self.world.report(*generation, *step, what.clone()).await;
            }
        }
        let (generation, step, what) = &self.told[at];
        let ended = super::done(super::KEY);
        for late in [what.clone(), ended, failed()] {
            self.world.report(generation.saturating_sub(1), *step, late).await;
        }
        self.is_held().await;
    }

    /// The controller ends and another starts on what was recorded; the agent attaches to it.
    async fn controller_ends(&mut self) {
        self.world.start_again();
        self.world.lifecycle.keep_time().await.unwrap();
        let orders = self.attach().await;
        let of = |order: &Order| order.generation;
        let newest = self.world.server().await.generation;
        let expected = if self.is_in_progress().await { vec![newest] } else { vec![] };
        assert_eq!(orders.iter().map(of).collect::<Vec<_>>(), expected, "{}: open orders", self.case);
    }

    async fn attach(&mut self) -> Vec<Order> {
        self.epoch += 1;
        self.world.hello(self.world.agent, self.epoch).await.unwrap().1
    }

    /// Nothing more is told.
    async fn time_passes(&mut self) {
        let is_of_instance = self.world.server().await.task.is_none();
        let (instance, server) = (self.row().await, self.world.server().await);
        // Where a password waits, the system is shut down within the step `power`.
        let is_shut_down = instance.as_ref().is_some_and(|row| row.next_password_hash.is_some());
        let event = if is_shut_down { Event::LeftOn } else { Event::Failed };
        let deadline = server.task_deadline.or(instance.and_then(|row| row.deadline));
        self.world.clock.set(deadline.unwrap_or_else(|| panic!("{}: no deadline", self.case)));
        self.world.lifecycle.keep_time().await.unwrap();
        if is_of_instance {
            self.standing = self.standing.map(|standing| table::next(standing, event).unwrap());
        }
    }

    /// Server and addresses are nobody else's.
    async fn is_held(&self) {
        let (server, reserved) = (self.world.server().await, self.world.reserved().await);
        if self.instance.is_none() {
            assert_eq!(
                (reserved.len(), server.unwiped),
                (0, self.operation == Operation::AcceptUnwiped),
                "{}",
                self.case
            );
            return;
        }
        assert_eq!(reserved.is_empty(), self.is_released, "{}: {reserved:?}", self.case);
        let is_erased = server.last_wipe.is_some() && self.is_released;
        let is_kept = matches!(server.manage_state, ManageState::InUse | ManageState::Maintain);
        assert_eq!(is_kept, !is_erased, "{}: {:?}", self.case, server.manage_state);
    }

    /// Nothing is in progress, for anybody, and nothing that comes late changes anything.
    async fn is_over(&mut self) {
        let (instance, server) = (self.row().await, self.world.server().await);
        assert!(!self.is_in_progress().await, "{}: {instance:?} {server:?}", self.case);
        assert_eq!(
            (server.task_deadline, instance.as_ref().and_then(|row| row.deadline)),
            (None, None),
            "{}",
            self.case
        );
        assert!(!server.operation_state.ends_with("-processing"), "{}", self.case);
        let standing = instance.as_ref().map(Instance::standing);
        assert_eq!(standing, self.standing, "{}: as the table says", self.case);
        assert_eq!(self.attach().await, [], "{}", self.case);
        let before = self.rows().await;
        self.tell_again(0..self.told.len()).await;
        assert_eq!(self.rows().await, before, "{}: told late", self.case);
    }
}

fn failed() -> What {
    What::Failed(Failed { cause: "disk_io".into(), message: "it failed".into() })
}

async fn run(operation: Operation, wrong: Wrong) -> Ended {
    let mut course = Course::begin(operation, wrong).await;
    let mut phases = BTreeSet::new();
    for (at, report) in operation.reports().into_iter().enumerate() {
        match wrong {
            Wrong::Fails(wrong) if wrong == at => {
                course.tell((report.0, failed())).await;
                break;
            }
            Wrong::Silent(wrong) if wrong == at => {
                course.time_passes().await;
                break;
            }
            Wrong::EndsBefore(wrong) if wrong == at => course.controller_ends().await,
            _ => {}
        }
        course.tell(report).await;
        match wrong {
            Wrong::Twice(wrong) if wrong == at => {
                course.tell_again(at..at + 1).await;
                course.tell_late(at).await;
            }
            Wrong::EndsAfter(wrong) if wrong == at => {
                course.controller_ends().await;
                course.tell_again(at..at + 1).await;
            }
            _ => {}
        }
        phases.extend(course.row().await.map(|row| row.phase.word()));
        phases.extend(course.world.server().await.task.map(|task| operation::word(&task.step)));
    }
    course.is_over().await;
    Ended { phases, instance: course.row().await, server: course.world.server().await }
}

/// Each operation, with that going wrong at each of its reports.
async fn each(wrong: impl Fn(usize) -> Wrong, is_right: impl Fn(Operation, usize, &Ended)) {
    let mut count = 0;
    for operation in OPERATIONS {
        for at in 0..operation.reports().len() {
            let ended = run(operation, wrong(at)).await;
            is_right(operation, at, &ended);
            count += 1;
        }
    }
    assert!(count > 70, "{count}");
}

#[test]
fn every_step_of_every_operation_of_an_instance_is_among_them() {
    for operation in table::OPERATIONS {
        for step in operation.steps() {
            let has = |of: &Operation| of.of_table() == Some(operation) && of.steps().contains(&step.word());
            assert!(OPERATIONS.iter().any(has), "{} of {}", step.word(), operation.word());
        }
    }
}

#[tokio::test]
async fn every_operation_comes_to_its_end_by_each_of_its_steps() {
    for operation in OPERATIONS {
        let ended = run(operation, Wrong::Nothing).await;
        operation.is_done(ended.instance.as_ref(), &ended.server);
        for step in operation.steps() {
            assert!(ended.phases.contains(step), "{operation:?}: {step} is not in {:?}", ended.phases);
        }
    }
}

#[tokio::test]
async fn what_fails_at_any_step_ends_with_its_cause_and_holds_what_is_not_known_to_be_off() {
    each(Wrong::Fails, |operation, at, ended| {
        operation.has_failed(ended.instance.as_ref(), &ended.server, at, "disk_io")
    })
    .await;
}

#[tokio::test]
async fn what_is_not_told_any_more_at_any_step_ends_by_its_deadline_and_holds_what_is_not_known_to_be_off() {
    each(Wrong::Silent, |operation, at, ended| operation.has_failed(ended.instance.as_ref(), &ended.server, at, ""))
        .await;
}

#[tokio::test]
async fn what_is_told_twice_and_late_at_any_step_changes_no_end() {
    each(Wrong::Twice, |operation, _, ended| operation.is_done(ended.instance.as_ref(), &ended.server)).await;
}

#[tokio::test]
async fn a_controller_that_ends_before_any_report_was_taken_costs_nothing() {
    each(Wrong::EndsBefore, |operation, _, ended| operation.is_done(ended.instance.as_ref(), &ended.server)).await;
}

#[tokio::test]
async fn a_controller_that_ends_after_any_report_was_taken_costs_nothing() {
    each(Wrong::EndsAfter, |operation, _, ended| operation.is_done(ended.instance.as_ref(), &ended.server)).await;
}
