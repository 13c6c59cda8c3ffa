//! Giving up an operation that is in progress, by an operator: a newer order powers the server off and takes its ports off
//! their networks, wherever the one before had come to. When that was read back the operation has failed, or was a power action
//! and is stopped.

use super::{
    event, operation,
    refusal::Refusal,
    rules::Rules,
    table::{self, Event, Phase},
    waiting,
};
use crate::store::{StoreError, Transaction, record::Instance};
use billet_proto::InstanceId;

/// The cause of an operation that was given up.
pub(super) const CAUSE: &str = "cancelled";

const WANTED: &str =
    "in an operation that is in progress, other than a power-off or a deletion, which leave the server off as it is";

/// Records the wish, and answers the instance, for its order to be sent.
pub(super) fn cancel(tx: &mut dyn Transaction, rules: &Rules, id: InstanceId) -> Result<Instance, Refusal> {
    let mut found = operation::find(tx, None, &[id])?;
    let mut instance = found.pop().ok_or_else(|| Refusal::InstancesNotFound(vec![id]))?;
    let standing = instance.standing();
    let refused = |_| Refusal::InstanceState { instances: vec![(id, standing.told())], wanted: WANTED };
    let moved = table::next(standing, Event::Cancelled).map_err(refused)?;
    let mut server = tx.server(instance.server_id)?.ok_or(StoreError::Corrupt("an instance's server"))?;
    // A newer generation: whatever the order before still does, it cannot hand over any more.
    server.generation += 1;
    tx.update_server(&server)?;
    let text = format!("an operator gave up the {} in step {}", instance.operation.word(), instance.phase.word());
    event::record(tx, &instance, rules.now, "cancelling", &text)?;
    instance.generation = server.generation;
    instance.phase = moved.phase;
    instance.password_hash = None;
    instance.waiting_for = "the server's agent to power it off".into();
    instance.waiting = waiting::to_be_taken(rules.now);
    instance.deadline = rules.deadline(&instance, Phase::Cancelling);
    instance.updated_at = rules.now;
    tx.update_instance(&instance)?;
    Ok(instance)
}
