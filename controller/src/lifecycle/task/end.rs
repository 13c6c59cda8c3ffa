//! How a task ends, well or with a cause. The caller writes the server.

use super::power_word;
use crate::{
    lifecycle::{
        baseline,
        event::tame,
        inspect, inventory, maintain, restored,
        rules::Rules,
        server_event::{self, Kind},
        server_table::{ServerEvent, kept_out, next},
        wipe,
    },
    store::{
        Result, Transaction,
        record::{Cause, Server, Task, TaskKind},
    },
};
use billet_proto::{
    link::{Done, Failed},
    planted::{self, Bug},
};

/// Ends the task well, where what the agent tells bears that out; else with a cause.
pub(super) fn done(
    tx: &mut dyn Transaction,
    rules: &Rules,
    server: &mut Server,
    task: &Task,
    done: &Done,
) -> Result<()> {
    let borne_out = match task.kind {
        TaskKind::Inspect { .. } => inspect::borne_out(task).map(|()| Vec::new()),
        TaskKind::Wipe { policy } => wipe::borne_out(rules, task, policy, inventory::tamed_wiped(&done.wiped)),
        TaskKind::PowerOn | TaskKind::PowerOff | TaskKind::Reboot => Ok(Vec::new()),
    };
    let wiped = match borne_out {
        Ok(wiped) => wiped,
        Err(failed) => return fail(tx, rules, server, &failed),
    };
    close(server);
    // What the operator said of a server in maintenance stays said; and what is not looked at here is as it was.
    let is_not_seen_yet = |cause: &str| cause == baseline::CAUSE || cause == restored::CAUSE;
    let stays = |cause: &str| cause == maintain::CAUSE || (is_not_seen_yet(cause) && !baseline::is_compared(task.kind));
    server.error = server.error.take().filter(|error| stays(&error.cause));
    let (event, kind) = match task.kind {
        TaskKind::Inspect { accept_unwiped: true, .. } => (ServerEvent::Accepted, server_event::INSPECTION_ENDED),
        TaskKind::Inspect { .. } => (ServerEvent::Settled, server_event::INSPECTION_ENDED),
        TaskKind::Wipe { policy } => {
            wipe::record(rules, server, (task, policy), wiped);
            (ServerEvent::Wiped, server_event::WIPE_ENDED)
        }
        TaskKind::PowerOn | TaskKind::PowerOff | TaskKind::Reboot => {
            server.power_on = Some(task.kind != TaskKind::PowerOff);
            server.operation_state = format!("{}-succeed", task.kind.word());
            (ServerEvent::Settled, server_event::POWER_ENDED)
        }
    };
    let took = rules.now.since(task.began_at).as_secs_f32();
    let text = format!("{} ended {took:.1} s after it was asked for", task.kind.word());
    server_event::record(tx, rules, server, kind, text)?;
    if let TaskKind::Wipe { .. } = task.kind
        && let Some(failed) = baseline::after_wipe(tx, rules, server, task)?
    {
        // Its disks are erased all the same.
        return fail_as(tx, rules, server, (ServerEvent::WipeFailed, server_event::BASELINE_DIFFERS), &failed);
    }
    if let TaskKind::Inspect { .. } = task.kind {
        baseline::after_inspection(tx, rules, server, task)?;
        if baseline::differs(server) {
            return Ok(());
        }
    }
    server.manage_state = next(server, event).unwrap_or(server.manage_state);
    Ok(())
}

/// Ends the task in progress with a cause; nothing is done where there is none.
pub(in crate::lifecycle) fn fail(
    tx: &mut dyn Transaction,
    rules: &Rules,
    server: &mut Server,
    failed: &Failed,
) -> Result<()> {
    let Some(task) = server.task.take() else { return Ok(()) };
    close(server);
    let is_unknown = match task.kind {
        // What it saw is half of what it was to see: nobody gets the server before one ends well.
        TaskKind::Inspect { .. } => tx.baseline_seen(server.id, task.generation)?.is_some(),
        // Nothing was compared with what a tenant's root may have changed.
        TaskKind::Wipe { .. } => server.unwiped && !planted::is(Bug::FailedWipeBelieved),
        TaskKind::PowerOn | TaskKind::PowerOff | TaskKind::Reboot => false,
    };
    if is_unknown {
        server.inspected_at = None;
    }
    if let Some(action) = power_word(task.kind) {
        server.operation_state = format!("{action}-failed");
    }
    let event = match task.kind {
        TaskKind::Wipe { .. } if planted::is(Bug::FailedWipeBelieved) => ServerEvent::Wiped,
        TaskKind::Wipe { .. } => ServerEvent::WipeFailed,
        // It is not wiped, and that it may be used so is to be said again.
        TaskKind::Inspect { accept_unwiped: true, .. } => kept_out(server),
        _ => ServerEvent::Settled,
    };
    fail_as(tx, rules, server, (event, kind(task.kind)), failed)
}

/// Records a cause and its event.
pub(in crate::lifecycle) fn fail_as(
    tx: &mut dyn Transaction,
    rules: &Rules,
    server: &mut Server,
    (event, kind): (ServerEvent, Kind),
    failed: &Failed,
) -> Result<()> {
    let error = Cause { cause: tame(&failed.cause), message: tame(&failed.message) };
    let text = format!("{}: {}", error.cause, error.message);
    baseline::say(server, error);
    server.manage_state = next(server, event).unwrap_or(server.manage_state);
    server_event::record(tx, rules, server, kind, text)
}

const fn kind(task: TaskKind) -> Kind {
    match task {
        TaskKind::Inspect { .. } => server_event::INSPECTION_FAILED,
        TaskKind::Wipe { .. } => server_event::WIPE_FAILED,
        TaskKind::PowerOn | TaskKind::PowerOff | TaskKind::Reboot => server_event::POWER_FAILED,
    }
}

fn close(server: &mut Server) {
    server.task = None;
    server.task_deadline = None;
}
