//! Changing an installed system from outside: its addresses, its password, or both. Nothing else of its disk is touched.

use super::{Job, deploy, soft_off};
use crate::host::{
    failure::Failure,
    state::{Produced, Stage},
};
use billet_proto::{
    link::{NicConfig, Reconfigure, Step},
    ramdisk::enlist_reply::Task,
};

/// Does the work from `stage` on. The system is asked to shut down first: its disk is kept. The ports are taken off the
/// networks that they were on before.
pub(super) async fn run(job: &Job, order: Reconfigure, stage: Stage) -> Result<Produced, Failure> {
    let (nics, old_nics) = (order.nics.clone(), order.old_nics.clone());
    if matches!(stage, Stage::Begun) {
        // Nobody read back yet that the server is off: the controller is told so by the step.
        let is_on_still = |failure| Failure { step: Step::PowerOff, ..failure };
        shut_down(job, &nics, &old_nics).await.map_err(is_on_still)?;
    }
    deploy::run(job, Task::Reconfigure(order), &nics, &old_nics, stage).await
}

async fn shut_down(job: &Job, nics: &[NicConfig], old_nics: &[NicConfig]) -> Result<(), Failure> {
    deploy::check(job, nics, old_nics)?;
    // The rest of the step is for what follows: off, and on again.
    let patience = job.deadlines.of(Step::Power) / 4;
    job.within(Step::Power, soft_off::run(job, Step::Power, patience)).await?;
    // From now on what is on is the ramdisk's boot: it is not asked.
    job.save(Step::Power, Stage::Taken)
}
