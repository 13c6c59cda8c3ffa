//! Erasing the disks that were recorded, and putting back what firmware starts.

use super::{Work, erase};
use crate::{
    disk::{self, Extent, Held},
    ramdisk::{
        agent::Agent,
        steps::{StepError, choose},
    },
};
use billet_proto::{
    link::{Erasure, Progress, Step, Wipe, WipeMethod, WipedDisk},
    ramdisk::{self, ramdisk_report::What},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::time::MissedTickBehavior;

/// Between two reports of progress.
const BEAT: Duration = Duration::from_secs(1);

impl Work {
    pub(super) async fn wipe(&mut self, order: &Wipe) -> Result<(), StepError> {
        self.begin(Step::Inspect, "the ramdisk to find the disks that were recorded").await?;
        let extent = match order.method() {
            WipeMethod::Full => Extent::Full,
            WipeMethod::Metadata => Extent::Metadata,
            WipeMethod::Unspecified => return Err(StepError::other("order_malformed", "method: is required")),
        };
        let allowed = allowed_of(order)?;
        let disks = disk::recorded(&order.disks, &self.disks)?;
        let total_bytes = disks.iter().map(|disk| disk.size_bytes).sum();
        // All are held, and said what they are, before the first byte is erased.
        let held = tokio::task::spawn_blocking(move || Held::all(disks, choose::path, extent)).await;
        let held = held.map_err(|error| StepError::other("wipe_ended", error.to_string()))??;
        self.end(&format!("{} disks, as recorded", held.len())).await?;

        self.begin(Step::Wipe, "the disks to be erased").await?;
        let done: Arc<Vec<AtomicU64>> = Arc::new(held.iter().map(|_| AtomicU64::new(0)).collect());
        let wiped = tokio::select! {
            wiped = erase::all(held, (extent, allowed), &done) => wiped?,
            () = tell(&self.agent, &done, total_bytes) => unreachable!("progress is told until the disks are erased"),
        };
        let each: Vec<String> = wiped.iter().map(described).collect();
        self.end(&each.join("; ")).await?;
        let boot_variables = self.put_back(order.baseline.as_ref()).await?;
        Ok(self.agent.report(Step::Wipe, What::Wiped(ramdisk::Wiped { disks: wiped, boot_variables })).await?)
    }
}

/// A way that this version does not know was allowed by a newer controller, and is not missed.
fn allowed_of(order: &Wipe) -> Result<Vec<Erasure>, StepError> {
    let known: Vec<Erasure> = order.allowed().filter(|way| *way != Erasure::Unspecified).collect();
    if known.is_empty() && !order.allowed.is_empty() {
        let message = "allowed: has no way to erase that this ramdisk knows";
        return Err(StepError::other("order_malformed", message));
    }
    Ok(known)
}

fn described(wiped: &WipedDisk) -> String {
    let name = wiped.disk.as_ref().map_or("", |disk| disk.name.as_str());
    format!("{name}: {} MiB by {}, {} pieces read back", wiped.bytes >> 20, wiped.method, wiped.read_back)
}

async fn tell(agent: &Agent, done: &[AtomicU64], total_bytes: u64) {
    let mut beat = tokio::time::interval(BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut before = 0;
    loop {
        beat.tick().await;
        let done_bytes: u64 = done.iter().map(|bytes| bytes.load(Ordering::Relaxed)).sum();
        let bytes_per_second = done_bytes.saturating_sub(before) / BEAT.as_secs();
        before = done_bytes;
        let waiting_for = "the disks to be erased".into();
        agent
            .mention(Step::Wipe, What::Progress(Progress { done_bytes, total_bytes, bytes_per_second, waiting_for }))
            .await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_that_only_a_newer_controller_knows_is_not_missed_unless_there_is_no_other() {
        let asked = |allowed: &[i32]| allowed_of(&Wipe { allowed: allowed.to_vec(), ..Wipe::default() });
        let overwrite = i32::from(Erasure::Overwrite);
        assert_eq!(asked(&[]).unwrap(), [], "all");
        assert_eq!(asked(&[99, overwrite]).unwrap(), [Erasure::Overwrite]);
        // None left would be taken for all.
        for none in [&[99][..], &[0], &[0, 99]] {
            assert_eq!(asked(none).unwrap_err().cause(), "order_malformed", "{none:?}");
        }
    }
}
