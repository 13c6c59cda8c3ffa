//! The next tenant is safe from the last one's root: what that can change beside the disks is recorded when a server is
//! enrolled, and compared after each wipe.
//!
//! Invariants: a baseline is recorded at a server's first inspection, and later only at one that the operator asked for with
//! that intent; but for the capacities of disks that it does not have, which are those that were recorded first. What an agent
//! sees it tells under its task's generation; what an older order saw proves nothing. A server that differs is in maintenance,
//! with the differences named, until an inspection or a wipe saw none, or the operator accepts it as it is.

mod difference;
mod tamed;

use super::{event::tame, report::Applied, rules::Rules, server_event, server_table::kept_out, task};
use crate::store::{
    Result, Transaction,
    record::{Baseline, Cause, Server, Task, TaskKind},
};
use billet_proto::{
    ServerId,
    link::{self, BmcFacts, Disk, DiskCapacity, Failed, FirmwareVersion, Inventory},
};
use std::collections::HashSet;
pub(super) use tamed::boot_variables;

use difference::{Difference, differences};

/// The cause of a server that is not as it was.
pub(super) const CAUSE: &str = "baseline_differs";
/// More are counted and not named.
const MAX_NAMED: usize = 8;

/// Takes note of what a ramdisk saw, where that is compared with anything. `seen` is tame.
pub(super) fn see_machine(tx: &mut dyn Transaction, server: &Server, seen: &Inventory) -> Result<()> {
    let Some(generation) = compared(server) else { return Ok(()) };
    let bmc = tx.baseline_seen(server.id, generation)?.and_then(|before| before.bmc);
    tx.record_baseline_seen(server.id, generation, &link::Baseline { bmc, ..of_machine(seen) })
}

/// Takes note of what a BMC said of itself.
pub(super) fn see_bmc(tx: &mut dyn Transaction, server: &Server, generation: u64, facts: &BmcFacts) -> Result<Applied> {
    if compared(server) != Some(generation) {
        return Ok(Applied::Ignored("a BMC's facts that nothing is compared with"));
    }
    let before = tx.baseline_seen(server.id, generation)?.unwrap_or_default();
    let bmc = Some(tamed::bmc(facts));
    tx.record_baseline_seen(server.id, generation, &link::Baseline { bmc, ..before })?;
    Ok(Applied::Recorded)
}

/// The generation of the task at whose end there is a comparison.
fn compared(server: &Server) -> Option<u64> {
    server.task.as_ref().filter(|task| is_compared(task.kind)).map(|task| task.generation)
}

/// Whether there is a comparison at the end of such a task.
pub(super) const fn is_compared(kind: TaskKind) -> bool {
    matches!(kind, TaskKind::Inspect { .. } | TaskKind::Wipe { .. })
}

fn of_machine(seen: &Inventory) -> link::Baseline {
    let bios = FirmwareVersion { part: "BIOS".into(), version: seen.firmware_version.clone() };
    let of_disks = marked(&seen.disks)
        .map(|(mark, disk)| FirmwareVersion { part: format!("disk {mark}"), version: disk.firmware_version.clone() });
    let ports = seen.ports.iter().filter(|port| !port.mac.is_empty());
    let ports = ports
        .map(|port| FirmwareVersion { part: format!("port {}", port.mac), version: port.firmware_version.clone() });
    // A disk that is there and tells none is not the same as one that is not there.
    let versions = std::iter::once(bios).chain(ports).filter(|part| !part.version.is_empty()).chain(of_disks).collect();
    let capacities = capacities(&seen.disks);
    let boot_variables = seen.boot_variables.as_ref().map(tamed::boot_variables);
    link::Baseline { bmc: None, boot_variables, secure_boot: seen.secure_boot, versions, capacities }
}

/// Those that are the machine's own and can be known again, with what they are known by.
fn marked(disks: &[Disk]) -> impl Iterator<Item = (&str, &Disk)> {
    disks.iter().filter(|disk| disk.direct).filter_map(|disk| Some((disk.mark()?, disk)))
}

fn capacities(disks: &[Disk]) -> Vec<DiskCapacity> {
    marked(disks).map(|(mark, disk)| DiskCapacity { disk: mark.into(), size_bytes: disk.size_bytes }).collect()
}

/// A baseline that does not have a disk, because that came later or sizes were not recorded yet, gets its capacity as recorded
/// here: what is recorded of it afterwards may have a part hidden.
pub(super) fn keep_capacities(tx: &mut dyn Transaction, server: ServerId, recorded: &[Disk]) -> Result<()> {
    let Some(mut was) = tx.baseline(server)? else { return Ok(()) };
    let known: HashSet<String> = was.facts.capacities.iter().map(|one| one.disk.clone()).collect();
    was.facts.capacities.extend(capacities(recorded).into_iter().filter(|one| !known.contains(&one.disk)));
    tx.record_baseline(server, &was)
}

