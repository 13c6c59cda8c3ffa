//! The operator's word that an agent's certificates count no more.
//!
//! Its servers are nobody's from then on, and their generations are over: whatever the agent was doing with them is given
//! up, and the next that claims them inspects them. A server in use stays the agent's, because an instance is on it: work
//! in progress there ends by its deadline, or goes on when the agent joined anew. An agent that joins anew under the name
//! is the same agent, with other certificates.

use super::{
    refusal::Refusal,
    register::leave_agent,
    rules::Rules,
    server_event,
    server_table::{ServerEvent, next},
};
use crate::store::{
    Transaction,
    record::{Agent, ManageState},
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
        if server.manage_state == ManageState::InUse {
            continue;
        }
        leave_agent(tx, rules, &mut server)?;
        server.manage_state = next(&server, ServerEvent::Settled).unwrap_or(server.manage_state);
        server_event::record(tx, rules, &server, server_event::CLAIM_LOST, "its agent's certificates were revoked")?;
        tx.update_server(&server)?;
    }
    Ok(Some(agent))
}
