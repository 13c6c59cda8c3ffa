//! Beginning an operation on an instance that is there.

use super::{
    maintain,
    refusal::Refusal,
    restored,
    rules::Rules,
    table::{self, Event, Operation},
    waiting,
};
use crate::store::{
    StoreError, Transaction,
    record::{Instance, Server},
};
use billet_proto::{InstanceId, ProjectId};

/// The instances with these ids, of `project` alone when one is given; those that were terminated are gone.
///
/// # Errors
/// [`Refusal::InstancesNotFound`], naming all that are not there.
pub(super) fn find(
    tx: &mut dyn Transaction,
    project: Option<&ProjectId>,
    ids: &[InstanceId],
) -> Result<Vec<Instance>, Refusal> {
    let (mut found, mut missing) = (Vec::with_capacity(ids.len()), Vec::new());
    for id in ids {
        let instance = tx.instance(*id)?.filter(|instance| {
            project.is_none_or(|project| instance.project_id == *project) && instance.phase != table::Phase::Terminated
        });
        match instance {
            Some(instance) => found.push(instance),
            None => missing.push(*id),
        }
    }
    if missing.is_empty() { Ok(found) } else { Err(Refusal::InstancesNotFound(missing)) }
}

/// Refuses, naming all that it is not legal for.
///
/// # Errors
/// [`Refusal::InstanceState`].
pub(super) fn all_may(
    instances: &[Instance],
    wanted: &'static str,
    may: impl Fn(&Instance) -> bool,
) -> Result<(), Refusal> {
    let others = instances.iter().filter(|instance| !may(instance));
    let instances: Vec<_> = others.map(|instance| (instance.id, instance.standing().told())).collect();
    if instances.is_empty() { Ok(()) } else { Err(Refusal::InstanceState { instances, wanted }) }
}

/// Moves an instance to the beginning of an operation, with a generation of its own. Its server is written; the caller
/// changes what the operation is about, and writes the instance by [`accepted`].
///
/// # Errors
/// [`Refusal::InstanceState`] where the table does not have the move, and [`Refusal::ServersNotReady`] where nobody knows whether the
/// instance is still there.
pub(super) fn begin(
    tx: &mut dyn Transaction,
    rules: &Rules,
    instance: &mut Instance,
    (operation, wanted): (Operation, &'static str),
) -> Result<Server, Refusal> {
    let standing = instance.standing();
    let refused = |_| Refusal::InstanceState { instances: vec![(instance.id, standing.told())], wanted };
    let moved = table::next(standing, Event::Asked(operation)).map_err(refused)?;
    let mut server = tx.server(instance.server_id)?.ok_or(StoreError::Corrupt("an instance's server"))?;
    restored::must_be_confirmed(&server)?;
    maintain::must_be_put_back(&server, operation)?;
    // A newer generation: whatever an older order still does, it cannot hand over any more.
    server.generation += 1;
    tx.update_server(&server)?;
    instance.generation = server.generation;
    (instance.operation, instance.phase) = (moved.operation, moved.phase);
    instance.operation_began_at = rules.now;
    instance.updated_at = rules.now;
    instance.error = None;
    instance.waiting_for = "the server's agent to take the order".into();
    instance.waiting = waiting::to_be_taken(rules.now);
    instance.deadline = rules.deadline(instance, moved.phase);
    Ok(server)
}
