//! What a tenant's root can change in a BMC: read, told, and put right.

use super::Job;
use crate::{
    bmc::{BootEnabled, BootOverride, BootTarget, Quirk, Restored, ensure_off, restore_users, set_and_verify_override},
    causes::chain,
    config::RotatePassword,
    host::{bmc_facts, failure::Failure},
};
use billet_proto::link::{Baseline, BmcFacts, Step};
use std::time::Duration;

/// Reading it must not make an inspection fail that saw the machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Tells what the BMC says of itself; where it does not answer that is noted, and nothing else.
pub(super) async fn look(job: &Job, step: Step) {
    job.reporter.started(step, "the BMC to tell how it is set");
    let read = tokio::time::timeout(PATIENCE, read(job, step)).await;
    let failed = match read {
        Ok(Ok(facts)) => return tell(job, facts),
        Ok(Err(failure)) => failure.message,
        Err(_) => format!("not within {} s", PATIENCE.as_secs()),
    };
    job.reporter.note("bmc-facts", &format!("the BMC did not tell how it is set: {failed}"));
}

/// Powers the server off, gives the BMC's accounts back what they were at enrolment, takes a boot override away, and tells
/// what the BMC says afterwards. Whether that is as it was, the controller judges.
pub(super) async fn put_right(job: &Job, step: Step, was: Option<&Baseline>) -> Result<(), Failure> {
    job.reporter.started(step, "the BMC to say which machine it is in");
    job.identify(step).await?;
    job.reporter.started(step, "the BMC to say that the server is off");
    let time = job.deadlines.of(step).mul_f32(0.45);
    ensure_off(&job.bmc(), time).await.map_err(|error| Failure::bmc(step, &error))?;
    let Some(was) = was.and_then(|baseline| baseline.bmc.as_ref()) else {
        look(job, step).await;
        return Ok(());
    };
    job.reporter.started(step, "the BMC to be as it was when the server was enrolled");
    let is = job.tools.bmc.baseline().await.map_err(|error| Failure::bmc(step, &error))?;
    let known = bmc_facts::users(was);
    let mut restored = Restored::default();
    let put_right = restore_users(job.tools.bmc.as_ref(), &known, &is.users, &mut restored).await;
    put_right.map_err(|error| Failure::bmc(step, &error))?;
    let Restored { mut done, mut refused } = restored;
    let hides_flags = job.tools.server.bmc.quirks.contains(&Quirk::KeepsOnlyTheBootDevice);
    let holds =
        |set: &BootOverride| set.target != BootTarget::None && (hides_flags || set.enabled != BootEnabled::Disabled);
    if let Some(set) = is.boot_override.filter(holds) {
        // The one to the disk is our own, from when its system was handed over.
        match set_and_verify_override(&job.bmc(), &BootOverride::disabled(), &job.tools.server.bmc.quirks).await {
            Ok(_) => done.push(format!("the boot override ({set}) is taken away")),
            Err(error) => refused.push(format!("the boot override ({set}): {}", chain(&error))),
        }
    }
    for (kind, each) in [("baseline-restored", done), ("baseline-refused", refused)] {
        if !each.is_empty() {
            job.reporter.note(kind, &each.join("; "));
        }
    }
    tell(job, read(job, step).await?);
    Ok(())
}

/// Changes the password of the BMC's account where the operator wants that after each tenant.
pub(super) async fn change_password(job: &Job, step: Step) -> Result<(), Failure> {
    if job.tools.server.bmc.rotate_password == RotatePassword::Never {
        return Ok(());
    }
    job.reporter.started(step, "the BMC to take another password");
    job.tools.bmc.change_password().await.map_err(|error| Failure::bmc(step, &error))?;
    job.reporter.note("bmc-password", "the BMC's account has another password, and lets the agent in by it");
    Ok(())
}

async fn read(job: &Job, step: Step) -> Result<Option<BmcFacts>, Failure> {
    let read = job.tools.bmc.baseline().await.map_err(|error| Failure::bmc(step, &error))?;
    Ok(bmc_facts::to_protocol(read))
}

fn tell(job: &Job, facts: Option<BmcFacts>) {
    if let Some(facts) = facts {
        job.reporter.bmc_facts(facts);
    }
}
