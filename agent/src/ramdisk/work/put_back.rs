//! Putting back what firmware starts.

use super::Work;
use crate::ramdisk::{boot_variables, steps::StepError};
use billet_proto::{
    link::{Baseline, BootVariables, Note},
    ramdisk::ramdisk_report::What,
};
use std::path::Path;

impl Work {
    /// Puts what firmware starts back as it was at enrolment, where that is known; answers how it is now. What cannot be put
    /// back is told: the controller compares, and keeps the server out.
    pub(super) async fn put_back(&self, was: Option<&Baseline>) -> Result<Option<BootVariables>, StepError> {
        let folder = Path::new(boot_variables::FOLDER);
        let Some(was) = was.and_then(|baseline| baseline.boot_variables.as_ref()) else {
            return Ok(boot_variables::read(folder));
        };
        let restored = boot_variables::restore(folder, was);
        for (kind, each) in [("baseline-restored", restored.done), ("baseline-refused", restored.refused)] {
            if !each.is_empty() {
                let note = Note { kind: kind.into(), message: each.join("; ") };
                self.agent.report(self.step, What::Note(note)).await?;
            }
        }
        Ok(restored.variables)
    }
}
