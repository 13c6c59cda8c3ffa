//! Another machine has a server's place, as its agent's configuration says: what is known of the server counts for that one no more,
//! and the one before is not forgotten while it may hold what a tenant left.

use super::{
    machines::{is_same, overlap},
    register, report,
    rules::Rules,
    task,
};
use crate::store::{
    Result, StoreError, Transaction,
    record::{FormerMachine, Hardware, Instance, ManageState, Marks, Server, TaskKind},
};
use billet_proto::link::Failed;

/// Whether what a tenant left may be on the machine that has the place, or a tenant is.
pub(super) fn is_kept(rules: &Rules, server: &Server, said: &Marks) -> bool {
    let may_hold = server.manage_state == ManageState::InUse || register::must_be_remembered(rules, server);
    may_hold && put_right(server, said).is_none()
}

/// Another machine has the place, or a part by which the one there was known was replaced.
pub(super) fn replace(tx: &mut dyn Transaction, rules: &Rules, server: &mut Server, said: &Marks) -> Result<()> {
    let is_free = server.manage_state != ManageState::InUse;
    // To look at a machine leaves nothing on it.
    let acts = server.task.as_ref().is_some_and(|task| !matches!(task.kind, TaskKind::Inspect { .. }));
    let ordered = tx.instance_on(server.id)?.filter(|instance| instance.phase.has_order());
    let is_busy = acts || ordered.is_some();
    // One that is back is as it was left, whatever was done since to those that had its place.
    let is_back = |former: &FormerMachine| former.generation != Some(server.generation) && overlap(&former.marks, said);
    let is_back = server.former_machines.iter().any(is_back);
    if is_free && !register::must_be_remembered(rules, server) {
        // Its disks are others. Its baseline stays: a machine that may have had a tenant under another id is let in by no configuration, but
        // where it is as the one before, or the operator accepts it.
        tx.forget_inventory(server.id)?;
        server.hardware = Hardware::default();
    }
    if is_kept(rules, server, said) {
        // Its board may have been replaced, and then its disks are the same: they are erased as they were recorded. Where it is another
        // machine, the one before is no new server while nobody said that what is on it does not matter.
        let generation = (!is_busy).then_some(server.generation);
        server.former_machines.push(FormerMachine { marks: Marks::of(server), generation });
    }
    if let Some(first) = put_right(server, said) {
        server.former_machines.truncate(first);
    }
    server.former_machines.retain(|former| !is_same(&former.marks, said));
    if is_back {
        server.unwiped = true;
        server.former_machines.iter_mut().for_each(|former| former.generation = None);
    }
    if is_free {
        server.inspected_at = None;
    }
    give_up(tx, rules, server, ordered)
}

/// Which of those that had the place before is said, where no order came since others were named for it: nothing of a tenant's came to
/// those. Where one that never had it is said, what was named in between may be the first with another board.
fn put_right(server: &Server, said: &Marks) -> Option<usize> {
    let was_only_left = |former: &FormerMachine| former.generation == Some(server.generation);
    server.former_machines.iter().position(|former| was_only_left(former) && is_same(&former.marks, said))
}

/// What is in progress was ordered of the machine before: how that ends, of which its agent tells by the server's id, must not count for
/// this one. `ordered`: the server's instance, where an operation of it is in progress.
fn give_up(tx: &mut dyn Transaction, rules: &Rules, server: &mut Server, ordered: Option<Instance>) -> Result<()> {
    let failed = |what: &str| {
        let message = format!("its agent's configuration names another machine since its {what} was begun");
        Failed { cause: "machine_replaced".into(), message }
    };
    if let Some(mut instance) = ordered {
        let operation = instance.operation.word();
        report::cut_off(tx, rules, &mut instance, &failed(operation))?;
        // Which is kept with the server.
        let known = tx.server(server.id)?.ok_or(StoreError::Corrupt("an instance's server"))?;
        server.operation_state = known.operation_state;
        server.generation += 1;
    }
    let Some(task) = &server.task else { return Ok(()) };
    let before = server.error.clone();
    let failed = failed(task.kind.word());
    task::fail(tx, rules, server, &failed)?;
    if server.manage_state == ManageState::Onboard {
        // Nothing failed with this one: it is inspected by itself.
        server.error = before;
    }
    server.generation += 1;
    Ok(())
}
