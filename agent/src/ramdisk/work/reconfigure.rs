//! Changing an installed system: nothing of its disk but the files of its configuration.

use super::Work;
use crate::ramdisk::steps::{StepError, choose, configure};
use billet_proto::{
    link::{Reconfigure, Step},
    ramdisk::DiskHint,
};

impl Work {
    pub(super) async fn reconfigure(&mut self, order: &Reconfigure, hint: &DiskHint) -> Result<(), StepError> {
        self.begin(Step::Inspect, "the ramdisk to choose the disk").await?;
        let installed = choose::installed(&self.disks, hint)?;
        self.end(&installed.detail).await?;

        self.begin(Step::Configure, "the system to be changed").await?;
        let configured = configure::reconfigure(order, &installed.path)?;
        self.hand_over(configured, installed.serial).await
    }
}
