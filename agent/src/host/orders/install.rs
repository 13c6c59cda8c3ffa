//! Installing: an image becomes the system on the server's disk.

use super::{Job, deploy};
use crate::host::{
    failure::Failure,
    state::{Produced, Stage},
};
use billet_proto::{link::Install, ramdisk::enlist_reply::Task};

/// Does the work from `stage` on. The ports are taken off the networks that they may have been on before.
pub(super) async fn run(job: &Job, order: Install, stage: Stage) -> Result<Produced, Failure> {
    let (nics, old_nics) = (order.nics.clone(), order.old_nics.clone());
    deploy::run(job, Task::Install(order), &nics, &old_nics, stage).await
}
