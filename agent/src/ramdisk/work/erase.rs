//! Disks that erase themselves, or are erased, side by side.

use crate::{
    causes::chain,
    disk::{DiskError, Erase, Extent, Held, Wiped},
    ramdisk::steps::StepError,
};
use billet_proto::link::{ByteRange, Disk, Erasure, WipedDisk};
use futures_util::future::join_all;
use rand::{SeedableRng, rngs::StdRng};
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Mutex, Semaphore};

/// At once: disks do it themselves, and more only wait for each other.
const AT_ONCE: usize = 8;

/// Erases all; `done` is told the bytes of each. First those that were cut off within an erasure end it, if it was
/// ours: that a disk has another's password shows by nothing else, and stops the wipe before the others are touched.
pub(super) async fn all(
    disks: Vec<Held>,
    (extent, allowed): (Extent, Vec<Erasure>),
    done: &Arc<Vec<AtomicU64>>,
) -> Result<Vec<WipedDisk>, StepError> {
    let disks = each(disks, |_, disk| disk.ended()).await?;
    let done = done.clone();
    let erased = move |index: usize, disk: Held| {
        let order = Erase { extent, allowed: &allowed };
        let mut progress = |bytes| done[index].store(bytes, Ordering::Relaxed);
        // By the OS: whoever made the disk, or wrote its firmware, cannot know what will be read back.
        let wiped = disk.wipe(&order, &mut StdRng::from_os_rng(), &mut progress)?;
        Ok(told(disk.disk().clone(), wiped))
    };
    each(disks, erased).await
}

/// Has `work` done with each, by its place, in a thread of its own; with those of one drive one after the other.
async fn each<T: Send + 'static>(
    disks: Vec<Held>,
    work: impl Fn(usize, Held) -> Result<T, DiskError> + Send + Sync + 'static,
) -> Result<Vec<T>, StepError> {
    let (places, work) = (Arc::new(Semaphore::new(AT_ONCE)), Arc::new(work));
    let mut turns: HashMap<String, Arc<Mutex<()>>> = HashMap::new();
    let tasks = disks.into_iter().enumerate().map(|(index, disk)| {
        let (places, work, name) = (places.clone(), work.clone(), disk.disk().name.clone());
        let turn = disk.drive().map(|drive| turns.entry(drive).or_default().clone()).unwrap_or_default();
        let task = async move {
            let ended = |error: &dyn std::error::Error| StepError::other("wipe_ended", error.to_string());
            let _turn = turn.lock().await;
            let _place = places.acquire_owned().await.map_err(|error| ended(&error))?;
            let done = tokio::task::spawn_blocking(move || work(index, disk)).await;
            Ok(done.map_err(|error| ended(&error))??)
        };
        (name, task)
    });
    joined(tasks).await
}

/// Waits for all, whatever comes of one: after an error the power is cut, and what is in mid-erasure must not lose
/// it. Then one error has each disk that failed, with the cause of the first.
async fn joined<T>(
    tasks: impl Iterator<Item = (String, impl Future<Output = Result<T, StepError>>)>,
) -> Result<Vec<T>, StepError> {
    let (names, tasks): (Vec<String>, Vec<_>) = tasks.unzip();
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for (name, ended) in names.iter().zip(join_all(tasks).await) {
        match ended {
            Ok(one) => done.push(one),
            Err(error) => failed.push((name, error)),
        }
    }
    let Some((_, first)) = failed.first() else { return Ok(done) };
    let each: Vec<String> = failed.iter().map(|(name, error)| format!("{name}: {}", chain(error))).collect();
    let message = format!("{} of {} disks were not erased: {}", failed.len(), names.len(), each.join("; "));
    Err(StepError::other(first.cause(), message))
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

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::{BoxFuture, FutureExt};
    use std::sync::atomic::AtomicBool;

    #[tokio::test(start_paused = true)]
    async fn a_disk_that_fails_is_told_when_the_others_are_done_and_with_all_that_failed() {
        let slow_ended = Arc::new(AtomicBool::new(false));
        let ended = slow_ended.clone();
        let failed = |cause: &'static str| async move { Err(StepError::other(cause, "it broke")) }.boxed();
        let slow = async move {
            tokio::time::sleep(Duration::from_secs(3600)).await;
            ended.store(true, Ordering::Relaxed);
            Ok(1)
        };
        let tasks: [(&str, BoxFuture<'_, Result<u32, StepError>>); 4] = [
            ("sda", failed("disk_io")),
            ("sdb", slow.boxed()),
            ("sdc", failed("disk_locked")),
            ("sdd", async { Ok(2) }.boxed()),
        ];
        let error = joined(tasks.into_iter().map(|(name, task)| (name.to_owned(), task))).await.unwrap_err();
        assert!(slow_ended.load(Ordering::Relaxed), "it was in mid-erasure");
        assert_eq!(error.cause(), "disk_io");
        assert_eq!(error.to_string(), "2 of 4 disks were not erased: sda: it broke; sdc: it broke");
    }

    #[tokio::test]
    async fn disks_are_told_in_their_order_and_one_that_fails_leaves_the_others_erased() {
        let dir = tempfile::tempdir().unwrap();
        let erased = |sizes: [usize; 3]| {
            let disks = (0..3).zip(sizes).map(|(at, mib)| {
                let name = format!("disk{at}");
                std::fs::write(dir.path().join(&name), vec![7; mib << 20]).unwrap();
                Disk { name, ..Disk::default() }
            });
            let held = Held::all(disks.collect(), |disk| dir.path().join(&disk.name), Extent::Full).unwrap();
            let done = Arc::new((0..3).map(|_| AtomicU64::new(0)).collect());
            async move { all(held, (Extent::Full, Vec::new()), &done).await }
        };
        let wiped = erased([3, 1, 2]).await.unwrap();
        let told: Vec<u64> = wiped.iter().map(|wiped| wiped.bytes >> 20).collect();
        assert_eq!(told, [3, 1, 2]);
        // The first has no size.
        let error = erased([0, 1, 2]).await.unwrap_err();
        assert!(error.to_string().starts_with("1 of 3 disks were not erased: disk0: "), "{error}");
        for name in ["disk1", "disk2"] {
            assert!(std::fs::read(dir.path().join(name)).unwrap().iter().all(|byte| *byte == 0), "{name}");
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
