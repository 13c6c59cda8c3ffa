//! Changing an installed system from outside: its addresses, its password, or both. Nothing else of its disk is touched.

use super::{Job, deploy};
use crate::host::{
    failure::Failure,
    state::{Produced, Stage},
};
use billet_proto::{link::Reconfigure, ramdisk::enlist_reply::Task};

/// Does the work from `stage` on. The ports are taken off the networks that they were on before.
pub(super) async fn run(job: &Job, order: Reconfigure, stage: Stage) -> Result<Produced, Failure> {
    let (nics, old_nics) = (order.nics.clone(), order.old_nics.clone());
    deploy::run(job, Task::Reconfigure(order), &nics, &old_nics, stage).await
}
