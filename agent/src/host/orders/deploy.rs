//! Installing: from power to the host key that answers. Each stage that cannot be repeated is on disk before it begins.

pub(in crate::host) mod abandon;
mod leave;
mod plan;
mod serve;
mod verify;
mod word;

use super::{Job, boot};
use crate::host::{failure::Failure, ramdisks::Offer, state::Stage};
use billet_proto::{
    link::{Install, Step},
    ramdisk::enlist_reply::Task,
};
pub(super) use plan::Plan;
use serve::Enlisted;

/// Does the work from `stage` on; answers the host key that answered.
pub(in crate::host) async fn run(job: &Job, order: Install, stage: Stage) -> Result<String, Failure> {
    let plan = Plan::new(job, &order)?;
    let offer = Offer { task: Task::Install(order), disk: job.tools.server.disk_hint() };
    let id = job.server_id();
    let key = match stage {
        Stage::Begun | Stage::Ended(_) => {
            let mut calls = job.within(Step::Power, boot::power::on(job, &plan, offer)).await?;
            let enlisted = serve::boot(job, &mut calls).await?;
            let served = serve::serve(job, calls, enlisted).await;
            job.tools.boots.close(id);
            served?
        }
        Stage::Ramdisk { session, token, host_key } => {
            job.reporter.started(Step::Inspect, "the ramdisk, which was at work before the agent started again");
            let calls = job.tools.ramdisks.resume(id, job.generation, (token, session), offer);
            serve::serve(job, calls, Enlisted { host_key, token }).await?
        }
        Stage::Leaving { host_key } => host_key,
        Stage::Verifying { host_key } => return verify::run(job, &plan, &host_key).await,
    };
    job.tools.ramdisks.close(id);
    job.within(Step::HandOver, leave::run(job, &plan, &key)).await?;
    verify::run(job, &plan, &key).await
}
