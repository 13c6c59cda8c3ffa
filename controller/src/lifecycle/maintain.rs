//! Taking a server out, putting it back, and retiring it: the operator's moves.

use super::{
    baseline, inspect,
    refusal::Refusal,
    restored,
    rules::Rules,
    server_event,
    server_table::{ServerEvent, next},
    table::Operation,
    task,
};
use crate::store::{
    Transaction,
    record::{Cause, ManageState, Server},
};
use billet_proto::ServerId;

/// The cause of a server that the operator took out.
pub(super) const CAUSE: &str = "maintenance";

/// Whether the operator took it out, also while an instance is on it.
pub(super) fn is_set_aside(server: &Server) -> bool {
    server.error.as_ref().is_some_and(|error| error.cause == CAUSE)
}

/// Refuses what would power on a server that is set aside: its instance may be powered off and deleted, and no more.
pub(super) fn must_be_put_back(server: &Server, operation: Operation) -> Result<(), Refusal> {
    if !is_set_aside(server) || matches!(operation, Operation::PowerOff | Operation::Uninstall) {
        return Ok(());
    }
    let why = "it is set aside for maintenance; its instance can be powered off and deleted alone".into();
    Err(Refusal::ServersNotReady { ids: vec![server.id], why })
}

/// Takes a server out of use, with the reason that is shown. One that is in use is set aside: it stays its instance's, what is
/// in progress goes on to its end or its deadline, and it is free for nobody afterwards.
pub(super) fn take_out(
    tx: &mut dyn Transaction,
    rules: &Rules,
    id: ServerId,
    reason: String,
) -> Result<Server, Refusal> {
    let mut server = known(tx, id)?;
    if restored::is_in_doubt(&server) {
        let must = "is out already, because the database was put back from a backup; look, and put it back or delete its instance";
        return Err(not_ready(&server, must));
    }
    server.manage_state =
        next(&server, ServerEvent::TakenOut).ok_or_else(|| not_ready(&server, "cannot be taken out"))?;
    server_event::record(tx, rules, &server, server_event::MAINTENANCE_BEGAN, reason.clone())?;
    baseline::say(&mut server, Cause { cause: CAUSE.into(), message: reason });
    tx.update_server(&server)?;
    Ok(server)
}

/// Puts a server back; one that nothing wiped stays out. Where a restored database says that an instance is on it, this confirms it.
pub(super) fn put_back(tx: &mut dyn Transaction, rules: &Rules, id: ServerId) -> Result<Server, Refusal> {
    let mut server = known(tx, id)?;
    task::none_in_progress(&server)?;
    if restored::is_in_doubt(&server) {
        return restored::confirm(tx, rules, server);
    }
    must_be_as_it_was(&server)?;
    let is_kept_out = server.manage_state == ManageState::Maintain && server.unwiped;
    let must =
        if is_kept_out { "is not wiped; wipe it, or accept it unwiped" } else { "must be maintain, or set aside" };
    server.manage_state = next(&server, ServerEvent::PutBack).ok_or_else(|| not_ready(&server, must))?;
    server.error = None;
    server_event::record(tx, rules, &server, server_event::MAINTENANCE_ENDED, server.manage_state.as_str())?;
    inspect::begin_if_due(tx, rules, &mut server)?;
    tx.update_server(&server)?;
    Ok(server)
}

/// Lets a server be used that nothing wiped: the operator's explicit word. What its last tenant's root may have changed is another
/// thing: it is inspected first, also where somebody looked already, for that system may have run since; and it is ready only where it
/// is as it was.
pub(super) fn accept_unwiped(tx: &mut dyn Transaction, rules: &Rules, id: ServerId) -> Result<Server, Refusal> {
    let mut server = known(tx, id)?;
    task::none_in_progress(&server)?;
    must_be_as_it_was(&server)?;
    if server.unwiped {
        server.inspected_at = None;
    }
    server.manage_state =
        next(&server, ServerEvent::UnwipedAccepted).ok_or_else(|| not_ready(&server, "must be maintain"))?;
    server.error = None;
    server_event::record(tx, rules, &server, server_event::UNWIPED_ACCEPTED, "by the operator")?;
    let allow_reset = server.allow_reset;
    inspect::begin_unwiped(tx, rules, &mut server, allow_reset)?;
    tx.update_server(&server)?;
    Ok(server)
}

/// Retires a server: nothing is placed on it any more.
pub(super) fn retire(tx: &mut dyn Transaction, rules: &Rules, id: ServerId) -> Result<Server, Refusal> {
    let mut server = known(tx, id)?;
    server.manage_state = next(&server, ServerEvent::Retired).ok_or_else(|| {
        not_ready(&server, "must not be in use; delete its instance first, or confirm that it is off and unplugged")
    })?;
    server_event::record(tx, rules, &server, server_event::OFFBOARDING, "by the operator")?;
    tx.update_server(&server)?;
    Ok(server)
}

fn must_be_as_it_was(server: &Server) -> Result<(), Refusal> {
    if baseline::differs(server) {
        return Err(not_ready(
            server,
            "is not as it was when it was enrolled; inspect it again when it is, or with --accept-baseline",
        ));
    }
    Ok(())
}

fn known(tx: &mut dyn Transaction, id: ServerId) -> Result<Server, Refusal> {
    tx.server(id)?.ok_or_else(|| Refusal::ServersNotFound(vec![id]))
}

fn not_ready(server: &Server, must: &str) -> Refusal {
    let why = format!("it is {}, and {must}", server.manage_state.as_str());
    Refusal::ServersNotReady { ids: vec![server.id], why }
}
