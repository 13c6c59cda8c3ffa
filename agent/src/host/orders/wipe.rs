//! Wiping: a boot that erases the disks that were recorded, and none else.

use super::{Job, visit};
use crate::host::{failure::Failure, state::Produced};
use billet_proto::{
    link::{Step, Wipe, WipedDisk},
    ramdisk::{enlist_reply::Task, ramdisk_report::What},
};

/// Does the work; may be done again, and is then done as a whole.
pub(super) async fn run(job: &Job, order: Wipe) -> Result<Produced, Failure> {
    let wiped = visit::run(job, Task::Wipe(order), Step::Wipe, end).await?;
    let wiped = wiped.into_iter().map(Into::into).collect();
    Ok(Produced { wiped, booted: true, ..Produced::after(Step::Wipe) })
}

fn end(_: Step, what: What) -> Option<Vec<WipedDisk>> {
    match what {
        What::Wiped(wiped) => Some(wiped.disks),
        _ => None,
    }
}
