//! What an agent says of the task in progress.

use super::{deadline, end, word};
use crate::{
    lifecycle::{event::tame, report::Applied, revoke, rules::Rules, server_event, waiting},
    store::{
        Result, Transaction,
        record::{Server, Task, TaskProgress},
    },
};
use billet_proto::link::{Progress, Report, Started, Step, report::What};

/// Applies one report of the server's owner.
pub(in crate::lifecycle) fn apply(
    tx: &mut dyn Transaction,
    rules: &Rules,
    mut server: Server,
    report: &Report,
) -> Result<Applied> {
    let Some(task) = server.task.clone().filter(|task| task.generation == report.generation) else {
        return Ok(Applied::Ignored("an order that is over"));
    };
    let changed = match &report.what {
        Some(What::Started(started)) => start(rules, &mut server, report.step(), started),
        Some(What::Progress(progress)) => progressed(rules, &mut server, report.step(), progress),
        Some(What::Finished(_)) => return Ok(Applied::Ignored("the end of a step, which the next one's start tells")),
        Some(What::Note(said)) => {
            let text = tame(&format!("{}: {}", said.kind, said.message));
            let is_put_right = said.kind == "baseline-restored";
            let kind = if is_put_right { server_event::BASELINE_RESTORED } else { server_event::NOTE };
            server_event::record(tx, rules, &server, kind, text)?;
            return Ok(Applied::Recorded);
        }
        Some(What::Failed(failed)) => {
            end::fail(tx, rules, &mut server, failed)?;
            true
        }
        Some(What::Done(done)) => {
            end::done(tx, rules, &mut server, &task, done)?;
            true
        }
        Some(What::Inspected(_) | What::PowerRead(_) | What::BmcFacts(_)) | None => false,
    };
    revoke::let_go_if_revoked(tx, rules, &mut server)?;
    if !changed {
        return Ok(Applied::Ignored("nothing new, or a step that is not legal now"));
    }
    tx.update_server(&server)?;
    Ok(Applied::Recorded)
}

/// Whether something changed.
fn start(rules: &Rules, server: &mut Server, step: Step, said: &Started) -> bool {
    let Some(task) = server.task.as_mut().filter(|task| task.kind.may_start(&task.step, step)) else { return false };
    let is_present = task.step == word(step);
    let before = (task.waiting_for.as_str(), task.waiting);
    let waits = waiting::told(rules.now, before, !is_present, said);
    let is_new = (waits.0.as_str(), waits.1) != before;
    (task.waiting_for, task.waiting) = waits;
    if is_present {
        return is_new;
    }
    word(step).clone_into(&mut task.step);
    task.progress = None;
    server.task_deadline = Some(deadline::of(rules, task));
    true
}

fn progressed(rules: &Rules, server: &mut Server, step: Step, said: &Progress) -> bool {
    let is_present = |task: &&mut Task| !task.step.is_empty() && task.step == word(step);
    let Some(task) = server.task.as_mut().filter(is_present) else { return false };
    let Progress { done_bytes, total_bytes, bytes_per_second, .. } = *said;
    task.progress = Some(TaskProgress { done_bytes, total_bytes, bytes_per_second });
    if !said.waiting_for.is_empty() {
        let before = (task.waiting_for.as_str(), task.waiting);
        (task.waiting_for, task.waiting) = waiting::told_of_progress(rules.now, before, &said.waiting_for);
    }
    true
}
