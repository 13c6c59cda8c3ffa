//! The ramdisk left: the ports go to the tenant, then the server is reset.

use super::{Plan, word::Word};
use crate::{
    bmc::{
        Bmc, BmcError, BootEnabled, BootOverride, BootTarget, OverrideProof, PowerState, ResetType, check_identity,
        seen, set_and_verify_override,
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
/// How long power may take to come on, once it was ordered.
const POWER_ON: Duration = Duration::from_secs(30);

/// Each thing that cannot be undone begins by a fresh word: also after a restart, after a slow hook, and where the BMC or the
/// agent's own disk takes its time.
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
                word = word.or_fresh(job).await?;
                match reset(job, word).await {
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

/// Powers the machine on, by one order: where that did nothing, the next needs a word of its own.
pub(super) async fn power_on(job: &Job, word: Word) -> Result<(), BmcError> {
    let bmc = job.bmc();
    match act(&bmc, ResetType::On, word).await {
        // Whether it happened shows.
        Ok(()) | Err(BmcError::Uncertain { .. }) => seen(&bmc, PowerState::On, POWER_ON).await,
        Err(error) => Err(error),
    }
}

/// Resets the machine; one that is off is powered on.
pub(super) async fn reset(job: &Job, word: Word) -> Result<(), BmcError> {
    match act(&job.bmc(), ResetType::ForceRestart, word).await {
        // Whether it happened shows by what answers afterwards.
        Ok(()) | Err(BmcError::Uncertain { .. }) => Ok(()),
        Err(BmcError::MachineOff { .. }) => power_on(job, word).await,
        Err(error) => Err(error),
    }
}

/// A power action that the word allows: what the BMC did not take while it was good is not sent any more. Whether the last that
/// was sent arrived is not known then.
async fn act(bmc: &impl Bmc, action: ResetType, word: Word) -> Result<(), BmcError> {
    let uncertain = || Err(BmcError::Uncertain { peer: bmc.peer().clone(), action });
    let left = word.left();
    // A time that is over lets begin what it bounds.
    if left.is_zero() {
        return uncertain();
    }
    tokio::time::timeout(left, bmc.reset(action)).await.unwrap_or_else(|_| uncertain())
}
