//! Which servers an agent owns: what it says when it attaches, against what is known.

use super::{
    event::tame,
    inspect,
    machines::{Machines, is_another},
    replace_machine, restored,
    rules::Rules,
    server_event,
    server_table::{ServerEvent, next},
};
use crate::store::{
    Result, StoreError, Transaction,
    record::{Agent, Cause, ManageState, Marks, Server},
};
use billet_proto::{
    AgentId, ServerId,
    link::{Claim, Hello, OwnedServer},
};
use std::collections::HashSet;

/// More than any rack has, and than an agent's configuration may. One hello is one transaction, so that more is refused as a
/// whole: a server that was passed over would be let go, and nobody would know why.
const MAX_SERVERS: usize = 1024;

/// The cause of a server whose agent's claim was refused.
const CAUSE: &str = "claim_refused";

/// Why an agent is not let in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HelloError {
    #[error("know the agent: it is not enrolled")]
    Unknown,
    #[error("know the agent: its certificates were revoked")]
    Revoked,
    #[error("attach epoch {said}: epoch {known} of this agent was seen already")]
    OldEpoch { said: u64, known: u64 },
    #[error("attach an agent with {said} servers: at most {MAX_SERVERS} are taken; divide them among agents")]
    TooMany { said: usize },
    #[error("use the database")]
    Store(#[from] StoreError),
}

/// Takes note of an agent's start and its servers; answers each claim.
pub(super) fn hello(
    tx: &mut dyn Transaction,
    rules: &Rules,
    agent: AgentId,
    hello: &Hello,
) -> std::result::Result<Vec<Claim>, HelloError> {
    if hello.servers.len() > MAX_SERVERS {
        return Err(HelloError::TooMany { said: hello.servers.len() });
    }
    let mut known = tx.agent(agent)?.ok_or(HelloError::Unknown)?;
    // Between the call and this: of two transactions, one is first.
    if known.revoked_at.is_some() {
        return Err(HelloError::Revoked);
    }
    if hello.epoch < known.epoch {
        return Err(HelloError::OldEpoch { said: hello.epoch, known: known.epoch });
    }
    if hello.epoch > known.epoch {
        known.epoch = hello.epoch;
        tx.update_agent(&known)?;
    }
    let mut claims = Vec::new();
    let mut owned = HashSet::new();
    let mut machines = Machines::of(tx.machines()?);
    for known in tx.servers_of(agent)? {
        let (id, present) = (known.id.to_string(), Marks::of(&known));
        let said = hello.servers.iter().find(|said| said.id == id).and_then(said_marks);
        // Where it was may be another server's place now, whichever is named first.
        if said.is_some_and(|said| is_another(&present, &said) && !replace_machine::is_kept(rules, &known, &said)) {
            machines.forget(known.id);
        }
    }
    for said in &hello.servers {
        let refused = |reason: String| Claim { server_id: said.id.clone(), accepted: false, reason };
        claims.push(match claim(tx, rules, agent, said, &mut machines)? {
            Ok(id) => {
                owned.insert(id);
                Claim { server_id: said.id.clone(), accepted: true, reason: String::new() }
            }
            Err(reason) => refused(reason),
        });
    }
    let_go(tx, rules, agent, &owned)?;
    for claim in claims.iter().filter(|claim| !claim.accepted) {
        keep_refusal(tx, rules, &known, claim)?;
    }
    forget_refusals(tx, agent, hello)?;
    Ok(claims)
}

/// Keeps with a known server why a claim of it was refused, which else the agent's log alone tells: as an event, and, where
/// the server is to be that agent's, as what keeps it.
fn keep_refusal(tx: &mut dyn Transaction, rules: &Rules, agent: &Agent, claim: &Claim) -> Result<()> {
    let Ok(id) = claim.server_id.parse::<ServerId>() else { return Ok(()) };
    let Some(mut server) = readable(tx.server(id))?.unwrap_or_default() else { return Ok(()) };
    let message = tame(&format!("agent {} may not have it: {}", agent.name, claim.reason));
    server_event::record_once(tx, rules, &server, server_event::CLAIM_REFUSED, message.clone())?;
    let is_its_own = server.registered_agent == Some(agent.id) && server.owner.is_none_or(|owner| owner == agent.id);
    let error = Cause { cause: CAUSE.into(), message };
    // What failed before stays said: it is not tried again by itself.
    if is_its_own && server.error.as_ref().is_none_or(|known| known.cause == CAUSE && *known != error) {
        server.error = Some(error);
        tx.update_server(&server)?;
    }
    Ok(())
}

