//! What a tenant's root can change in a BMC: read, told, and put right.

use super::{Job, tries::Tries};
use crate::{
    bmc::{
        BmcError, BootEnabled, BootOverride, BootTarget, PowerState, Quirk, Restored, User, restore_users,
        set_and_verify_override,
    },
    causes::chain,
    config::RotatePassword,
    host::{bmc_facts, failure::Failure},
};
use billet_proto::link::{Baseline, BmcFacts, Step};
use std::time::Duration;

/// No try begins later: one that does not end in this time may have many accounts to tell, and another would not help.
const PATIENCE: Duration = Duration::from_secs(60);
const WAITING_FOR: &str = "the BMC to tell how it is set";

/// Tells what the BMC says of itself; nothing of one that says of all that it does not know it.
///
/// # Errors
/// When it does not answer: what it is like nobody knows then, which is not the same.
pub(super) async fn look(job: &Job, step: Step) -> Result<(), Failure> {
    job.reporter.started(step, WAITING_FOR);
    // What ends with powering off has that time too.
    let time = job.deadlines.of(step) + job.deadlines.of(Step::PowerOff);
    let left = time.saturating_sub(job.reporter.spent(step)).max(PATIENCE);
    let late = |_| Failure::deadline(step, time.as_secs(), &job.reporter.waiting_for());
    let read = read(job, job.tries_within(step, WAITING_FOR, PATIENCE));
    tell(job, tokio::time::timeout(left, read).await.map_err(late)??);
    Ok(())
}

/// As [`look`], where a BMC that does not answer is no reason to stop: the controller misses what it knows of enrolment, and
/// keeps the server out.
pub(super) async fn look_if_it_answers(job: &Job, step: Step) {
    if let Err(failure) = look(job, step).await {
        job.reporter.note("bmc-facts", &format!("the BMC did not tell how it is set: {}", failure.message));
    }
}

/// Powers the server off, gives the BMC's accounts back what they were at enrolment, and takes a boot override away. How the BMC is set
/// then is told when nothing of the tenant's can run any more.
pub(super) async fn put_right(job: &Job, step: Step, was: Option<&Baseline>) -> Result<(), Failure> {
    job.reporter.started(step, "the BMC to say which machine it is in");
    job.identify(step).await?;
    job.bring(step, PowerState::Off, job.deadlines.of(step).mul_f32(0.45)).await?;
    let Some(was) = was.and_then(|baseline| baseline.bmc.as_ref()) else { return Ok(()) };
    let waiting_for = "the BMC to be as it was when the server was enrolled";
    job.reporter.started(step, waiting_for);
    let (known, mut restored) = (bmc_facts::users(was), Restored::default());
    let mut tries = job.tries(step, waiting_for);
    let set = loop {
        match restore(job, &known, &mut restored).await {
            Ok(set) => break Ok(set),
            Err(error) => {
                if let Err(failure) = tries.again(&error).await {
                    break Err(failure);
                }
            }
        }
    };
    let Restored { mut done, mut refused } = restored;
    let boot_override = match set {
        Ok(set) => set,
        Err(failure) => {
            // What was done until then is told now: next time it looks as if it had been so.
            note(job, &done, &refused);
            return Err(failure);
        }
    };
    let hides_flags = job.tools.server.bmc.quirks.contains(&Quirk::KeepsOnlyTheBootDevice);
    let holds =
        |set: &BootOverride| set.target != BootTarget::None && (hides_flags || set.enabled != BootEnabled::Disabled);
    if let Some(set) = boot_override.filter(holds) {
        // The one to the disk is our own, from when its system was handed over.
        match set_and_verify_override(&job.bmc(), &BootOverride::disabled(), &job.tools.server.bmc.quirks).await {
            Ok(_) => done.push(format!("the boot override ({set}) is taken away")),
            Err(error) => refused.push(format!("the boot override ({set}): {}", chain(&error))),
        }
    }
    note(job, &done, &refused);
    Ok(())
}

fn note(job: &Job, done: &[String], refused: &[String]) {
    for (kind, each) in [("baseline-restored", done), ("baseline-refused", refused)] {
        if !each.is_empty() {
            job.reporter.note(kind, &each.join("; "));
        }
    }
}

/// What runs in the server has no business with the BMC's accounts: it puts back the firmware's variables alone.
pub(super) fn for_ramdisk(was: Baseline) -> Baseline {
    Baseline { bmc: None, ..was }
}

/// Changes the password of the BMC's account where the operator wants that after each tenant.
pub(super) async fn change_password(job: &Job, step: Step) -> Result<(), Failure> {
    if job.tools.server.bmc.rotate_password == RotatePassword::Never {
        return Ok(());
    }
    let waiting_for = "the BMC to take another password";
    job.reporter.started(step, waiting_for);
    let mut tries = job.tries(step, waiting_for);
    while let Err(error) = job.tools.bmc.change_password().await {
        tries.again(&error).await?;
    }
    job.reporter.note("bmc-password", "the BMC's account has another password, and lets the agent in by it");
    Ok(())
}

/// Puts the accounts right that differ now, and answers the boot override.
async fn restore(job: &Job, was: &[User], restored: &mut Restored) -> Result<Option<BootOverride>, BmcError> {
    let bmc = job.tools.bmc.as_ref();
    let is = bmc.baseline().await?;
    restore_users(bmc, was, &is.users, restored).await?;
    Ok(is.boot_override)
}

async fn read(job: &Job, mut tries: Tries<'_>) -> Result<Option<BmcFacts>, Failure> {
    loop {
        match job.tools.bmc.baseline().await {
            Ok(read) => return Ok(bmc_facts::to_protocol(read)),
            Err(error) => tries.again(&error).await?,
        }
    }
}

fn tell(job: &Job, facts: Option<BmcFacts>) {
    if let Some(facts) = facts {
        job.reporter.bmc_facts(facts);
    }
}
