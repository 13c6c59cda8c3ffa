//! Wiping: a boot that erases the disks that were recorded, and none else; and what else a tenant's root may have changed is
//! put right.

use super::{Job, baseline, visit};
use crate::host::{
    failure::Failure,
    state::{Produced, Stage},
};
use billet_proto::{
    link::{Inventory, Step, Wipe},
    ramdisk::{Wiped, enlist_reply::Task, ramdisk_report::What},
};

/// Does the work from `stage` on; where its ramdisk was lost, it is done again as a whole. The BMC comes first, while the
/// server is off: what runs there next is ours.
pub(super) async fn run(job: &Job, order: Wipe, stage: Stage) -> Result<Produced, Failure> {
    if matches!(stage, Stage::Begun) {
        job.within(Step::Power, baseline::put_right(job, Step::Power, order.baseline.as_ref())).await?;
        job.within(Step::Power, baseline::change_password(job, Step::Power)).await?;
    }
    let task = Task::Wipe(Wipe { baseline: order.baseline.map(baseline::for_ramdisk), ..order });
    let produced = visit::run(job, task, Step::Wipe, end, stage).await?;
    // The server is off: whatever ran there, be it what was on its disks, has no say any more in what its BMC tells.
    baseline::look_if_it_answers(job, Step::Wipe).await;
    Ok(Produced { bmc: job.reporter.known_bmc_facts().map(|facts| Box::new(facts.into())), ..produced })
}

fn end(job: &Job, _: Step, what: What) -> Option<Produced> {
    let What::Wiped(Wiped { disks, boot_variables }) = what else { return None };
    if let Some(seen) = job.reporter.inventory() {
        job.reporter.inspected(Inventory { boot_variables, ..seen });
    }
    Some(Produced {
        wiped: disks.into_iter().map(Into::into).collect(),
        inventory: job.reporter.inventory().map(|seen| Box::new(seen.into())),
        booted: true,
        ..Produced::after(Step::Wipe)
    })
}
