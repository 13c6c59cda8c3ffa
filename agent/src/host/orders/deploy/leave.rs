//! The ramdisk left: the ports go to the tenant, then the server is reset.

use super::{Plan, word::Word};
use crate::{
    bmc::{
        Bmc, BmcError, BootEnabled, BootOverride, BootTarget, OverrideProof, ResetType, Retry, check_identity,
        ensure_on, set_and_verify_override,
    },
    causes::chain,
    host::{
        failure::Failure,
        orders::Job,
        state::{Installed, Stage},
    },
};
use billet_proto::link::Step;
use std::time::Duration;

const STEP: Step = Step::HandOver;
/// How long power may take to come on.
const POWER_ON: Duration = Duration::from_secs(30);

/// Each of the two things that cannot be undone needs a fresh word: also after a restart, and after a slow hook.
pub(super) async fn run(job: &Job, plan: &Plan, installed: &Installed) -> Result<(), Failure> {
    job.reporter.started(STEP, "the controller's word, before its ports are moved");
    let word = Word::wait(job).await?;
    job.reporter.started(STEP, "the network to attach its ports to the tenant's");
    plan.to_tenant(job).await?;
    word.or_fresh(job).await?;
    // From here on the reset may have been sent: a restart of the agent asks whether the key answers before it acts.
    job.save(STEP, Stage::Verifying(installed.clone()))?;
    job.reporter.started(STEP, "the BMC to reset the server");
    while let Err(error) = reset(job).await {
        let Retry::After(pause) = error.retry() else { return Err(Failure::bmc(STEP, &error)) };
        let why = chain(&error);
        job.reporter.note("reset-again", &why);
        job.reporter.started(STEP, &format!("the BMC to reset the server; last: {why}"));
        tokio::time::sleep(pause).await;
    }
    job.reporter.finished(STEP, "its ports are the tenant's; the server was reset to boot from disk");
    Ok(())
}

/// The disk boots from now on, at each start until an order says otherwise; read back.
pub(in crate::host::orders) async fn boot_from_disk(job: &Job) -> Result<OverrideProof, BmcError> {
    let (bmc, server) = (job.bmc(), &job.tools.server);
    let wanted =
        BootOverride { target: BootTarget::Hdd, enabled: BootEnabled::Continuous, mode: Some(server.firmware.into()) };
    set_and_verify_override(&bmc, &wanted, &server.bmc.quirks).await
}

/// Resets the right machine, to boot from disk; one that is off is powered on.
pub(super) async fn reset(job: &Job) -> Result<(), BmcError> {
    let (bmc, server) = (job.bmc(), &job.tools.server);
    let _proof = check_identity(&bmc, server.uuid, server.serial.as_deref()).await?;
    let _proof = boot_from_disk(job).await?;
    match bmc.reset(ResetType::ForceRestart).await {
        // Whether it happened shows by what answers afterwards.
        Ok(()) | Err(BmcError::Uncertain { .. }) => Ok(()),
        Err(BmcError::MachineOff { .. }) => ensure_on(&bmc, POWER_ON).await,
        Err(error) => Err(error),
    }
}
