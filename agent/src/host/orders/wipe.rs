//! Wiping: a boot that erases the disks that were recorded, and none else.

use super::{Job, visit};
use crate::host::{
    failure::Failure,
    state::{Produced, Stage},
};
use billet_proto::{
    link::{Step, Wipe},
    ramdisk::{enlist_reply::Task, ramdisk_report::What},
};

/// Does the work from `stage` on; where its ramdisk was lost, it is done again as a whole.
pub(super) async fn run(job: &Job, order: Wipe, stage: Stage) -> Result<Produced, Failure> {
    visit::run(job, Task::Wipe(order), Step::Wipe, end, stage).await
}

fn end(_: &Job, _: Step, what: What) -> Option<Produced> {
    let What::Wiped(wiped) = what else { return None };
    let wiped = wiped.disks.into_iter().map(Into::into).collect();
    Some(Produced { wiped, booted: true, ..Produced::after(Step::Wipe) })
}
