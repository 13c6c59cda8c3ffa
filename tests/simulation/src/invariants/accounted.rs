//! Nothing is lost, and nothing is silent.

use crate::{ledger::Ledger, snapshot::Snapshot};
use billet_proto::InstanceId;
use std::collections::HashMap;

/// Every server is there, what was accepted is known, what is in progress says what it waits for and until when, and what
/// failed says why.
pub(super) fn look(now: &Snapshot, servers: usize, ledger: &Ledger) {
    if now.servers.len() != servers {
        ledger.violate(format!("{} of {servers} servers are there", now.servers.len()));
    }
    for promise in ledger.take_promises().iter().filter(|promise| !promise.is_kept(now)) {
        ledger.violate(format!("{}: it was accepted, and nothing is known of it", promise.what));
    }
    let mut names: HashMap<&str, InstanceId> = HashMap::new();
    for instance in &now.instances {
        let name = ledger.name(instance.id);
        if let Some(other) = names.insert(&instance.name, instance.id) {
            ledger.violate(format!("{} was created twice: {} and {name}", instance.name, ledger.name(other)));
        }
        if instance.phase.has_order() && (instance.waiting_for.is_empty() || instance.deadline.is_none()) {
            ledger.violate(format!("{name} does not say what it waits for, or until when"));
        }
        if instance.error.as_ref().is_some_and(|error| error.cause.is_empty() || error.message.is_empty()) {
            ledger.violate(format!("{name} does not say why it failed"));
        }
    }
    for server in &now.servers {
        let silent = server.task.as_ref().is_some_and(|task| task.waiting_for.is_empty());
        if silent || server.task.is_some() != server.task_deadline.is_some() {
            ledger.violate(format!("{} does not say what it waits for, or until when", server.serial));
        }
        if server.error.as_ref().is_some_and(|error| error.cause.is_empty() || error.message.is_empty()) {
            ledger.violate(format!("{} does not say why it failed", server.serial));
        }
    }
}
