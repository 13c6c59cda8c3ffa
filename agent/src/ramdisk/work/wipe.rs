//! Erasing the disks that were recorded, several at a time.

use super::Work;
use crate::{
    disk::{self, DiskError, Method, TargetDisk},
    ramdisk::{
        agent::Agent,
        boot_variables,
        steps::{StepError, choose},
    },
};
use billet_proto::{
    link::{BootVariables, Disk, Note, Progress, Step, Wipe, WipeMethod, WipedDisk},
    ramdisk::{Wiped, ramdisk_report::What},
};
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
        let method = match order.method() {
            WipeMethod::Full => Method::Full,
            WipeMethod::Metadata => Method::Metadata,
            WipeMethod::Unspecified => return Err(StepError::other("order_malformed", "method: is required")),
        };
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
            wiped = erase(held, method, &done) => wiped?,
            () = tell(&self.agent, &done, total_bytes) => unreachable!("progress is told until the disks are erased"),
        };
        let each: Vec<String> = wiped.iter().map(described).collect();
        self.end(&each.join("; ")).await?;
        let boot_variables = self.restore_boot_variables(order).await?;
        Ok(self.agent.report(Step::Wipe, What::Wiped(Wiped { disks: wiped, boot_variables })).await?)
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
    method: Method,
    done: &Arc<Vec<AtomicU64>>,
) -> Result<Vec<WipedDisk>, StepError> {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    for (index, (disk, target)) in disks.into_iter().enumerate() {
        let (done, places) = (done.clone(), places.clone());
        tasks.spawn(async move {
            let _place =
                places.acquire_owned().await.map_err(|error| StepError::other("wipe_ended", error.to_string()))?;
            let mut progress = {
                let done = done.clone();
                move |bytes| done[index].store(bytes, Ordering::Relaxed)
            };
            let seed = rand::random();
            let erased = tokio::task::spawn_blocking(move || disk::wipe(&target, method, seed, &mut progress)).await;
            let erased = erased.map_err(|error| StepError::other("wipe_ended", error.to_string()))??;
            let (method, bytes, read_back) = (erased.method.into(), erased.bytes, erased.read_back);
            Ok::<_, StepError>(WipedDisk { disk: Some(disk), method, bytes, read_back })
        });
    }
    let mut wiped = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        wiped.push(ended.map_err(|error| StepError::other("wipe_ended", error.to_string()))??);
    }
    Ok(wiped)
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
