//! After a backup was put back the world may be ahead of the database: whatever was begun since, agents have done, and nobody
//! knows of it any more. So nothing is taken for granted that the backup says of a server, until an operator looked or a wipe made
//! it true: not knowing is answered by asking (a person, here), never by powering, wiping or giving away.
//!
//! ```text
//! orders in progress         end with the cause `database_restored`
//! ready                 ─►   maintain and unwiped: another's system may be on it. `wipe` and `ready`, or `accept-unwiped`, which
//!                            inspects it first
//! in-use                     stays with its instance, and no order is made for it before the operator says `ready`; one that was
//!                            set aside is so again then
//! onboard               ─►   not inspected by itself, which could reset what is in use; `inspect`, then as ready
//! maintain, offboarding      stay, unwiped
//! first heard of since       unwiped: it may have been registered, and written on, after the backup
//! ```

use super::{
    maintain,
    refusal::Refusal,
    report,
    rules::Rules,
    server_event,
    server_table::{ServerEvent, next},
    task,
};
use crate::{
    clock::Timestamp,
    store::{
        Result, Transaction,
        access::Audited,
        record::{Cause, ManageState, Server, WipePolicy},
    },
};
use billet_proto::{ServerId, link::Failed};

/// The cause of all that a restored database does not know.
pub(super) const CAUSE: &str = "database_restored";
/// The same of a server that an operator had set aside while it is in use.
const CAUSE_SET_ASIDE: &str = "database_restored_set_aside";
/// The audit log's name for whoever may replace the database; no token can have it.
const CALLER: &str = "host/restore";

/// What an operator has to look at.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Doubted {
    /// Servers that were ready, and are to be wiped or accepted.
    pub ready: u32,
    /// Servers with an instance, each to be confirmed.
    pub in_use: u32,
    /// Pieces of work that were in progress.
    pub given_up: u32,
}

/// Puts all in doubt that may have changed since `taken_at`.
///
/// # Errors
/// When the store fails.
pub(crate) fn doubt(tx: &mut dyn Transaction, rules: &Rules, taken_at: Timestamp) -> Result<Doubted> {
    let mut doubted = Doubted::default();
    let message = format!(
        "the database was put back from a backup of {taken_at}; what was done with the server since is not known"
    );
    let failed = Failed { cause: CAUSE.into(), message: message.clone() };
    for mut instance in tx.unfinished_instances()? {
        report::cut_off(tx, rules, &mut instance, &failed)?;
        doubted.given_up += 1;
    }
    // All are read before any is moved: each is met once.
    let mut servers = Vec::new();
    for state in ManageState::ALL {
        servers.extend(tx.servers_in(state)?);
    }
    for mut server in servers {
        if server.task.is_some() {
            task::fail(tx, rules, &mut server, &failed)?;
            doubted.given_up += 1;
        }
        let cause = Cause { cause: CAUSE.into(), message: message.clone() };
        put_in_doubt(rules, &mut server, cause, &mut doubted);
        server_event::record(tx, rules, &server, server_event::RESTORED, message.clone())?;
        tx.update_server(&server)?;
    }
    // Those that were used since are good again in the backup.
    tx.forget_all_join_tokens()?;
    let objects = vec![taken_at.to_string()];
    tx.insert_audited(&Audited::by_host(rules.now, CALLER, "Store/Restored".to_owned(), objects, 200))?;
    Ok(doubted)
}

/// A server that somebody named for the first time, as far as is known: as long as the audit log tells of a restore, an earlier database
/// may have known it, and a tenant may have written on it.
pub(super) fn unheard_of(tx: &mut dyn Transaction, rules: &Rules, id: ServerId) -> Result<Server> {
    Ok(Server { unwiped: tx.has_audited(CALLER)?, ..Server::unheard_of(id, rules.now) })
}

fn put_in_doubt(rules: &Rules, server: &mut Server, cause: Cause, doubted: &mut Doubted) {
    // As a new server's: its agent refuses what is older than the newest order that it had, and had fewer than one a second.
    server.generation = server.generation.max(rules.now.0 / 1000);
    server.unwiped = true;
    // It may have had a tenant of another project since; metadata alone were not enough for that.
    server.wipe_policy = WipePolicy::Full;
    server.power_on = None;
    if server.manage_state != ManageState::InUse {
        // It may have had a tenant since.
        server.inspected_at = None;
    }
    match server.manage_state {
        ManageState::Ready => {
            doubted.ready += 1;
            server.manage_state = next(server, ServerEvent::TakenOut).unwrap_or(server.manage_state);
            server.error = Some(cause);
        }
        ManageState::InUse => {
            doubted.in_use += 1;
            server.error = Some(match server.error.take() {
                Some(Cause { cause: before, message }) if before == maintain::CAUSE || before == CAUSE_SET_ASIDE => {
                    Cause { cause: CAUSE_SET_ASIDE.into(), message: format!("{message}; {}", cause.message) }
                }
                _ => cause,
            });
        }
        ManageState::Onboard => server.error = Some(cause),
        // Why it is there is as true as before.
        ManageState::Maintain | ManageState::Offboarding => {
            server.error.get_or_insert(cause);
        }
    }
}

/// Forgets why a server's inspection failed, so that it is inspected by itself; not of one of which nobody knows what is on it.
pub(super) fn clear_error(server: &mut Server) {
    if !server.unwiped {
        server.error = None;
    }
}

/// Whether it is in use by what the backup says alone.
pub(super) fn is_in_doubt(server: &Server) -> bool {
    let is_of_restore = |error: &Cause| error.cause == CAUSE || error.cause == CAUSE_SET_ASIDE;
    server.manage_state == ManageState::InUse && server.error.as_ref().is_some_and(is_of_restore)
}

/// Refuses an operation on an instance whose server may have another's system by now.
pub(super) fn must_be_confirmed(server: &Server) -> std::result::Result<(), Refusal> {
    if !is_in_doubt(server) {
        return Ok(());
    }
    let why = "the database was put back from a backup, and an operator has to look first whether this instance is still on it";
    Err(Refusal::ServersNotReady { ids: vec![server.id], why: why.into() })
}

/// The operator looked: what the backup says of the server is so, also that it is set aside.
pub(super) fn confirm(
    tx: &mut dyn Transaction,
    rules: &Rules,
    mut server: Server,
) -> std::result::Result<Server, Refusal> {
    let was_set_aside = server.error.take().filter(|error| error.cause == CAUSE_SET_ASIDE);
    server.error = was_set_aside.map(|error| Cause { cause: maintain::CAUSE.into(), ..error });
    server_event::record(
        tx,
        rules,
        &server,
        server_event::MAINTENANCE_ENDED,
        "its instance is on it, by the operator",
    )?;
    tx.update_server(&server)?;
    Ok(server)
}
