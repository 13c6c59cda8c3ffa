//! The operator's side of a server: which agent may own it, which project may use it, what its NICs are for, and that one
//! which nothing wiped may be used again.

use super::{
    refusal::Refusal,
    rules::Rules,
    server_table::{ServerEvent, next},
};
use crate::{
    request::RegisterServer,
    store::{
        Transaction,
        record::{ManageState, Server},
    },
};
use billet_proto::ServerId;

/// Registers a server, or changes its registration. For another agent, the one that had it loses it at once: its orders
/// are of an older generation.
pub(super) fn register(
    tx: &mut dyn Transaction,
    rules: &Rules,
    id: ServerId,
    word: RegisterServer,
) -> Result<Server, Refusal> {
    let agent = tx.agent_by_name(&word.agent_name)?;
    let agent =
        agent.ok_or_else(|| Refusal::invalid("agent_name", "must be an agent that joined", &word.agent_name))?;
    let known = tx.server(id)?;
    let is_new = known.is_none();
    let mut server = known.unwrap_or_else(|| Server::unheard_of(id, rules.now));
    if server.owner.is_some_and(|owner| owner != agent.id) {
        if server.manage_state == ManageState::InUse {
            let why = "an instance is on it, so it cannot be given to another agent".into();
            return Err(Refusal::ServersNotReady { ids: vec![id], why });
        }
        server.owner = None;
        server.generation += 1;
    }
    server.registered_agent = Some(agent.id);
    if let Some(project) = word.project_id {
        server.project_id = project;
    }
    server.roles = word.roles.unwrap_or(server.roles);
    server.clear_other_bootable_disks = word.clear_other_bootable_disks.unwrap_or(server.clear_other_bootable_disks);
    server.manage_state = next(&server, ServerEvent::Settled).unwrap_or(server.manage_state);
    if is_new {
        tx.insert_server(&server)?;
    } else {
        tx.update_server(&server)?;
    }
    Ok(server)
}

/// The operator's explicit word that a server which nothing wiped may be used again.
pub(super) fn accept_unwiped(tx: &mut dyn Transaction, id: ServerId) -> Result<Server, Refusal> {
    let mut server = tx.server(id)?.ok_or_else(|| Refusal::ServersNotFound(vec![id]))?;
    let Some(state) = next(&server, ServerEvent::UnwipedAccepted) else {
        let why = format!("it is {}, and must be maintain", server.manage_state.as_str());
        return Err(Refusal::ServersNotReady { ids: vec![id], why });
    };
    server.manage_state = state;
    tx.update_server(&server)?;
    Ok(server)
}
