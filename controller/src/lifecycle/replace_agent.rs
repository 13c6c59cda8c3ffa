//! An agent whose host is gone is replaced by another: its servers are the other's, in one transaction.
//!
//! The agent before must be revoked: two that act on one server would fight over it, and an agent that is let in owns what it
//! has. One that is revoked drops its work when it hears of it, and one that is cut off hears nothing; so a server with work in
//! progress stays as it is until that ended, free or in use, and asking again moves it then. Where the agent is dead nothing
//! ends it before its deadline but the operator's word (`billet server cancel`, `billet instance cancel`). A free server is the
//! other agent's to claim, and is inspected first; one in use is its own at once, because an instance is on it.

use super::{
    refusal::Refusal,
    register::leave_agent,
    restored,
    rules::Rules,
    server_event,
    server_table::{ServerEvent, next},
};
use crate::store::{
    Transaction,
    record::{Agent, ManageState, Server},
};
use billet_proto::ServerId;

/// What became of the servers of an agent that was replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replaced {
    /// They are the other agent's.
    pub moved: Vec<ServerId>,
    /// They have work in progress, and stay as they are.
    pub busy: Vec<ServerId>,
}

/// Gives the servers of the agent of one name to that of another; none where the first has never joined.
pub(super) fn replace(
    tx: &mut dyn Transaction,
    rules: &Rules,
    gone: &str,
    by: &str,
) -> Result<Option<Replaced>, Refusal> {
    let Some(gone) = tx.agent_by_name(gone)? else { return Ok(None) };
    if gone.revoked_at.is_none() {
        let rule = "must be revoked first: two agents must not act on one server";
        return Err(Refusal::invalid("name", rule, &gone.name));
    }
    let other = tx.agent_by_name(by)?.filter(|agent| agent.revoked_at.is_none() && agent.id != gone.id);
    let rule = "must be another agent that joined and is not revoked";
    let other = other.ok_or_else(|| Refusal::invalid("agent_name", rule, by))?;
    let mut servers = tx.servers_of(gone.id)?;
    servers.extend(tx.servers_registered_for(gone.id)?);
    servers.sort_by_key(|server| server.id);
    servers.dedup_by_key(|server| server.id);
    let mut replaced = Replaced::default();
    for mut server in servers {
        if is_busy(tx, &server)? {
            replaced.busy.push(server.id);
            continue;
        }
        give(tx, rules, &mut server, &gone, &other)?;
        replaced.moved.push(server.id);
    }
    Ok(Some(replaced))
}

fn is_busy(tx: &mut dyn Transaction, server: &Server) -> Result<bool, Refusal> {
    let instance = tx.instance_on(server.id)?;
    Ok(server.task.is_some() || instance.is_some_and(|instance| instance.phase.has_order()))
}

fn give(
    tx: &mut dyn Transaction,
    rules: &Rules,
    server: &mut Server,
    gone: &Agent,
    other: &Agent,
) -> Result<(), Refusal> {
    server.registered_agent = Some(other.id);
    if server.manage_state == ManageState::InUse {
        server.owner = Some(other.id);
    } else if server.owner.is_some_and(|owner| owner != other.id) {
        leave_agent(server)?;
    }
    server.manage_state = next(server, ServerEvent::Settled).unwrap_or(server.manage_state);
    if server.manage_state == ManageState::Onboard {
        // What failed, failed with the agent before.
        restored::clear_error(server);
    }
    let text = format!("for agent {}, in place of {}", other.name, gone.name);
    server_event::record(tx, rules, server, server_event::REGISTERED, text)?;
    Ok(tx.update_server(server)?)
}
