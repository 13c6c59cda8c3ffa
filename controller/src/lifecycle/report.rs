//! What an agent says of the order in progress, and the moves that follow from it.

use super::{
    addressing, baseline, cancel,
    event::{self, tame},
    inspect,
    rules::{Rules, phase_of},
    table::{self, Event, Operation, Phase, Standing},
    task, waiting, wipe,
};
use crate::store::{
    Result, StoreError, Transaction,
    record::{Cause, Instance, NewEvent, Waiting},
};
use billet_proto::{
    AgentId, ServerId,
    link::{Done, Failed, Progress, Report, Started, report::What},
    planted::{self, Bug},
};

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Applied {
    /// Something is on disk that was not there before.
    Recorded,
    /// It says nothing new, or is about another order.
    Ignored(&'static str),
}

/// Applies one report of `agent`.
pub(super) fn apply(tx: &mut dyn Transaction, rules: &Rules, agent: AgentId, report: &Report) -> Result<Applied> {
    let Ok(server_id) = report.server_id.parse::<ServerId>() else { return Ok(Applied::Ignored("no server id")) };
    let server = match tx.server(server_id) {
        // One row that was damaged must not end the session of a whole rack.
        Err(StoreError::Corrupt(_)) => return Ok(Applied::Ignored("a server whose record does not read back")),
        found => found?,
    };
    let Some(server) = server else { return Ok(Applied::Ignored("an unknown server")) };
    if server.owner != Some(agent) {
        return Ok(Applied::Ignored("a server that this agent does not own"));
    }
    match &report.what {
        Some(What::Inspected(seen)) => return inspect::record(tx, rules, server, report.generation, seen),
        Some(What::PowerRead(read)) => return inspect::record_power(tx, server, read.on),
        Some(What::BmcFacts(facts)) => return baseline::see_bmc(tx, &server, report.generation, facts),
        _ => {}
    }
    if server.task.as_ref().is_some_and(|task| task.generation == report.generation) {
        return task::report::apply(tx, rules, server, report);
    }
    let Some(mut instance) = tx.instance_on(server_id)? else { return Ok(Applied::Ignored("an idle server")) };
    let is_over = instance.generation != report.generation && !planted::is(Bug::LateReportsBelieved);
    if is_over || !instance.phase.has_order() {
        return Ok(Applied::Ignored("an order that is over"));
    }
    let Some(step) = phase_of(report.step()) else { return Ok(Applied::Ignored("no step")) };
    instance.updated_at = rules.now;
    match &report.what {
        Some(What::Started(started)) => start(tx, rules, &mut instance, step, started),
        Some(What::Progress(progress)) => progressed(tx, rules, &instance, step, progress),
        Some(What::Finished(finished)) => note(tx, rules, &instance, step, ("finished", &finished.detail)),
        Some(What::Note(said)) if said.kind == "host-key" => host_key(tx, instance, &said.message),
        Some(What::Note(said)) => {
            note(tx, rules, &instance, step, ("note", &format!("{}: {}", said.kind, said.message)))
        }
        Some(What::Failed(failed)) => fail(tx, rules, &mut instance, step, failed),
        Some(What::Inspected(_) | What::PowerRead(_) | What::BmcFacts(_)) => {
            Ok(Applied::Ignored("nothing that moves an instance"))
        }
        Some(What::Done(done)) => end(tx, rules, instance, done),
        None => Ok(Applied::Ignored("nothing said")),
    }
}

fn start(
    tx: &mut dyn Transaction,
    rules: &Rules,
    instance: &mut Instance,
    step: Phase,
    said: &Started,
) -> Result<Applied> {
    let Ok(Standing { phase, .. }) = table::next(instance.standing(), Event::StepStarted(step)) else {
        return Ok(Applied::Ignored("a step that is not legal now"));
    };
    let before = (instance.waiting_for.as_str(), instance.waiting);
    let waits = waiting::told(rules.now, before, phase != instance.phase, said);
    if phase == instance.phase {
        if (waits.0.as_str(), waits.1) == before {
            return Ok(Applied::Ignored("nothing new"));
        }
        (instance.waiting_for, instance.waiting) = waits;
        tx.update_instance(instance)?;
        return Ok(Applied::Recorded);
    }
    instance.phase = phase;
    instance.deadline = rules.deadline(instance, phase);
    (instance.waiting_for, instance.waiting) = waits;
    if phase.is_since_ramdisk() {
        addressing::forget_failed(tx, instance)?;
    }
    tx.update_instance(instance)?;
    event::record(tx, instance, rules.now, "started", &instance.waiting_for)?;
    Ok(Applied::Recorded)
}

fn progressed(
    tx: &mut dyn Transaction,
    rules: &Rules,
    instance: &Instance,
    step: Phase,
    p: &Progress,
) -> Result<Applied> {
    if step != instance.phase {
        return Ok(Applied::Ignored("progress of another step"));
    }
    let event = NewEvent {
        done_bytes: Some(p.done_bytes),
        total_bytes: Some(p.total_bytes),
        bytes_per_second: Some(p.bytes_per_second),
        ..event::plain(instance, rules.now, "progress", event::step_word(step), &tame(&p.waiting_for))
    };
    tx.insert_event(&event)?;
    Ok(Applied::Recorded)
}

fn note(
    tx: &mut dyn Transaction,
    rules: &Rules,
    instance: &Instance,
    step: Phase,
    (kind, text): (&str, &str),
) -> Result<Applied> {
    tx.insert_event(&event::plain(instance, rules.now, kind, event::step_word(step), &tame(text)))?;
    Ok(Applied::Recorded)
}

/// The ramdisk made a key: what must answer is known, and shown, before anything answers.
fn host_key(tx: &mut dyn Transaction, mut instance: Instance, key: &str) -> Result<Applied> {
    let key = tame(key);
    if instance.host_key.as_deref() == Some(&key) {
        return Ok(Applied::Ignored("nothing new"));
    }
    instance.host_key = Some(key);
    tx.update_instance(&instance)?;
    Ok(Applied::Recorded)
}

/// Ends the order in progress with a cause that its agent did not tell: how far it came is not known.
pub(super) fn cut_off(
    tx: &mut dyn Transaction,
    rules: &Rules,
    instance: &mut Instance,
    failed: &Failed,
) -> Result<Applied> {
    let step = match instance.standing() {
        // Where a password waits, the system is shut down within this step.
        Standing { operation: Operation::Reboot, phase: Phase::Power } if booted_by_us(instance) => Phase::PowerOff,
        Standing { phase, .. } => phase,
    };
    fail(tx, rules, instance, step, failed)
}

/// Ends the order in progress with a cause. Server and addresses stay with the instance until it is deleted.
fn fail(
    tx: &mut dyn Transaction,
    rules: &Rules,
    instance: &mut Instance,
    step: Phase,
    failed: &Failed,
) -> Result<Applied> {
    let event = if step == Phase::PowerOff { Event::LeftOn } else { Event::Failed };
    let Ok(Standing { phase, .. }) = table::next(instance.standing(), event) else {
        return Ok(Applied::Ignored("a failure that is not legal now"));
    };
    let mut cause = Cause { cause: tame(&failed.cause), message: tame(&failed.message) };
    if instance.phase == Phase::Cancelling {
        cause.message = format!("it was given up, and the server may be on still: {}", cause.message);
    }
    end_badly(tx, rules, instance, (step, phase), cause)
}

/// What failed in `step`, or was given up there, is in `phase` from now on.
fn end_badly(
    tx: &mut dyn Transaction,
    rules: &Rules,
    instance: &mut Instance,
    (step, phase): (Phase, Phase),
    cause: Cause,
) -> Result<Applied> {
    let text = format!("{}: {}", cause.cause, cause.message);
    tx.insert_event(&event::plain(instance, rules.now, "failed", event::step_word(step), &text))?;
    instance.phase = phase;
    instance.error = Some(cause);
    instance.deadline = None;
    (instance.waiting_for, instance.waiting) = (String::new(), Waiting::default());
    instance.password_hash = None;
    instance.updated_at = rules.now;
    tx.update_instance(instance)?;
    power_ended(tx, instance, "failed")?;
    Ok(Applied::Recorded)
}

fn end(tx: &mut dyn Transaction, rules: &Rules, mut instance: Instance, done: &Done) -> Result<Applied> {
    let Ok(Standing { phase, .. }) = table::next(instance.standing(), Event::Done) else {
        return Ok(Applied::Ignored("an end that is not legal now"));
    };
    if instance.phase == Phase::Cancelling {
        addressing::forget_failed(tx, &mut instance)?;
        let message = "an operator gave it up; the server is off".to_owned();
        let cause = Cause { cause: cancel::CAUSE.into(), message };
        return end_badly(tx, rules, &mut instance, (Phase::PowerOff, phase), cause);
    }
    // Wherever a ramdisk was booted, what answers must be what it made, or found on the disk.
    if booted_by_us(&instance) {
        if done.host_key.is_empty() {
            return Ok(Applied::Ignored("a system without a host key"));
        }
        if instance.host_key.as_ref().is_some_and(|key| *key != done.host_key) {
            let message = "another host key answered than the ramdisk told".to_owned();
            let failed = Failed { cause: "host_key_differs".into(), message };
            return fail(tx, rules, &mut instance, Phase::Verify, &failed);
        }
        instance.host_key = Some(tame(&done.host_key));
        instance.proof = Some(tame(&done.proof));
        instance.boot_trust = Some(tame(&done.boot_trust));
        instance.launched_at.get_or_insert(rules.now);
        instance.next_password_hash = None;
        if !done.disk_serial.is_empty() {
            instance.disk_serial = Some(tame(&done.disk_serial));
        }
        if instance.operation == Operation::ModifyIp {
            addressing::settle(tx, &mut instance)?;
        }
    }
    let took = format!("{:.1} s after it was accepted", rules.now.since(instance.operation_began_at).as_secs_f32());
    let text = match phase {
        Phase::Terminated => "the server is off; its addresses are free".to_owned(),
        _ => format!("{}: {took}", instance.operation.word()),
    };
    instance.phase = phase;
    instance.deadline = None;
    (instance.waiting_for, instance.waiting) = (String::new(), Waiting::default());
    instance.password_hash = None;
    if phase == Phase::Terminated {
        (instance.metadata, instance.user_data) = (None, None);
        instance.network_change = None;
        instance.terminated_at = Some(rules.now);
        free(tx, rules, &instance)?;
    }
    tx.update_instance(&instance)?;
    tx.insert_event(&event::plain(&instance, rules.now, phase.word(), "", &text))?;
    power_ended(tx, &instance, "succeed")?;
    Ok(Applied::Recorded)
}

/// Whether the order in progress boots the installed system out of a ramdisk.
fn booted_by_us(instance: &Instance) -> bool {
    match instance.operation {
        Operation::Install | Operation::Reinstall | Operation::SwitchInstall | Operation::ModifyIp => true,
        Operation::PowerOn | Operation::Reboot => instance.next_password_hash.is_some(),
        Operation::PowerOff | Operation::Uninstall => false,
    }
}

/// The family shows power actions at the server.
fn power_ended(tx: &mut dyn Transaction, instance: &Instance, how: &str) -> Result<()> {
    if !instance.operation.is_power() {
        return Ok(());
    }
    let mut server = tx.server(instance.server_id)?.ok_or(StoreError::Corrupt("an instance's server"))?;
    server.operation_state = format!("{}-{how}", instance.operation.word());
    tx.update_server(&server)
}

/// Frees the addresses, and the server to be wiped. Power-off was read back before: that is what the order's end means.
fn free(tx: &mut dyn Transaction, rules: &Rules, instance: &Instance) -> Result<()> {
    tx.release(instance.id)?;
    let mut server = tx.server(instance.server_id)?.ok_or(StoreError::Corrupt("an instance's server"))?;
    wipe::after_release(tx, rules, &mut server, instance)?;
    tx.update_server(&server)
}
