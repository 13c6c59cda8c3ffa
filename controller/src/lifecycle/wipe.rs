//! Wiping: what a tenant wrote is erased before another gets the server, and that is borne out, or the server is kept out.

use super::{
    inspect::{self, direct_disks},
    refusal::Refusal,
    rules::Rules,
    server_event,
    server_table::{ServerEvent, next},
    task,
};
use crate::store::{
    Result, Transaction,
    record::{Instance, ManageState, Server, Task, TaskKind, Wipe, WipePolicy},
};
use billet_proto::{
    ServerId,
    link::{Disk, Failed, WipedDisk},
    planted::{self, Bug},
};

/// Called when `instance`, which was on `server`, is terminated: begins the wipe, or, where the policy lets the server be used
/// with what is on its disks, the inspection that compares the rest. Records the event; the caller writes the server, and sends
/// its order.
pub(super) fn after_release(
    tx: &mut dyn Transaction,
    rules: &Rules,
    server: &mut Server,
    instance: &Instance,
) -> Result<()> {
    server_event::record(tx, rules, server, server_event::TERMINATED, format!("instance {}", instance.id))?;
    if planted::is(Bug::ReadyWithoutWipe) {
        server.manage_state = next(server, ServerEvent::Wiped).unwrap_or(server.manage_state);
        return Ok(());
    }
    if rules.policy.allow_unwiped_reuse {
        return release_unwiped(tx, rules, server);
    }
    // Weaker only where the operator chose it, and the server goes back to the same project.
    let policy = match server.wipe_policy {
        WipePolicy::Metadata if server.project_id.as_ref() == Some(&instance.project_id) => WipePolicy::Metadata,
        WipePolicy::Metadata | WipePolicy::Full => WipePolicy::Full,
    };
    begin(tx, rules, server, policy, "its instance is terminated")
}

fn release_unwiped(tx: &mut dyn Transaction, rules: &Rules, server: &mut Server) -> Result<()> {
    server.inspected_at = None;
    server.manage_state = next(server, ServerEvent::Released).unwrap_or(server.manage_state);
    if server.manage_state == ManageState::Onboard {
        // What failed before its tenant came is no reason not to look.
        server.error = None;
    }
    // That it is off was read back: what is on now is nobody's.
    inspect::begin_unwiped(tx, rules, server, true)
}

/// The operator asks for a wipe; without a policy, the server's own.
pub(super) fn ask(
    tx: &mut dyn Transaction,
    rules: &Rules,
    id: ServerId,
    policy: Option<WipePolicy>,
) -> std::result::Result<Server, Refusal> {
    let mut server = tx.server(id)?.ok_or_else(|| Refusal::ServersNotFound(vec![id]))?;
    task::none_in_progress(&server)?;
    let not_ready = |why: String| Refusal::ServersNotReady { ids: vec![id], why };
    match server.manage_state {
        ManageState::Maintain | ManageState::Offboarding => {}
        ManageState::InUse => return Err(not_ready("an instance is on it".into())),
        state @ (ManageState::Onboard | ManageState::Ready) => {
            return Err(not_ready(format!("it is {}; take it out for maintenance first", state.as_str())));
        }
    }
    if server.owner.is_none() {
        return Err(not_ready("no agent owns it".into()));
    }
    if direct_disks(tx, &server)?.is_empty() {
        return Err(not_ready(NO_DISKS.into()));
    }
    let policy = policy.unwrap_or(server.wipe_policy);
    if policy == WipePolicy::Metadata && server.project_id.is_none() {
        let rule = "must be full for a server of the shared pool: it may go to another project";
        return Err(Refusal::invalid("policy", rule, policy.as_str()));
    }
    begin(tx, rules, &mut server, policy, "the operator asked for it")?;
    tx.update_server(&server)?;
    Ok(server)
}

const NO_DISKS: &str =
    "no directly attached disk was recorded by serial number or WWN at its inspection, and no other is ever erased";

fn begin(tx: &mut dyn Transaction, rules: &Rules, server: &mut Server, policy: WipePolicy, why: &str) -> Result<()> {
    let disks = direct_disks(tx, server)?;
    if disks.is_empty() {
        server.inspected_at = None;
        let failed = Failed { cause: "no_recorded_disks".into(), message: NO_DISKS.into() };
        return task::fail_as(tx, rules, server, (ServerEvent::WipeFailed, server_event::WIPE_FAILED), &failed);
    }
    let message = format!("{}, {} disks: {why}", policy.as_str(), disks.len());
    task::begin(tx, rules, server, (TaskKind::Wipe { policy }, disks), &message)
}

/// A wipe is one where every disk asked for was erased in a way that is allowed, and read back. Answers what bears that out, one for
/// each disk, and nothing else that was told.
pub(super) fn borne_out(
    rules: &Rules,
    task: &Task,
    policy: WipePolicy,
    mut wiped: Vec<WipedDisk>,
) -> std::result::Result<Vec<WipedDisk>, Failed> {
    // An agent of another version may not know that some ways are not allowed.
    let is_allowed = |method: &str| {
        policy == WipePolicy::Metadata || rules.policy.wipe_methods.iter().any(|way| method.starts_with(way.word()))
    };
    let erased = |disk: &Disk, wiped: &WipedDisk| {
        let whole = policy == WipePolicy::Metadata || wiped.bytes >= disk.size_bytes;
        let is_it = wiped.disk.as_ref().is_some_and(|other| disk.is_same(other));
        wiped.read_back > 0 && whole && is_it && is_allowed(&wiped.method)
    };
    let each = task.disks.iter().map(|disk| {
        // What bears one disk out bears no other out.
        let found = wiped.iter().position(|wiped| erased(disk, wiped)).map(|at| wiped.remove(at));
        found.ok_or_else(|| {
            let (name, serial) = (&disk.name, &disk.serial);
            let message = format!(
                "disk {name} (serial number '{serial}') was not erased, in a way that is allowed, and read back"
            );
            Failed { cause: "wipe_incomplete".into(), message }
        })
    });
    each.collect()
}

/// Takes note of a wipe that ended well.
pub(super) fn record(rules: &Rules, server: &mut Server, (task, policy): (&Task, WipePolicy), wiped: Vec<WipedDisk>) {
    server.unwiped = false;
    let (generation, began_at) = (task.generation, Some(task.began_at));
    server.last_wipe = Some(Wipe { at: rules.now, policy, disks: wiped, generation, began_at });
}
