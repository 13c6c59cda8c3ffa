//! Deleting: the intent is recorded with a new generation; the agent powers off, and only then are addresses free.

use super::{
    event,
    refusal::Refusal,
    rules::Rules,
    table::{self, Event, Operation, Phase},
};
use crate::store::{Transaction, record::Instance};
use billet_proto::{InstanceId, ProjectId};

/// Records the wish. Answers the instance when an order is to be sent; none when one is on its way already.
pub(super) fn delete(
    tx: &mut dyn Transaction,
    rules: &Rules,
    project: Option<&ProjectId>,
    id: InstanceId,
) -> Result<Option<Instance>, Refusal> {
    let missing = || Refusal::InstancesNotFound(vec![id]);
    let mut instance = tx.instance(id)?.ok_or_else(missing)?;
    if project.is_some_and(|project| instance.project_id != *project) || instance.phase == Phase::Terminated {
        return Err(missing());
    }
    let standing = instance.standing();
    if standing.operation == Operation::Uninstall && standing.phase.has_order() {
        return Ok(None);
    }
    let moved = table::next(standing, Event::Asked(Operation::Uninstall));
    let moved = moved.map_err(|_| Refusal::InstanceState { id, state: standing.state(), wanted: "not terminated" })?;
    let mut server =
        tx.server(instance.server_id)?.ok_or_else(|| Refusal::ServersNotFound(vec![instance.server_id]))?;
    // A newer generation: whatever an older order still does, it cannot hand over any more.
    server.generation += 1;
    tx.update_server(&server)?;
    instance.generation = server.generation;
    (instance.operation, instance.phase) = (moved.operation, moved.phase);
    instance.operation_began_at = rules.now;
    instance.error = None;
    instance.password_hash = None;
    instance.waiting_for = "the server's agent to power it off".into();
    instance.deadline = rules.deadline(&instance, moved.phase);
    instance.updated_at = rules.now;
    tx.update_instance(&instance)?;
    event::record(tx, &instance, rules.now, "deleting", "deletion was asked for")?;
    Ok(Some(instance))
}
