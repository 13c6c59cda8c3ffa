//! Bringing a system on the disk into service: from power to the host key that answers, whether the ramdisk writes the
//! system or only changes it. Each stage that cannot be repeated is on disk before it begins.

mod leave;
mod plan;
mod serve;
mod verify;
mod word;

use super::{
    Job,
    boot::{self, AtWork},
};
use crate::host::{
    failure::Failure,
    state::{Installed, Produced, Stage},
};
use billet_proto::{
    link::{NicConfig, Step},
    ramdisk::enlist_reply::Task,
};
use plan::Plan;
use serve::HandingOver;

pub(super) use leave::boot_from_disk;

/// Finds what is wrong with the order or the configuration, before anything is touched.
pub(super) fn check(job: &Job, nics: &[NicConfig], old_nics: &[NicConfig]) -> Result<(), Failure> {
    Plan::new(job, nics, old_nics).map(drop)
}

/// Does the work from `stage` on; after a failure nothing runs that no order stands for.
pub(super) async fn run(
    job: &Job,
    task: Task,
    nics: &[NicConfig],
    old_nics: &[NicConfig],
    stage: Stage,
) -> Result<Produced, Failure> {
    let plan = match Plan::new(job, nics, old_nics) {
        Ok(plan) => plan,
        Err(failure) => return Err(misfit(job, &stage, failure).await),
    };
    match work(job, &plan, task, stage).await {
        Ok(installed) => Ok(Produced::running(installed)),
        Err(mut failure) => {
            boot::abandon::run(job, &plan.boot, &mut failure).await;
            Err(failure)
        }
    }
}

/// The configuration became another while the order was being done: what it began is ended all the same, by what is known of the
/// server still.
async fn misfit(job: &Job, stage: &Stage, mut failure: Failure) -> Failure {
    match (stage, boot::Plan::new(job, Vec::new())) {
        // Nothing was done yet.
        (Stage::Begun, _) => {}
        (Stage::Verifying(_), _) => failure.step = Step::Verify,
        (_, Ok(plan)) => boot::abandon::run(job, &plan, &mut failure).await,
        (_, Err(why)) => failure.message = format!("{}; the server may be on still: {}", failure.message, why.message),
    }
    failure
}

async fn work(job: &Job, plan: &Plan, task: Task, stage: Stage) -> Result<Installed, Failure> {
    let installed = match stage {
        Stage::Begun | Stage::Taken | Stage::Ramdisk { .. } | Stage::Visited(_) | Stage::Ended(_) => {
            let serving = |token, installed| HandingOver::new(job, token, installed);
            boot::again::run(job, &plan.boot, &task, AtWork::of(stage), serving).await?
        }
        Stage::Leaving(installed) => installed,
        Stage::Verifying(installed) => return verify::run(job, plan, installed).await,
    };
    job.tools.ramdisks.close(job.server_id());
    job.within(Step::HandOver, leave::run(job, plan, &installed)).await?;
    verify::run(job, plan, installed).await
}
