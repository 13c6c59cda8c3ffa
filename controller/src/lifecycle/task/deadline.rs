//! When a task becomes an error.

use super::{end::fail, word};
use crate::{
    clock::Timestamp,
    lifecycle::{
        expire::{Since, human},
        resend, revoke,
        rules::{GRACE, Rules},
    },
    store::{
        Result, Transaction,
        record::{Server, Task, TaskKind, WipePolicy},
    },
};
use billet_proto::link::{Disk, Failed, Step};
use std::time::Duration;

/// When the task's present step, entered now, becomes an error. One that starts over again and again ends as well: twice
/// the sum of all its deadlines after it was accepted.
pub(super) fn of(rules: &Rules, task: &Task) -> Timestamp {
    let steps = task.kind.steps();
    let present = steps.iter().find(|step| word(**step) == task.step);
    let own = present.map_or(rules.deadlines.dispatch, |step| of_step(rules, task, *step));
    rules.now.after(own + GRACE).min(task.began_at.after(of_all(rules, task) * 2))
}

fn of_all(rules: &Rules, task: &Task) -> Duration {
    let steps = task.kind.steps().iter().map(|step| of_step(rules, task, *step));
    rules.deadlines.dispatch + steps.sum::<Duration>()
}

/// After its last step the ramdisk's machine is powered off.
fn of_step(rules: &Rules, task: &Task, step: Step) -> Duration {
    let d = &rules.deadlines;
    let leaving = match task.kind {
        TaskKind::Inspect { .. } | TaskKind::Wipe { .. } if task.kind.steps().last() == Some(&step) => d.power_off,
        _ => Duration::ZERO,
    };
    leaving
        + match step {
            Step::Power => d.power,
            Step::Boot => d.boot,
            Step::Inspect => d.inspect,
            Step::Wipe => wipe(rules, task),
            Step::PowerOff => d.power_off,
            Step::Unspecified | Step::Write | Step::Configure | Step::HandOver | Step::Verify => Duration::ZERO,
        }
}

/// What a stick or a card takes, where no lower rate is set.
const FLASH_BYTES_PER_SECOND: u64 = 5_000_000;

/// The time to erase the task's disks.
pub(super) fn wipe(rules: &Rules, task: &Task) -> Duration {
    let d = &rules.deadlines;
    let rate = |disk: &Disk| match disk.transport.as_str() {
        "usb" | "sd" | "mmc" => d.wipe_bytes_per_second.min(FLASH_BYTES_PER_SECOND),
        _ => d.wipe_bytes_per_second,
    };
    let seconds = match task.kind {
        TaskKind::Wipe { policy: WipePolicy::Full } => {
            task.disks.iter().fold(0, |sum: u64, disk| sum.saturating_add(disk.size_bytes / rate(disk).max(1)))
        }
        _ => 0,
    };
    d.wipe_base + Duration::from_secs(seconds)
}

/// Ends these tasks, which are overdue. Answers how many ended.
pub(in crate::lifecycle) fn expire(tx: &mut dyn Transaction, rules: &Rules, overdue: Vec<Server>) -> Result<u32> {
    let mut ended = 0;
    for mut server in overdue {
        let Some(task) = &server.task else { continue };
        let what = if task.step.is_empty() { task.kind.word().to_owned() } else { format!("step {}", task.step) };
        let message = format!(
            "{what} did not end in time ({} after the request); it was waiting for: {}",
            human(rules.now.since(task.began_at).as_secs()),
            if task.waiting_for.is_empty() { "its end" } else { &task.waiting_for },
        );
        let cause = if task.step.is_empty() {
            "agent_unavailable".into()
        } else {
            format!("{}_deadline", task.step.replace('-', "_"))
        };
        fail(tx, rules, &mut server, &Failed { cause, message })?;
        revoke::let_go_if_revoked(tx, rules, &mut server)?;
        tx.update_server(&server)?;
        ended += 1;
    }
    Ok(ended)
}

/// As [`expire::hear_first`](crate::lifecycle::expire::hear_first), of tasks.
pub(in crate::lifecycle) fn hear_first(tx: &mut dyn Transaction, rules: &Rules, since: Since) -> Result<()> {
    for mut server in tx.unfinished_servers()? {
        let (Some(task), Some(set)) = (&mut server.task, server.task_deadline) else { continue };
        let began_at = since.began(rules, task.began_at, of_all(rules, task));
        let deadline = since.deadline(rules, set, of(rules, &Task { began_at, ..task.clone() }));
        let waiting = resend::bounded(rules, task.waiting);
        if (began_at, deadline, waiting) != (task.began_at, set, task.waiting) {
            (task.began_at, task.waiting) = (began_at, waiting);
            server.task_deadline = Some(deadline);
            tx.update_server(&server)?;
        }
    }
    Ok(())
}

/// As [`expire::follow`](crate::lifecycle::expire::follow), of tasks.
pub(in crate::lifecycle) fn follow(tx: &mut dyn Transaction, milliseconds: i64) -> Result<()> {
    for mut server in tx.unfinished_servers()? {
        let Some(task) = &mut server.task else { continue };
        task.began_at = task.began_at.moved(milliseconds);
        task.waiting = task.waiting.moved(milliseconds);
        server.task_deadline = server.task_deadline.map(|at| at.moved(milliseconds));
        tx.update_server(&server)?;
    }
    Ok(())
}
