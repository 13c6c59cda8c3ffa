//! The ramdisk left: the ports go to the tenant, then the server is reset.

use super::{Plan, word::Word};
use crate::{
    bmc::{
        Bmc, BmcError, BootEnabled, BootOverride, BootTarget, OverrideProof, ResetType, check_identity, ensure_on,
        set_and_verify_override,
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
    let mut word = plan.to_tenant(job, word).await?;
    let waiting_for = "the BMC to reset the server";
    job.reporter.started(STEP, waiting_for);
    let mut tries = job.tries(STEP, waiting_for);
    loop {
        let error = match to_disk(job).await {
            Ok(()) => {
                word = word.or_fresh(job).await?;
                // From here on the reset may have been sent: a restart of the agent asks whether the key answers before it acts.
                job.save(STEP, Stage::Verifying(installed.clone()))?;
                match reset(job).await {
                    Ok(()) => break,
                    Err(error) => error,
                }
            }
            Err(error) => error,
        };
        job.reporter.note("reset-again", &chain(&error));
        tries.again(&error).await?;
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

/// The right machine boots from its disk, once it is reset or powered on.
pub(super) async fn to_disk(job: &Job) -> Result<(), BmcError> {
    let server = &job.tools.server;
    let _proof = check_identity(&job.bmc(), server.uuid, server.serial.as_deref()).await?;
    let _proof = boot_from_disk(job).await?;
    Ok(())
}

/// Powers the machine on.
pub(super) async fn power_on(job: &Job) -> Result<(), BmcError> {
    ensure_on(&job.bmc(), POWER_ON).await
}

/// Resets the machine; one that is off is powered on.
pub(super) async fn reset(job: &Job) -> Result<(), BmcError> {
    let bmc = job.bmc();
    match bmc.reset(ResetType::ForceRestart).await {
        // Whether it happened shows by what answers afterwards.
        Ok(()) | Err(BmcError::Uncertain { .. }) => Ok(()),
        Err(BmcError::MachineOff { .. }) => ensure_on(&bmc, POWER_ON).await,
        Err(error) => Err(error),
    }
}
