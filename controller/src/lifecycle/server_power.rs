//! Power of servers as the family asks for it: by the server's id, several at once, all or nothing.

use super::{
    power::{self, PowerAction},
    refusal::Refusal,
    rules::Rules,
    task,
};
use crate::store::{
    Transaction,
    record::{Instance, ListedServer, ManageState, TaskKind},
};
use billet_proto::{ProjectId, ServerId};

/// Whose orders are to be sent.
#[derive(Debug, Default)]
pub(super) struct Begun {
    pub(super) instances: Vec<Instance>,
    pub(super) servers: Vec<ServerId>,
}

/// Powers servers; `of`: a tenant's, who sees that project's alone. An instance that runs and is to be on stays as it is.
pub(super) fn of_servers(
    tx: &mut dyn Transaction,
    rules: &Rules,
    of: Option<&ProjectId>,
    (ids, action): (&[ServerId], PowerAction),
) -> Result<Begun, Refusal> {
    let (mut found, mut missing) = (Vec::with_capacity(ids.len()), Vec::new());
    for id in ids {
        match tx.listed_server(*id)?.filter(|listed| listed.is_seen_by(of)) {
            Some(listed) => found.push(listed),
            None => missing.push(*id),
        }
    }
    if !missing.is_empty() {
        return Err(Refusal::ServersNotFound(missing));
    }
    let mut begun = Begun::default();
    for listed in found {
        match &listed.instance {
            Some((_, owner)) if of.is_some_and(|project| project != owner) => {
                return Err(Refusal::ServersNotFound(vec![listed.server.id]));
            }
            Some((instance, _)) => {
                let instance = tx.instance(*instance)?.ok_or(crate::store::StoreError::Corrupt("an instance"))?;
                let moved = power::of_instance(tx, rules, instance, action)?;
                if moved.phase.has_order() {
                    begun.instances.push(moved);
                }
            }
            None if of.is_some() => {
                let why = "no instance is on it, and only operators power such a server".into();
                return Err(Refusal::ServersNotReady { ids: vec![listed.server.id], why });
            }
            None => begun.servers.push(of_empty(tx, rules, listed, action)?),
        }
    }
    Ok(begun)
}

/// A server that no instance is on: its BMC is asked, whatever it said last, for there are buttons.
fn of_empty(
    tx: &mut dyn Transaction,
    rules: &Rules,
    listed: ListedServer,
    action: PowerAction,
) -> Result<ServerId, Refusal> {
    let ListedServer { mut server, .. } = listed;
    task::none_in_progress(&server)?;
    let not_ready = |why: &str| Refusal::ServersNotReady { ids: vec![server.id], why: why.into() };
    if server.owner.is_none() {
        return Err(not_ready("no agent owns it"));
    }
    if server.manage_state == ManageState::InUse {
        return Err(not_ready("it is in use"));
    }
    if server.manage_state == ManageState::Ready && server.unwiped && action != PowerAction::Off {
        // Whatever that system's root changed would be the next tenant's.
        return Err(not_ready(
            "it is ready, and the system of its last tenant would run; take it out for maintenance first",
        ));
    }
    if server.unwiped && action != PowerAction::Off {
        // Its last tenant's system runs again: what an inspection saw before is not how it is any more.
        server.inspected_at = None;
    }
    let kind = match action {
        PowerAction::On => TaskKind::PowerOn,
        PowerAction::Off => TaskKind::PowerOff,
        PowerAction::Reboot => TaskKind::Reboot,
    };
    task::begin(tx, rules, &mut server, (kind, vec![]), &format!("{}, by an operator", kind.word()))?;
    tx.update_server(&server)?;
    Ok(server.id)
}

/// The word of an action in the family's calls.
pub(crate) fn from_word(word: &str) -> Option<PowerAction> {
    match word {
        "power on" => Some(PowerAction::On),
        "power off" => Some(PowerAction::Off),
        "rebooting" => Some(PowerAction::Reboot),
        _ => None,
    }
}
