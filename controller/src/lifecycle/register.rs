//! The operator's side of a server: which agent may own it, which project may use it, what its NICs are for; and that it
//! is gone for good.

use super::{
    baseline, inspect,
    refusal::Refusal,
    restored,
    rules::Rules,
    server_event,
    server_table::{ServerEvent, next},
    task,
};
use crate::{
    request::RegisterServer,
    store::{
        Transaction,
        record::{ManageState, NicRole, Server, WipePolicy},
    },
};
use billet_proto::{AgentId, ServerId};

/// Registers a server, or changes its registration. For another agent, the one that had it loses it at once, where nothing is in
/// progress: its orders are of an older generation, and its session ends, so that the next begins with a claim that is refused.
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
    let mut server = match known {
        Some(known) => known,
        None => restored::unheard_of(tx, rules, id)?,
    };
    if server.owner.is_some_and(|owner| owner != agent.id) {
        leave_agent(&mut server)?;
    }
    let is_registered_anew = server.registered_agent != Some(agent.id);
    server.registered_agent = Some(agent.id);
    change(rules, &mut server, word)?;
    server.manage_state = next(&server, ServerEvent::Settled).unwrap_or(server.manage_state);
    if is_registered_anew && server.manage_state == ManageState::Onboard {
        // What failed, failed with the agent before: the next one inspects it by itself.
        restored::clear_error(&mut server);
    }
    if is_registered_anew {
        server_event::record(tx, rules, &server, server_event::REGISTERED, format!("for agent {}", agent.name))?;
    }
    inspect::begin_if_due(tx, rules, &mut server)?;
    if is_new {
        tx.insert_server(&server)?;
    } else {
        tx.update_server(&server)?;
    }
    Ok(server)
}

/// The agent that owns it loses it, and it is to be inspected by the next. Not while there is work in progress: where that
/// stands knows the agent alone, and two would act on one machine.
pub(super) fn leave_agent(server: &mut Server) -> Result<(), Refusal> {
    let refused = |why: String| Err(Refusal::ServersNotReady { ids: vec![server.id], why });
    if server.manage_state == ManageState::InUse {
        return refused("it is in use, so it cannot be given to another agent".into());
    }
    if let Some(task) = &server.task {
        let kind = task.kind.word();
        let way_out = if task::may_be_given_up(task) {
            format!("wait for its end, or give it up: billet server cancel {}", server.id)
        } else {
            "wait for its end".into()
        };
        return refused(format!("its {kind} is in progress, so it cannot be given to another agent; {way_out}"));
    }
    leave(server);
    Ok(())
}

/// Nobody owns it, and it is to be inspected by the next that does; what was ordered before is of an older generation.
pub(super) fn leave(server: &mut Server) {
    server.owner = None::<AgentId>;
    server.inspected_at = None;
    server.generation += 1;
}

/// What the operator says of it; what is absent stays.
fn change(rules: &Rules, server: &mut Server, word: RegisterServer) -> Result<(), Refusal> {
    if word.project_id.as_ref().is_some_and(|project| *project != server.project_id) {
        if server.manage_state == ManageState::InUse {
            let why = "it is in use, so it cannot be given to another project".into();
            return Err(Refusal::ServersNotReady { ids: vec![server.id], why });
        }
        if holds_data(server) && !rules.policy.allow_unwiped_reuse {
            let why = "what a tenant wrote on it was not erased in full, and it would go to another project; wipe it in full first";
            return Err(Refusal::ServersNotReady { ids: vec![server.id], why: why.into() });
        }
        server.project_id = word.project_id.flatten();
    }
    server.wipe_policy = word.wipe_policy.unwrap_or(server.wipe_policy);
    if server.wipe_policy == WipePolicy::Metadata && server.project_id.is_none() {
        let rule = "must be full for a server of the shared pool: it may go to another project";
        return Err(Refusal::invalid("wipe_policy", rule, server.wipe_policy.as_str()));
    }
    if let Some(roles) = word.roles {
        // Its instance has addresses and a configuration by these roles, and each of its orders is built from them.
        if server.manage_state == ManageState::InUse && told(&roles) != told(&server.roles) {
            let why = "it is in use, so the roles of its NICs cannot be changed".into();
            return Err(Refusal::ServersNotReady { ids: vec![server.id], why });
        }
        server.roles = roles;
    }
    server.name = word.name.unwrap_or_else(|| server.name.clone());
    server.location = word.location.unwrap_or_else(|| server.location.clone());
    server.clear_other_bootable_disks = word.clear_other_bootable_disks.unwrap_or(server.clear_other_bootable_disks);
    if word.allow_reset == Some(true) && !server.allow_reset && server.manage_state == ManageState::Onboard {
        // What it was refused for may be what is now allowed.
        restored::clear_error(server);
    }
    server.allow_reset = word.allow_reset.unwrap_or(server.allow_reset);
    Ok(())
}

