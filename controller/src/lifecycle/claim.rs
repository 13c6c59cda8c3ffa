//! Which servers an agent owns: what it says when it attaches, against what is known.

use super::{
    event::tame,
    inspect, register, restored,
    rules::Rules,
    server_event,
    server_table::{ServerEvent, next},
};
use crate::store::{
    Machine, Result, StoreError, Transaction,
    record::{Agent, Cause, Hardware, ManageState, Marks, Server},
};
use billet_proto::{
    AgentId, MacAddr, ServerId,
    link::{Claim, Hello, OwnedServer},
};
use std::collections::{HashMap, HashSet};

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
        let id = known.id.to_string();
        let is_replaced = hello.servers.iter().any(|said| said.id == id && is_another(&known, said));
        // Where it was may be another server's place now, whichever is named first.
        if is_replaced && known.manage_state != ManageState::InUse && !register::must_be_remembered(rules, &known) {
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
    let macs: std::result::Result<Vec<MacAddr>, _> = said.macs.iter().take(16).map(|mac| mac.parse()).collect();
    let Ok(macs) = macs else { return Ok(Err("a MAC address is malformed".into())) };
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
    if let Some((other, what)) = machines.taken(id, said, &macs) {
        return Ok(Err(format!("server {other} has {what}")));
    }
    machines.note(id, said, &macs);
    let is_new = known.is_none();
    let mut server = match known {
        Some(known) => known,
        None => restored::unheard_of(tx, rules, id)?,
    };
    let is_another = is_another(&server, said);
    let is_free = server.manage_state != ManageState::InUse;
    if is_another && is_free {
        if register::must_be_remembered(rules, &server) {
            // Its board may have been replaced, and then its disks are the same: they are erased as they were recorded. Where it is another
            // machine, the one before is not taken for a new server while nobody said that what is on it does not matter.
            let Server { uuid, serial, macs, .. } = &server;
            server.former_marks.push(Marks { uuid: uuid.clone(), serial: serial.clone(), macs: macs.clone() });
        } else {
            // Its disks are others. Its baseline stays: a machine that may have had a tenant under another id is let in by no
            // configuration, but where it is as the one before, or the operator accepts it.
            tx.forget_inventory(id)?;
            server.hardware = Hardware::default();
            server.former_marks.clear();
        }
        server.inspected_at = None;
    }
    if is_refused(&server) {
        server.error = None;
    }
    let is_claimed_anew = server.owner != Some(agent);
    server.owner = Some(agent);
    // While an instance is on it, it stays the machine that the instance was given.
    if is_free {
        server.macs = macs;
    }
    // Of the same machine what is not said any more is known still: another one that is said later is another machine's.
    for (known, said) in [(&mut server.uuid, &said.uuid), (&mut server.serial, &said.serial)] {
        if is_another && is_free || !is_another && !said.is_empty() {
            known.clone_from(said);
        }
    }
    server.manage_state = next(&server, ServerEvent::Settled).unwrap_or(server.manage_state);
    if is_claimed_anew {
        let text = format!("by agent {}", name_of(tx, agent)?);
        server_event::record(tx, rules, &server, server_event::CLAIMED, text)?;
    }
    inspect::begin_if_due(tx, rules, &mut server)?;
    if is_new {
        tx.insert_server(&server)?
    } else {
        tx.update_server(&server)?
    }
    Ok(Ok(id))
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

/// Whether it may be another machine under the same id: one of its marks is another, or none that is said was known. One that
/// is said for the first time beside a known one, or no more, tells nothing.
fn is_another(known: &Server, said: &OwnedServer) -> bool {
    let marks = [(&known.uuid, &said.uuid), (&known.serial, &said.serial)];
    let mut of_both = marks.iter().filter(|(known, said)| !known.is_empty() && !said.is_empty()).peekable();
    if of_both.peek().is_none() {
        return marks.iter().any(|(known, _)| !known.is_empty()) && marks.iter().any(|(_, said)| !said.is_empty());
    }
    of_both.any(|(known, said)| !known.eq_ignore_ascii_case(said))
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

/// Which server has which NIC, UUID and serial number: two that claim one machine would fight over it.
struct Machines {
    by_mac: HashMap<MacAddr, ServerId>,
    by_uuid: HashMap<String, ServerId>,
    by_serial: HashMap<String, ServerId>,
}

impl Machines {
    fn of(machines: Vec<Machine>) -> Self {
        let mut known = Self { by_mac: HashMap::new(), by_uuid: HashMap::new(), by_serial: HashMap::new() };
        for Machine { id, marks: Marks { uuid, serial, macs } } in machines {
            let said = OwnedServer { uuid, serial, ..OwnedServer::default() };
            known.note(id, &said, &macs);
        }
        known
    }

    fn note(&mut self, id: ServerId, said: &OwnedServer, macs: &[MacAddr]) {
        self.by_mac.extend(macs.iter().map(|mac| (*mac, id)));
        if !said.uuid.is_empty() {
            self.by_uuid.insert(said.uuid.to_ascii_lowercase(), id);
        } else if !said.serial.is_empty() {
            // Makers number their machines each for himself: a serial number alone counts only without a UUID.
            self.by_serial.insert(said.serial.clone(), id);
        }
    }

    /// Another machine has its id.
    fn forget(&mut self, id: ServerId) {
        self.by_mac.retain(|_, of| *of != id);
        self.by_uuid.retain(|_, of| *of != id);
        self.by_serial.retain(|_, of| *of != id);
    }

    fn taken(&self, id: ServerId, said: &OwnedServer, macs: &[MacAddr]) -> Option<(ServerId, String)> {
        let other = |known: Option<&ServerId>| known.copied().filter(|known| *known != id);
        if let Some((server, mac)) = macs.iter().find_map(|mac| Some((other(self.by_mac.get(mac))?, mac))) {
            return Some((server, format!("MAC {mac}")));
        }
        if !said.uuid.is_empty() {
            let server = other(self.by_uuid.get(&said.uuid.to_ascii_lowercase()))?;
            return Some((server, format!("UUID {}", said.uuid)));
        }
        let server = other(self.by_serial.get(&said.serial))?;
        Some((server, format!("serial number {}", said.serial)))
    }
}

fn name_of(tx: &mut dyn Transaction, agent: AgentId) -> Result<String> {
    Ok(tx.agent(agent)?.map_or_else(|| agent.to_string(), |agent| agent.name))
}