/// Of servers that the agent does not name any more.
fn forget_refusals(tx: &mut dyn Transaction, agent: AgentId, hello: &Hello) -> Result<()> {
    for mut server in tx.servers_registered_for(agent)? {
        let id = server.id.to_string();
        if is_refused(&server) && !hello.servers.iter().any(|said| said.id == id) {
            server.error = None;
            tx.update_server(&server)?;
        }
    }
    Ok(())
}

fn is_refused(server: &Server) -> bool {
    server.error.as_ref().is_some_and(|error| error.cause == CAUSE)
}

fn claim(
    tx: &mut dyn Transaction,
    rules: &Rules,
    agent: AgentId,
    said: &OwnedServer,
    machines: &mut Machines,
) -> Result<std::result::Result<ServerId, String>> {
    let Ok(id) = said.id.parse::<ServerId>() else { return Ok(Err("the server id is malformed".into())) };
    let Some(said) = said_marks(said) else { return Ok(Err("a MAC address is malformed".into())) };
    let known = match readable(tx.server(id))? {
        Ok(known) => known,
        Err(why) => return Ok(Err(why)),
    };
    if let Some(other) = known.as_ref().and_then(|server| server.owner).filter(|owner| *owner != agent) {
        return Ok(Err(format!("agent {} owns it", name_of(tx, other)?)));
    }
    if let Some(other) = known.as_ref().and_then(|server| server.registered_agent).filter(|other| *other != agent) {
        return Ok(Err(format!("it is registered for agent {}", name_of(tx, other)?)));
    }
    if let Some(why) = machines.taken(id, &said) {
        return Ok(Err(why));
    }
    machines.note(id, &said);
    let is_new = known.is_none();
    let mut server = match known {
        Some(known) => known,
        None => restored::unheard_of(tx, rules, id)?,
    };
    let is_another = is_another(&Marks::of(&server), &said);
    let before = server.generation;
    if is_another {
        replace_machine::replace(tx, rules, &mut server, &said)?;
    }
    if is_refused(&server) {
        server.error = None;
    }
    let is_claimed_anew = server.owner != Some(agent);
    server.owner = Some(agent);
    // While an instance is on it, its NICs stay what the instance was given.
    if server.manage_state != ManageState::InUse {
        server.macs = said.macs;
    }
    // Of the same machine what is not said any more is known still: another one that is said later is another machine's.
    for (known, said) in [(&mut server.uuid, &said.uuid), (&mut server.serial, &said.serial)] {
        if is_another || !said.is_empty() {
            known.clone_from(said);
        }
    }
    server.manage_state = next(&server, ServerEvent::Settled).unwrap_or(server.manage_state);
    if is_claimed_anew {
        let text = format!("by agent {}", name_of(tx, agent)?);
        server_event::record(tx, rules, &server, server_event::CLAIMED, text)?;
    }
    inspect::begin_if_due(tx, rules, &mut server)?;
    // To look at the one that was just named, or to give that up, changes nothing on it.
    for former in server.former_machines.iter_mut().filter(|former| former.generation == Some(before)) {
        former.generation = Some(server.generation);
    }
    if is_new {
        tx.insert_server(&server)?
    } else {
        tx.update_server(&server)?
    }
    Ok(Ok(id))
}

/// What the agent's configuration says of a server's machine; none where a MAC address is malformed.
fn said_marks(said: &OwnedServer) -> Option<Marks> {
    let macs = said.macs.iter().take(16).map(|mac| mac.parse().ok()).collect::<Option<_>>()?;
    Some(Marks { uuid: said.uuid.clone(), serial: said.serial.clone(), macs })
}

/// One row that was damaged must not keep a whole rack out: why there is none.
fn readable<T>(found: Result<T>) -> Result<std::result::Result<T, String>> {
    match found {
        Err(error @ StoreError::Corrupt(_)) => {
            Ok(Err(format!("its record is damaged ({error}); put the database back from a backup")))
        }
        found => found.map(Ok),
    }
}

/// Servers that the agent's configuration no longer has; one with an instance stays its own, so that it can be released.
fn let_go(tx: &mut dyn Transaction, rules: &Rules, agent: AgentId, owned: &HashSet<ServerId>) -> Result<()> {
    for mut server in tx.servers_of(agent)? {
        if !owned.contains(&server.id) && server.manage_state != ManageState::InUse {
            server.owner = None;
            server.manage_state = next(&server, ServerEvent::Settled).unwrap_or(server.manage_state);
            server_event::record(tx, rules, &server, server_event::CLAIM_LOST, "its configuration no longer has it")?;
            tx.update_server(&server)?;
        }
    }
    Ok(())
}

fn name_of(tx: &mut dyn Transaction, agent: AgentId) -> Result<String> {
    Ok(tx.agent(agent)?.map_or_else(|| agent.to_string(), |agent| agent.name))
}
