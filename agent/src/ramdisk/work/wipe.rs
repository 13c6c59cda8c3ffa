//! Erasing the disks that were recorded, several at a time.

use super::Work;
use crate::{
    disk::{self, DiskError, Erase, Extent, TargetDisk, Wiped},
    ramdisk::{
        agent::Agent,
        boot_variables,
        steps::{StepError, choose},
    },
};
use billet_proto::{
    link::{BootVariables, ByteRange, Disk, Erasure, Note, Progress, Step, Wipe, WipeMethod, WipedDisk},
    ramdisk::{self, ramdisk_report::What},
};
use rand::{SeedableRng, rngs::StdRng};
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Semaphore, task::JoinSet, time::MissedTickBehavior};

/// Erased side by side: disks do it themselves, and more only wait for each other.
const AT_ONCE: usize = 8;
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
        // All are held before the first byte is written: one that is in use stops the wipe.
        let held: Result<Vec<_>, DiskError> =
            disks.iter().map(|disk| Ok((disk.clone(), TargetDisk::open(&choose::path(disk))?))).collect();
        let held = held?;
        self.end(&format!("{} disks, as recorded", held.len())).await?;

        self.begin(Step::Wipe, "the disks to be erased").await?;
        let total_bytes = disks.iter().map(|disk| disk.size_bytes).sum();
        let done: Arc<Vec<AtomicU64>> = Arc::new(disks.iter().map(|_| AtomicU64::new(0)).collect());
        let wiped = tokio::select! {
            wiped = erase(held, (extent, allowed), &done) => wiped?,
            () = tell(&self.agent, &done, total_bytes) => unreachable!("progress is told until the disks are erased"),
        };
        let each: Vec<String> = wiped.iter().map(described).collect();
        self.end(&each.join("; ")).await?;
        let boot_variables = self.restore_boot_variables(order).await?;
        Ok(self.agent.report(Step::Wipe, What::Wiped(ramdisk::Wiped { disks: wiped, boot_variables })).await?)
    }

    /// Puts what firmware starts back as it was at enrolment, where that is known; answers how it is now. What cannot be put
    /// back is told: the controller compares, and keeps the server out.
    async fn restore_boot_variables(&self, order: &Wipe) -> Result<Option<BootVariables>, StepError> {
        let folder = Path::new(boot_variables::FOLDER);
        let Some(was) = order.baseline.as_ref().and_then(|baseline| baseline.boot_variables.as_ref()) else {
            return Ok(boot_variables::read(folder));
        };
        let restored = boot_variables::restore(folder, was);
        for (kind, each) in [("baseline-restored", restored.done), ("baseline-refused", restored.refused)] {
            if !each.is_empty() {
                let note = Note { kind: kind.into(), message: each.join("; ") };
                self.agent.report(Step::Wipe, What::Note(note)).await?;
            }
        }
        Ok(restored.variables)
    }
}

async fn erase(
    disks: Vec<(Disk, TargetDisk)>,
    (extent, allowed): (Extent, Vec<Erasure>),
    done: &Arc<Vec<AtomicU64>>,
) -> Result<Vec<WipedDisk>, StepError> {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    for (index, (disk, target)) in disks.into_iter().enumerate() {
        let (done, places, allowed) = (done.clone(), places.clone(), allowed.clone());
        tasks.spawn(async move {
            let _place =
                places.acquire_owned().await.map_err(|error| StepError::other("wipe_ended", error.to_string()))?;
            let mut progress = {
                let done = done.clone();
                move |bytes| done[index].store(bytes, Ordering::Relaxed)
            };
            let erased = tokio::task::spawn_blocking(move || {
                let order = Erase { disk: &disk, extent, allowed: &allowed };
                // By the OS: whoever made the disk, or wrote its firmware, cannot know what will be read back.
                disk::wipe(&target, &order, &mut StdRng::from_os_rng(), &mut progress).map(|wiped| told(disk, wiped))
            });
            let erased = erased.await.map_err(|error| StepError::other("wipe_ended", error.to_string()))?;
            Ok::<_, StepError>(erased?)
        });
    }
    let mut wiped = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        wiped.push(ended.map_err(|error| StepError::other("wipe_ended", error.to_string()))??);
    }
    Ok(wiped)
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

fn told(disk: Disk, wiped: Wiped) -> WipedDisk {
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    WipedDisk {
        disk: Some(disk),
        method: wiped.method.into(),
        bytes: wiped.bytes(),
        read_back: wiped.read_back,
        ranges: wiped.ranges.iter().map(|(from, bytes)| ByteRange { from: *from, bytes: *bytes }).collect(),
        samples_blake3: wiped.samples_blake3,
        zeroed_after: wiped.zeroed_after,
        erase_ms: ms(wiped.erase),
        read_back_ms: ms(wiped.reading),
        refused: wiped.refused,
    }
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

    #[test]
    fn what_was_erased_is_told_whole() {
        let wiped = Wiped {
            method: "nvme-format",
            ranges: vec![(0, 512), (1024, 512)],
            read_back: 4,
            samples_blake3: "ab".into(),
            zeroed_after: true,
            refused: vec!["no".into()],
            erase: Duration::from_millis(7),
            reading: Duration::from_millis(8),
        };
        let told = told(Disk::default(), wiped);
        assert_eq!((told.method.as_str(), told.bytes, told.read_back), ("nvme-format", 1024, 4));
        assert_eq!(told.ranges[1], ByteRange { from: 1024, bytes: 512 });
        assert_eq!((told.samples_blake3.as_str(), told.zeroed_after, told.refused.len()), ("ab", true, 1));
        assert_eq!((told.erase_ms, told.read_back_ms), (7, 8));
    }
}
