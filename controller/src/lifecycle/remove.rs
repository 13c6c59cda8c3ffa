//! A server that is gone, by the operator's word: it is off and unplugged, or burnt, and its BMC will never read back that it is
//! off. Nobody else may say so: a server that only does not answer may run, at addresses that another would get.

use super::{
    baseline, event,
    refusal::Refusal,
    rules::Rules,
    server_event,
    server_table::{ServerEvent, next},
    table::{self, Event},
};
use crate::store::{
    StoreError, Transaction,
    record::{Cause, Instance, Server, Waiting},
};
use billet_proto::ServerId;

/// Why such a server is out.
const CAUSE: &str = "removed";
const WORD: &str = "by the operator's word it is off and unplugged";

/// Ends what is on it and what is done with it, frees the addresses, and retires it. What was written on its disks is not erased.
pub(super) fn remove(tx: &mut dyn Transaction, rules: &Rules, id: ServerId) -> Result<Server, Refusal> {
    let mut server = tx.server(id)?.ok_or_else(|| Refusal::ServersNotFound(vec![id]))?;
    if let Some(instance) = tx.instance_on(id)? {
        end(tx, rules, &server, instance)?;
    }
    if let Some(task) = server.task.take() {
        server.task_deadline = None;
        server_event::record(tx, rules, &server, server_event::TASK_CANCELLED, task.kind.word())?;
    }
    if let Some(action) = server.operation_state.strip_suffix("-processing") {
        server.operation_state = format!("{action}-failed");
    }
    // Whatever an agent still does with it is of an older order.
    server.generation += 1;
    (server.power_on, server.inspected_at) = (None, None);
    server.manage_state = next(&server, ServerEvent::Removed).unwrap_or(server.manage_state);
    baseline::say(&mut server, Cause { cause: CAUSE.into(), message: WORD.into() });
    server_event::record(tx, rules, &server, server_event::OFFBOARDING, WORD)?;
    tx.update_server(&server)?;
    Ok(server)
}

fn end(tx: &mut dyn Transaction, rules: &Rules, server: &Server, mut instance: Instance) -> Result<(), Refusal> {
    let moved =
        table::next(instance.standing(), Event::Removed).map_err(|_| StoreError::Corrupt("an instance's phase"))?;
    (instance.operation, instance.phase) = (moved.operation, moved.phase);
    (instance.password_hash, instance.next_password_hash) = (None, None);
    (instance.metadata, instance.user_data, instance.network_change) = (None, None, None);
    (instance.waiting_for, instance.waiting) = (String::new(), Waiting::default());
    (instance.deadline, instance.error) = (None, None);
    (instance.updated_at, instance.terminated_at) = (rules.now, Some(rules.now));
    tx.release(instance.id)?;
    tx.update_instance(&instance)?;
    let text = format!("the server was removed: {WORD}; the addresses are free");
    tx.insert_event(&event::plain(&instance, rules.now, instance.phase.word(), "", &text))?;
    server_event::record(tx, rules, server, server_event::TERMINATED, format!("instance {}", instance.id))?;
    Ok(())
}