/// After an inspection that ended well: records the first baseline, or another where the operator accepts it; else compares.
/// The caller writes the server.
pub(super) fn after_inspection(
    tx: &mut dyn Transaction,
    rules: &Rules,
    server: &mut Server,
    task: &Task,
) -> Result<()> {
    let accepts = matches!(task.kind, TaskKind::Inspect { accept_baseline: true, .. });
    let Some(is) = tx.baseline_seen(server.id, task.generation)? else { return Ok(()) };
    let known = tx.baseline(server.id)?;
    let Some(was) = known.filter(|_| !accepts) else {
        // What a tenant had before there were baselines is none by itself.
        let had_a_tenant = server.unwiped || server.last_wipe.is_some() || tx.has_instances_on_record(server.id)?;
        if had_a_tenant && !accepts {
            return missing(tx, rules, server, "baseline");
        }
        tx.record_baseline(server.id, &Baseline { recorded_at: rules.now, facts: is })?;
        let why = if accepts { "accepted by the operator" } else { "as it was at its first inspection" };
        return server_event::record(tx, rules, server, server_event::BASELINE_RECORDED, why);
    };
    let Some(failed) = told(&differences(&was.facts, &is)) else { return Ok(()) };
    let event = kept_out(server);
    task::fail_as(tx, rules, server, (event, server_event::BASELINE_DIFFERS), &failed)
}

/// After a wipe whose disks are erased: whether the rest of the server is as it was; one that is needs no inspection after a wipe
/// that failed before. A server whose baseline nobody recorded, because it was enrolled before there were any, is let through, and
/// that is told. The caller writes the server.
pub(super) fn after_wipe(
    tx: &mut dyn Transaction,
    rules: &Rules,
    server: &mut Server,
    task: &Task,
) -> Result<Option<Failed>> {
    let Some(was) = tx.baseline(server.id)? else {
        missing(tx, rules, server, "baseline")?;
        return Ok(None);
    };
    let (was, is) = (was.facts, tx.baseline_seen(server.id, task.generation)?.unwrap_or_default());
    let has_users = is.bmc.as_ref().is_some_and(|bmc| !bmc.users.is_empty());
    // What was not told at enrolment, because an agent of that time did not ask or a BMC did not answer, is not compared.
    for (is_missing, part) in [
        (was.bmc.is_none() && is.bmc.is_some(), "baseline of the BMC"),
        (was.bmc.as_ref().is_some_and(|bmc| bmc.users.is_empty()) && has_users, "baseline of the BMC's accounts"),
        (was.boot_variables.is_none() && is.boot_variables.is_some(), "baseline of firmware's boot entries"),
    ] {
        if is_missing {
            missing(tx, rules, server, part)?;
        }
    }
    let failed = told(&differences(&was, &is));
    if failed.is_none() {
        server.inspected_at.get_or_insert(rules.now);
    }
    Ok(failed)
}

fn missing(tx: &mut dyn Transaction, rules: &Rules, server: &Server, what: &str) -> Result<()> {
    let text = format!("there is no {what} to compare it with; inspect it with --accept-baseline");
    server_event::record_once(tx, rules, server, server_event::BASELINE_MISSING, text)
}

fn told(differences: &[Difference]) -> Option<Failed> {
    if differences.is_empty() {
        return None;
    }
    let mut named: Vec<String> = differences.iter().take(MAX_NAMED).map(ToString::to_string).collect();
    if differences.len() > MAX_NAMED {
        named.push(format!("and {} more", differences.len() - MAX_NAMED));
    }
    Some(Failed { cause: CAUSE.into(), message: tame(&named.join("; ")) })
}

/// Records why a server failed. That it is not as it was stays said until it was compared again, whatever else goes wrong.
pub(super) fn say(server: &mut Server, error: Cause) {
    if !differs(server) || error.cause == CAUSE {
        server.error = Some(error);
    }
}

/// Whether it is kept out because it is not as it was.
pub(super) fn differs(server: &Server) -> bool {
    server.error.as_ref().is_some_and(|error| error.cause == CAUSE)
}

/// The order's part: a wipe puts right what it can, before it is compared, and so does the inspection in the place of one.
pub(super) fn of_order(tx: &mut dyn Transaction, server: &Server) -> Result<Option<link::Baseline>> {
    let puts_right =
        |kind: TaskKind| matches!(kind, TaskKind::Wipe { .. } | TaskKind::Inspect { accept_unwiped: true, .. });
    if !server.task.as_ref().is_some_and(|task| puts_right(task.kind)) {
        return Ok(None);
    }
    Ok(tx.baseline(server.id)?.map(|baseline| baseline.facts))
}
