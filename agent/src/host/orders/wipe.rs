//! Wiping: a boot that erases the disks that were recorded, and none else; and what else a tenant's root may have changed is
//! put right.

use super::{Job, baseline, visit};
use crate::host::{failure::Failure, state::Produced};
use billet_proto::{
    link::{Inventory, Step, Wipe},
    ramdisk::{Wiped, enlist_reply::Task, ramdisk_report::What},
};

/// Does the work; may be done again, and is then done as a whole. The BMC comes first, while the server is off: what runs
/// there next is ours.
pub(super) async fn run(job: &Job, order: Wipe) -> Result<Produced, Failure> {
    job.within(Step::Power, baseline::put_right(job, Step::Power, order.baseline.as_ref())).await?;
    job.within(Step::Power, baseline::change_password(job, Step::Power)).await?;
    let Wiped { disks, boot_variables } = visit::run(job, Task::Wipe(order), Step::Wipe, end).await?;
    if let Some(seen) = job.reporter.inventory() {
        job.reporter.inspected(Inventory { boot_variables, ..seen });
    }
    Ok(Produced {
        wiped: disks.into_iter().map(Into::into).collect(),
        inventory: job.reporter.inventory().map(|seen| Box::new(seen.into())),
        bmc: job.reporter.known_bmc_facts().map(|facts| Box::new(facts.into())),
        booted: true,
        ..Produced::after(Step::Wipe)
    })
}

fn end(_: Step, what: What) -> Option<Wiped> {
    match what {
        What::Wiped(wiped) => Some(wiped),
        _ => None,
    }
}
