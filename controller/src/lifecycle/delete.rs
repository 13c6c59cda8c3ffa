//! Deleting: the intent is recorded with a new generation; the agent powers off, and only then are addresses free.

use super::{
    event,
    refusal::Refusal,
    rules::Rules,
    table::{self, Event, Phase},
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
    if instance.phase == Phase::Releasing {
        return Ok(None);
    }
    let phase = table::next(instance.phase, Event::DeleteAsked).map_err(|_| Refusal::InstanceState {
        id,
        state: instance.phase.state(),
        wanted: "not terminated",
    })?;
    let mut server =
        tx.server(instance.server_id)?.ok_or_else(|| Refusal::ServersNotFound(vec![instance.server_id]))?;
    // A newer generation: whatever an older order still does, it cannot hand over any more.
    server.generation += 1;
    tx.update_server(&server)?;
    instance.generation = server.generation;
    instance.phase = phase;
    instance.error = None;
    instance.password_hash = None;
    instance.waiting_for = "the server's agent to power it off".into();
    instance.deadline = rules.deadline(&instance, phase);
    instance.updated_at = rules.now;
    tx.update_instance(&instance)?;
    event::record(tx, &instance, rules.now, "deleting", "deletion was asked for")?;
    Ok(Some(instance))
}
