//! Installing: the disk is chosen, written, configured, and handed over.

use super::Work;
use crate::{
    disk::list_read_only_media,
    ramdisk::steps::{StepError, choose, configure, hand_over, write},
};
use billet_proto::{
    link::{Install, Step},
    ramdisk::{Configured, DiskHint, ramdisk_report::What},
};
use std::path::Path;

impl Work {
    pub(super) async fn install(&mut self, order: &Install, hint: &DiskHint) -> Result<(), StepError> {
        self.begin(Step::Inspect, "the ramdisk to choose the disk").await?;
        let read_only = list_read_only_media(Path::new("/sys"))?;
        let chosen = choose::to_write(order, (&self.disks, &read_only), hint)?;
        self.end(&chosen.detail).await?;

        self.begin(Step::Write, "the image to be written").await?;
        // The disk is held exclusively while it is written, and free again afterwards, to be mounted.
        let written = write::run(&self.agent, order, chosen.target).await?;
        self.end(&written).await?;

        self.begin(Step::Configure, "the system to be configured").await?;
        let configured = configure::install(order, &chosen.path)?;
        self.hand_over(configured, chosen.serial).await
    }

    /// Tells what must answer, and leaves with the controller's word.
    pub(super) async fn hand_over(
        &mut self,
        configured: configure::Configured,
        disk_serial: String,
    ) -> Result<(), StepError> {
        self.end(&configured.detail).await?;
        let host_key = configured.host_key;
        self.agent.report(Step::Configure, What::Configured(Configured { host_key, disk_serial })).await?;

        self.begin(Step::HandOver, "the agent and the controller to agree").await?;
        hand_over::run(&self.agent).await
    }
}
