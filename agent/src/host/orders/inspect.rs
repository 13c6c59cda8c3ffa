//! Inspecting: a real boot that only looks. What the ramdisk saw is told at its enlisting. Where a tenant left the server and
//! nothing is wiped, what he may have changed beside the disks is put right first, as a wipe does.

use super::{Job, baseline, visit};
use crate::host::{
    failure::Failure,
    state::{Produced, Stage},
};
use billet_proto::{
    link::{Inspect, Inventory, Step},
    ramdisk::{PutBack, enlist_reply::Task, ramdisk_report::What},
};

/// Does the work; may be done again. A server that somebody else powered on is left alone, unless the order allows it.
pub(super) async fn run(job: &Job, order: Inspect, stage: Stage) -> Result<Produced, Failure> {
    if matches!(stage, Stage::Begun) {
        job.within(Step::Power, may_begin(job, &order)).await?;
    }
    let mut ends: visit::Ends = end;
    if let Some(was) = &order.baseline {
        ends = put_back;
        // Nothing of ours runs there yet.
        if matches!(stage, Stage::Begun | Stage::Taken) {
            job.within(Step::Power, baseline::put_right(job, Step::Power, Some(was))).await?;
        }
    }
    let task = Task::Inspect(Inspect { baseline: order.baseline.map(baseline::for_ramdisk), ..order });
    let produced = visit::run(job, task, Step::Inspect, ends, stage).await?;
    // The server is off: whatever ran there has no say any more in what its BMC tells.
    baseline::look(job, Step::Inspect).await?;
    Ok(Produced { bmc: job.reporter.known_bmc_facts().map(|facts| Box::new(facts.into())), ..produced })
}

fn end(job: &Job, step: Step, what: What) -> Option<Produced> {
    let inventory = job.reporter.inventory().map(|seen| Box::new(seen.into()));
    (step == Step::Inspect && matches!(what, What::Finished(_))).then(|| Produced {
        inventory,
        booted: true,
        ..Produced::after(Step::Inspect)
    })
}

/// The last word of one that puts right: what firmware starts is as it is now.
fn put_back(job: &Job, _: Step, what: What) -> Option<Produced> {
    let What::PutBack(PutBack { boot_variables }) = what else { return None };
    if let Some(seen) = job.reporter.inventory() {
        job.reporter.inspected(Inventory { boot_variables, ..seen });
    }
    let inventory = job.reporter.inventory().map(|seen| Box::new(seen.into()));
    Some(Produced { inventory, booted: true, ..Produced::after(Step::Inspect) })
}

async fn may_begin(job: &Job, order: &Inspect) -> Result<(), Failure> {
    job.reporter.started(Step::Power, "the BMC to say whether the server is on");
    job.identify(Step::Power).await?;
    if job.is_on(Step::Power).await? && !order.allow_reset {
        let message =
            "the BMC says that the server is on: whatever runs there was not touched; allow a reset to inspect it";
        return Err(Failure::new(Step::Power, "server_is_on", message));
    }
    // From now on it is this order that powers the server on: after a restart that is no reason to stop.
    job.save(Step::Power, Stage::Taken)
}
