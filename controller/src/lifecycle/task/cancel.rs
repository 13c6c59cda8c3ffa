//! Giving up work on a server itself, by an operator: it has failed, and a newer order powers the server off, wherever the one
//! before had come to.

use super::{begin, end::fail};
use crate::{
    lifecycle::{cancel::CAUSE, refusal::Refusal, rules::Rules},
    store::{
        Transaction,
        record::{Server, Task, TaskKind},
    },
};
use billet_proto::{ServerId, link::Failed};

/// Ends the task in progress, and begins a power-off where an agent may be at work on it.
pub(in crate::lifecycle) fn cancel(tx: &mut dyn Transaction, rules: &Rules, id: ServerId) -> Result<Server, Refusal> {
    let mut server = tx.server(id)?.ok_or_else(|| Refusal::ServersNotFound(vec![id]))?;
    let refused = |why: &str| Refusal::ServersNotReady { ids: vec![id], why: why.into() };
    let task = server.task.as_ref().ok_or_else(|| refused("no work on it is in progress"))?;
    if task.kind == TaskKind::PowerOff {
        return Err(refused("its power-off is in progress, and giving up work ends with one"));
    }
    if may_be_somebodys(task) {
        let why = "its inspection has not powered it on yet and may find it on, when it leaves it as it is and ends by itself";
        return Err(refused(why));
    }
    let place = if task.step.is_empty() { "before it began".to_owned() } else { format!("in step {}", task.step) };
    let message = format!("an operator gave up the {} {place}", task.kind.word());
    fail(tx, rules, &mut server, &Failed { cause: CAUSE.into(), message })?;
    if server.owner.is_some() {
        let kind = TaskKind::PowerOff;
        begin(tx, rules, &mut server, (kind, vec![]), &format!("{}, because work was given up", kind.word()))?;
    }
    tx.update_server(&server)?;
    Ok(server)
}

/// Whether it can be given up.
pub(in crate::lifecycle) fn may_be_given_up(task: &Task) -> bool {
    task.kind != TaskKind::PowerOff && !may_be_somebodys(task)
}

/// Whether what runs on the server, if anything does, is not this task's: nobody allowed that it is powered off.
fn may_be_somebodys(task: &Task) -> bool {
    matches!(task.kind, TaskKind::Inspect { allow_reset: false, .. }) && matches!(task.step.as_str(), "" | "power")
}
