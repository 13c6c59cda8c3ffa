//! Which servers an agent owns: what it says when it attaches, against what is known.

use super::rules::Rules;
use crate::{
    placement::settled_state,
    store::{
        Result, Transaction,
        record::{ManageState, Server},
    },
};
use billet_proto::{
    AgentId, MacAddr, ServerId,
    link::{Claim, Hello, OwnedServer},
};
use std::collections::HashSet;

/// More than any rack has; the rest is refused.
const MAX_SERVERS: usize = 1024;

/// Why an agent is not let in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HelloError {
    #[error("know the agent: it is not enrolled")]
    Unknown,
    #[error("attach epoch {said}: epoch {known} of this agent was seen already")]
    OldEpoch { said: u64, known: u64 },
    #[error("use the database")]
    Store(#[from] crate::store::StoreError),
}

/// Takes note of an agent's start and its servers; answers each claim.
pub(super) fn hello(
    tx: &mut dyn Transaction,
    rules: &Rules,
    agent: AgentId,
    hello: &Hello,
) -> std::result::Result<Vec<Claim>, HelloError> {
    let mut known = tx.agent(agent)?.ok_or(HelloError::Unknown)?;
    if hello.epoch < known.epoch {
        return Err(HelloError::OldEpoch { said: hello.epoch, known: known.epoch });
    }
    if hello.epoch > known.epoch {
        known.epoch = hello.epoch;
        tx.update_agent(&known)?;
    }
    let mut claims = Vec::new();
    let mut owned = HashSet::new();
    for said in hello.servers.iter().take(MAX_SERVERS) {
        let refused = |reason: String| Claim { server_id: said.id.clone(), accepted: false, reason };
        claims.push(match claim(tx, rules, agent, said)? {
            Ok(id) => {
                owned.insert(id);
                Claim { server_id: said.id.clone(), accepted: true, reason: String::new() }
            }
            Err(reason) => refused(reason),
        });
    }
    let_go(tx, agent, &owned)?;
    Ok(claims)
}

fn claim(
    tx: &mut dyn Transaction,
    rules: &Rules,
    agent: AgentId,
    said: &OwnedServer,
) -> Result<std::result::Result<ServerId, String>> {
    let Ok(id) = said.id.parse::<ServerId>() else { return Ok(Err("the server id is malformed".into())) };
    let macs: std::result::Result<Vec<MacAddr>, _> = said.macs.iter().take(16).map(|mac| mac.parse()).collect();
    let Ok(macs) = macs else { return Ok(Err("a MAC address is malformed".into())) };
    let known = tx.server(id)?;
    if let Some(other) = known.as_ref().and_then(|server| server.owner).filter(|owner| *owner != agent) {
        return Ok(Err(format!("agent {} owns it", name_of(tx, other)?)));
    }
    if let Some(other) = known.as_ref().and_then(|server| server.registered_agent).filter(|other| *other != agent) {
        return Ok(Err(format!("it is registered for agent {}", name_of(tx, other)?)));
    }
    let is_new = known.is_none();
    let mut server = known.unwrap_or_else(|| Server::unheard_of(id, rules.now));
    server.owner = Some(agent);
    // While an instance is on it, its NICs stay what the instance was given.
    if server.manage_state != ManageState::InUse {
        server.macs = macs;
    }
    server.uuid.clone_from(&said.uuid);
    server.serial.clone_from(&said.serial);
    server.manage_state = settled_state(&server);
    if is_new {
        tx.insert_server(&server)?
    } else {
        tx.update_server(&server)?
    }
    Ok(Ok(id))
}

/// Servers that the agent's configuration no longer has; one with an instance stays its own, so that it can be released.
fn let_go(tx: &mut dyn Transaction, agent: AgentId, owned: &HashSet<ServerId>) -> Result<()> {
    for mut server in tx.servers()? {
        if server.owner == Some(agent) && !owned.contains(&server.id) && server.manage_state != ManageState::InUse {
            server.owner = None;
            server.manage_state = settled_state(&server);
            tx.update_server(&server)?;
        }
    }
    Ok(())
}

fn name_of(tx: &mut dyn Transaction, agent: AgentId) -> Result<String> {
    Ok(tx.agent(agent)?.map_or_else(|| agent.to_string(), |agent| agent.name))
}
