//! Power of a server that has a system, or has none: on, off, or both in turn; read back.

use super::{Job, deploy, soft_off};
use crate::{
    bmc::PowerState,
    host::{
        failure::Failure,
        state::{Produced, Stage},
    },
};
use billet_proto::link::{Power, PowerAction, Step};

/// Does the work from `stage` on; what was done already is not done again.
pub(super) async fn run(job: &Job, order: &Power, stage: Stage) -> Result<Produced, Failure> {
    // Nothing of an older order may go on: no boot, no ramdisk.
    job.tools.boots.close(job.server_id());
    job.tools.ramdisks.close(job.server_id());
    match order.action() {
        PowerAction::On => {
            on(job, order).await?;
            Ok(Produced::after(Step::Power))
        }
        PowerAction::Off => {
            job.within(Step::PowerOff, off(job)).await?;
            Ok(Produced::after(Step::PowerOff))
        }
        PowerAction::Reboot => {
            if !matches!(stage, Stage::Taken) {
                job.within(Step::PowerOff, off(job)).await?;
                // It was off: after a restart of the agent it is not powered off once more.
                job.save(Step::PowerOff, Stage::Taken)?;
            }
            on(job, order).await?;
            Ok(Produced::after(Step::Power))
        }
        PowerAction::Unspecified => Err(Failure::new(Step::Power, "order_malformed", "action: is required".to_owned())),
    }
}

/// The system is asked first, as by its power button; after its patience the power is cut.
async fn off(job: &Job) -> Result<(), Failure> {
    const STEP: Step = Step::PowerOff;
    soft_off::run(job, STEP, job.deadlines.of(STEP) / 2).await?;
    // A little less than the step has left, so that the BMC's own reason is the one that is told.
    let time = job.deadlines.of(STEP).saturating_sub(job.reporter.spent(STEP)).mul_f32(0.9);
    job.bring(STEP, PowerState::Off, time).await?;
    job.reporter.finished(STEP, "the server is off");
    Ok(())
}

async fn on(job: &Job, order: &Power) -> Result<(), Failure> {
    const STEP: Step = Step::Power;
    let work = async {
        job.reporter.started(STEP, "the BMC to say which machine it is in");
        job.identify(STEP).await?;
        if !job.is_on(STEP).await? && !order.instance_id.is_empty() {
            let waiting_for = "the BMC to take the order to boot from disk";
            job.reporter.started(STEP, waiting_for);
            let mut tries = job.tries(STEP, waiting_for);
            while let Err(error) = deploy::boot_from_disk(job).await {
                tries.again(&error).await?;
            }
        }
        job.bring(STEP, PowerState::On, job.deadlines.of(STEP).mul_f32(0.8)).await?;
        job.reporter.finished(STEP, "the server is on");
        Ok(())
    };
    job.within(STEP, work).await
}
