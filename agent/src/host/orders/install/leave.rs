//! The ramdisk left: the ports go to the tenant, then the server is reset.

use super::Plan;
use crate::{
    bmc::{Bmc, BmcError, ResetType, check_identity, ensure_on},
    host::{failure::Failure, orders::Job, state::Stage},
};
use billet_proto::link::Step;

const STEP: Step = Step::HandOver;

pub(super) async fn run(job: &Job, plan: &Plan, key: &str) -> Result<(), Failure> {
    job.reporter.started(STEP, "the network to attach its ports to the tenant's");
    plan.to_tenant(job).await?;
    // From here on the reset may have been sent: a restart of the agent asks whether the key answers before it acts.
    job.save(STEP, Stage::Verifying { host_key: key.to_owned() })?;
    job.reporter.started(STEP, "the BMC to reset the server");
    reset(job).await.map_err(|error| Failure::bmc(STEP, &error))?;
    job.reporter.finished(STEP, "its ports are the tenant's; the server was reset to boot from disk");
    Ok(())
}

/// Resets the server; one that is off is powered on.
pub(super) async fn reset(job: &Job) -> Result<(), BmcError> {
    let (bmc, server) = (&job.tools.bmc, &job.tools.server);
    let _proof = check_identity(bmc, server.uuid, server.serial.as_deref()).await?;
    match bmc.reset(ResetType::ForceRestart).await {
        // Whether it happened shows by what answers afterwards.
        Ok(()) | Err(BmcError::Uncertain { .. }) => Ok(()),
        Err(BmcError::MachineOff { .. }) => ensure_on(bmc, job.deadlines.of(STEP).mul_f32(0.5)).await,
        Err(error) => Err(error),
    }
}
