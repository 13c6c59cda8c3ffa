//! Inspecting: a real boot that only looks. A server that is vouched for is inspected by itself, once; and whatever boots
//! the ramdisk, what it saw is recorded.

use super::{
    baseline, event::tame, inventory, refusal::Refusal, report::Applied, rules::Rules, server_event,
    server_table::is_vouched_for, task,
};
use crate::store::{
    Result, Transaction,
    record::{Hardware, ManageState, Server, Task, TaskKind},
};
use billet_proto::{
    ServerId,
    link::{Disk, Failed, Inventory},
};

/// Begins the inspection that a server needs before it is ready, if this is the time for it. One that failed is not
/// repeated by itself: it would boot the server again and again. The caller writes the server.
pub(super) fn begin_if_due(tx: &mut dyn Transaction, rules: &Rules, server: &mut Server) -> Result<()> {
    if !is_due(server) {
        return Ok(());
    }
    let kind = TaskKind::Inspect { allow_reset: server.allow_reset, accept_baseline: false, accept_unwiped: false };
    task::begin(tx, rules, server, (kind, vec![]), "it was registered and claimed, and is not known yet")
}

/// As [`begin_if_due`], of a server that may be used though nothing wiped it: where it is as it was, it is ready at the end.
pub(super) fn begin_unwiped(
    tx: &mut dyn Transaction,
    rules: &Rules,
    server: &mut Server,
    allow_reset: bool,
) -> Result<()> {
    if !is_due(server) {
        return Ok(());
    }
    let kind = TaskKind::Inspect { allow_reset, accept_baseline: false, accept_unwiped: true };
    task::begin(tx, rules, server, (kind, vec![]), "it is used unwiped, and nobody looked since its last tenant left")
}

fn is_due(server: &Server) -> bool {
    server.manage_state == ManageState::Onboard
        && is_vouched_for(server)
        && server.inspected_at.is_none()
        && server.task.is_none()
        && server.error.is_none()
}

/// The operator asks for an inspection; `accept_baseline`: what it sees is what the server is like from then on.
pub(super) fn ask(
    tx: &mut dyn Transaction,
    rules: &Rules,
    id: ServerId,
    (allow_reset, accept_baseline): (bool, bool),
) -> std::result::Result<Server, Refusal> {
    let mut server = tx.server(id)?.ok_or_else(|| Refusal::ServersNotFound(vec![id]))?;
    task::none_in_progress(&server)?;
    let not_ready = |why: &str| Refusal::ServersNotReady { ids: vec![id], why: why.into() };
    match server.manage_state {
        ManageState::Onboard | ManageState::Maintain | ManageState::Offboarding => {}
        ManageState::Ready => return Err(not_ready("it is ready; take it out for maintenance first")),
        ManageState::InUse => return Err(not_ready("an instance is on it")),
    }
    if server.owner.is_none() {
        return Err(not_ready("no agent owns it"));
    }
    let kind = TaskKind::Inspect { allow_reset, accept_baseline, accept_unwiped: false };
    let why = if accept_baseline {
        "the operator asked for it, and accepts what it is now"
    } else {
        "the operator asked for it"
    };
    task::begin(tx, rules, &mut server, (kind, vec![]), why)?;
    tx.update_server(&server)?;
    Ok(server)
}

/// Records what a ramdisk saw, whatever it was booted for. Which disks the server has, an inspection alone says: whatever else
/// boots neither takes one off the record, so that a disk that is gone for a while is not spared by the wipe, nor puts one
/// on it, so that one that nobody knows is not erased.
pub(super) fn record(
    tx: &mut dyn Transaction,
    rules: &Rules,
    mut server: Server,
    generation: u64,
    seen: &Inventory,
) -> Result<Applied> {
    if generation != server.generation {
        return Ok(Applied::Ignored("what an older boot saw"));
    }
    let mut seen = inventory::tamed(seen);
    baseline::see_machine(tx, &server, &seen)?;
    let inspects = server.task.as_ref().is_some_and(|task| matches!(task.kind, TaskKind::Inspect { .. }));
    let known = tx.inventory(server.id)?;
    if inspects {
        // In this order: the size that was recorded first counts.
        for disks in known.iter().map(|known| &known.disks).chain([&seen.disks]) {
            baseline::keep_capacities(tx, server.id, disks)?;
        }
    }
    if let Some(known) = known.filter(|_| !inspects) {
        if let Some(difference) = difference(&known.disks, &seen.disks) {
            server_event::record_once(tx, rules, &server, server_event::DISKS_DIFFER, tame(&difference))?;
        }
        seen.disks = known.disks;
    }
    if inspects && let Some(text) = without_marks(&seen.disks) {
        server_event::record(tx, rules, &server, server_event::DISKS_UNMARKED, text)?;
    }
    tx.record_inventory(server.id, &seen)?;
    server.hardware = Hardware::of(&seen);
    if inspects {
        server.inspected_at = Some(rules.now);
        server.task.iter_mut().for_each(|task| task.is_told = true);
    }
    tx.update_server(&server)?;
    Ok(Applied::Recorded)
}

/// How the disks that a boot saw differ from the recorded ones, those that are not the machine's own left aside.
fn difference(recorded: &[Disk], seen: &[Disk]) -> Option<String> {
    let is_there = |there: &[Disk], disk: &Disk| there.iter().any(|other| other.direct && disk.is_same(other));
    let not_in = |there: &[Disk], disk: &Disk| disk.direct && !is_there(there, disk);
    let named = |disk: &Disk| format!("{} (serial number '{}')", disk.name, disk.serial);
    let those = |of: &[Disk], missing_in: &[Disk]| {
        of.iter().filter(|disk| not_in(missing_in, disk)).map(named).collect::<Vec<_>>().join(", ")
    };
    let told =
        [("recorded and not there: ", those(recorded, seen)), ("there and not recorded: ", those(seen, recorded))];
    let told: Vec<String> =
        told.iter().filter(|(_, disks)| !disks.is_empty()).map(|(what, disks)| format!("{what}{disks}")).collect();
    (!told.is_empty()).then(|| told.join("; "))
}

/// Names the disks that nobody can know again.
fn without_marks(disks: &[Disk]) -> Option<String> {
    let unmarked: Vec<String> = disks
        .iter()
        .filter(|disk| disk.direct && disk.mark().is_none())
        .map(|disk| format!("{} ({} bytes, model '{}')", disk.name, disk.size_bytes, disk.model))
        .collect();
    (!unmarked.is_empty()).then(|| tame(&unmarked.join(", ")))
}

/// Records what the BMC said of the power.
pub(super) fn record_power(tx: &mut dyn Transaction, mut server: Server, on: bool) -> Result<Applied> {
    if server.power_on == Some(on) {
        return Ok(Applied::Ignored("nothing new"));
    }
    server.power_on = Some(on);
    tx.update_server(&server)?;
    Ok(Applied::Recorded)
}

/// An inspection that told nothing is none.
pub(super) fn borne_out(task: &Task) -> std::result::Result<(), Failed> {
    if task.is_told {
        return Ok(());
    }
    let message = "the boot ended, and what the ramdisk saw was not told; inspect again".to_owned();
    Err(Failed { cause: "no_inventory".into(), message })
}

/// The recorded disks that may ever be erased: those that are the machine's alone, and can be known again.
pub(super) fn direct_disks(tx: &mut dyn Transaction, server: &Server) -> Result<Vec<Disk>> {
    let disks = tx.inventory(server.id)?.map(|seen| seen.disks).unwrap_or_default();
    Ok(disks.into_iter().filter(|disk| disk.direct && disk.mark().is_some()).collect())
}
