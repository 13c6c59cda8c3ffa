//! The operator's word that an agent's certificates count no more.
//!
//! Its free servers are nobody's from then on, and the next that claims them inspects them. Where it is at work, or an instance is
//! on the server, that stays the agent's: what it does there it drops when it hears that it is not let in any more, but an
//! agent that is cut off does not hear. So nobody else has the server before that work ended, by its deadline, or by the
//! operator's word and the deadline of the power-off that follows. An agent that joins anew under the name is the same agent, with
//! other certificates, and goes on.

use super::{
    refusal::Refusal,
    register::leave,
    rules::Rules,
    server_event,
    server_table::{ServerEvent, next},
};
use crate::store::{
    StoreError, Transaction,
    record::{Agent, ManageState, Server},
};

/// Revokes what an agent of that name has, and the tokens that were made for it; none where there is no such agent. One
/// that was revoked before stays as it was.
pub(super) fn revoke(tx: &mut dyn Transaction, rules: &Rules, name: &str) -> Result<Option<Agent>, Refusal> {
    let Some(mut agent) = tx.agent_by_name(name)? else { return Ok(None) };
    tx.forget_join_tokens(name)?;
    if agent.revoked_at.is_some() {
        return Ok(Some(agent));
    }
    agent.revoked_at = Some(rules.now);
    tx.update_agent(&agent)?;
    for mut server in tx.servers_of(agent.id)? {
        if server.manage_state != ManageState::InUse && server.task.is_none() {
            let_go(tx, rules, &mut server)?;
            tx.update_server(&server)?;
        }
    }
    Ok(Some(agent))
}

/// Work on the server ended: where its agent is revoked, it is nobody's now. The caller writes the server.
pub(super) fn let_go_if_revoked(
    tx: &mut dyn Transaction,
    rules: &Rules,
    server: &mut Server,
) -> Result<(), StoreError> {
    let Some(owner) = server.owner.filter(|_| server.manage_state != ManageState::InUse && server.task.is_none())
    else {
        return Ok(());
    };
    if tx.agent(owner)?.is_some_and(|agent| agent.revoked_at.is_some()) {
        let_go(tx, rules, server)?;
    }
    Ok(())
}

fn let_go(tx: &mut dyn Transaction, rules: &Rules, server: &mut Server) -> Result<(), StoreError> {
    leave(server);
    server.manage_state = next(server, ServerEvent::Settled).unwrap_or(server.manage_state);
    server_event::record(tx, rules, server, server_event::CLAIM_LOST, "its agent's certificates were revoked")
}
