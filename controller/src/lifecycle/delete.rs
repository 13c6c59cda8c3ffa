//! Deleting: the intent is recorded with a new generation; the agent powers off, and only then are addresses free.

use super::{
    event, operation,
    refusal::Refusal,
    rules::Rules,
    table::{Operation, Phase},
};
use crate::store::{Transaction, record::Instance};
use billet_proto::{
    InstanceId, ProjectId,
    planted::{self, Bug},
};

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
    operation::begin(tx, rules, &mut instance, (Operation::Uninstall, "not terminated"))?;
    (instance.password_hash, instance.next_password_hash) = (None, None);
    instance.waiting_for = "the server's agent to power it off".into();
    tx.update_instance(&instance)?;
    if planted::is(Bug::FreedBeforePowerOff) {
        tx.release(instance.id)?;
    }
    event::record(tx, &instance, rules.now, "deleting", "deletion was asked for")?;
    Ok(Some(instance))
}