/// Roles without those that need not be told: a port without one is a tenant's.
fn told(roles: &[NicRole]) -> &[NicRole] {
    let last = roles.iter().rposition(|role| *role != NicRole::Vpc);
    &roles[..last.map_or(0, |last| last + 1)]
}

/// Whether something that a tenant wrote may be left. A wipe of metadata alone is enough for the same project, and for no other.
fn holds_data(server: &Server) -> bool {
    server.unwiped || server.last_wipe.as_ref().is_some_and(|wipe| wipe.policy == WipePolicy::Metadata)
}

/// Forgets a server that was retired, with its events. One that an instance is on record for stays until that is purged;
/// one that holds data, or is not as it was, goes only by the operator's explicit word: whoever adds it again adds it as one
/// never written on.
pub(super) fn forget(
    tx: &mut dyn Transaction,
    rules: &Rules,
    id: ServerId,
    accept_unwiped: bool,
) -> Result<(), Refusal> {
    let server = tx.server(id)?.ok_or_else(|| Refusal::ServersNotFound(vec![id]))?;
    task::none_in_progress(&server)?;
    let not_ready = |why: String| Refusal::ServersNotReady { ids: vec![id], why };
    if server.manage_state != ManageState::Offboarding {
        return Err(not_ready(format!("it is {}, and must be offboarding", server.manage_state.as_str())));
    }
    if tx.has_instances_on_record(id)? {
        let why = "a terminated instance of it is still kept for the record, as long as policy.terminated_retention_hours says; try \
                   again later";
        return Err(not_ready(why.into()));
    }
    if holds_data(&server) && !accept_unwiped && !rules.policy.allow_unwiped_reuse {
        let why = "what a tenant wrote on it was not erased in full, and nobody would know of that any more; wipe it in full \
                   first, or accept it unwiped";
        return Err(not_ready(why.into()));
    }
    if nobody_looked(&server) && !accept_unwiped {
        let why = "nobody looked since its last tenant left, and nobody would know of that any more; inspect it or wipe it first, or \
                   accept it unwiped";
        return Err(not_ready(why.into()));
    }
    if baseline::differs(&server) && !accept_unwiped {
        let why = "it is not as it was when it was enrolled, and nobody would know of that any more; put that right first, or \
                   accept it unwiped";
        return Err(not_ready(why.into()));
    }
    if !server.former_machines.is_empty() && !accept_unwiped {
        let why = "a machine that had its place before was not wiped, or not as it was, and nobody would know of that any more; accept it \
                   unwiped";
        return Err(not_ready(why.into()));
    }
    Ok(tx.delete_server(id)?)
}

/// Whether its machine would pass under another id for one that no tenant ever had, and must not.
pub(super) fn must_be_remembered(rules: &Rules, server: &Server) -> bool {
    holds_data(server) && (nobody_looked(server) || !rules.policy.allow_unwiped_reuse) || baseline::differs(server)
}

/// Whether what its last tenant's root may have changed was not compared, or is being: that counts at the end.
fn nobody_looked(server: &Server) -> bool {
    let is_looked_at = server.task.as_ref().is_some_and(|task| baseline::is_compared(task.kind));
    server.unwiped && (server.inspected_at.is_none() || is_looked_at)
}
