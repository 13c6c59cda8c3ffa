//! The image: fetched ahead of the writer, checked and written on a thread of its own.

use super::StepError;
use crate::{
    disk::{self, Frames, TargetDisk, Written},
    ramdisk::agent::Agent,
};
use billet_proto::{
    link::{Install, Progress, Step},
    manifest::{ChunkEntry, Digest, Manifest},
    ramdisk::ramdisk_report::What,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::mpsc;

/// Asked for in one call; below the agent's limit of 16.
const BATCH: usize = 8;
/// Frames that wait for the writer: 4 MiB each at most.
const AHEAD: usize = 8;
/// Between two reports of progress.
const BEAT: Duration = Duration::from_millis(500);

pub(in crate::ramdisk) async fn run(agent: &Agent, order: &Install, target: TargetDisk) -> Result<String, StepError> {
    let image = order.image.as_ref().ok_or_else(|| StepError::other("order_malformed", "image: is required"))?;
    let bytes = agent.manifest().await?;
    if Digest::of(&bytes).0 != image.manifest_digest.as_slice() {
        return Err(StepError::other("manifest_corrupt", "the manifest is not the one that the order names"));
    }
    let manifest =
        Manifest::parse(&bytes).map_err(|error| StepError::other("manifest_corrupt", crate::causes::chain(&error)))?;
    let manifest = Arc::new(manifest);
    let began = Instant::now();
    let done = Arc::new(AtomicU64::new(0));
    let (frames, waiting) = mpsc::channel(AHEAD);
    let seed = rand::random();
    let writer = {
        let (manifest, done) = (manifest.clone(), done.clone());
        tokio::task::spawn_blocking(move || {
            let mut progress = |bytes| done.store(bytes, Ordering::Relaxed);
            disk::write(&target, &manifest, &mut Waiting(waiting), seed, &mut progress)
        })
    };
    let total_bytes = manifest.size_bytes;
    let written = tokio::select! {
        written = join(writer) => written?,
        failed = fetch(agent, &manifest, frames) => return Err(failed),
        () = tell(agent, &done, total_bytes) => unreachable!("progress is told until the writer ends"),
    };
    let seconds = began.elapsed().as_secs_f64().max(0.001);
    let mib = |bytes: u64| bytes >> 20;
    Ok(format!(
        "{} MiB ({} MiB of them not zero) in {seconds:.1} s; {} chunks read back; {}",
        mib(total_bytes),
        mib(written.data_bytes),
        written.read_back,
        written.table
    ))
}

async fn join(writer: tokio::task::JoinHandle<Result<Written, disk::DiskError>>) -> Result<Written, StepError> {
    let ended = writer.await.map_err(|error| StepError::other("writer_ended", error.to_string()))?;
    Ok(ended?)
}

struct Waiting(mpsc::Receiver<(u32, Vec<u8>)>);

impl Frames for Waiting {
    fn next(&mut self) -> Option<(u32, Vec<u8>)> {
        self.0.blocking_recv()
    }
}

/// Fetches all data chunks in their order. Ends only with an error; when all are fetched, it waits for the writer.
async fn fetch(agent: &Agent, manifest: &Manifest, frames: mpsc::Sender<(u32, Vec<u8>)>) -> StepError {
    let is_data = |(_, chunk): &(u32, &ChunkEntry)| matches!(chunk, ChunkEntry::Data { .. });
    let all: Vec<u32> = (0u32..).zip(&manifest.chunks).filter(is_data).map(|(index, _)| index).collect();
    let mut next = 0;
    while next < all.len() {
        let batch = &all[next..(next + BATCH).min(all.len())];
        let mut stream = match agent.chunks(batch).await {
            Ok(stream) => stream,
            Err(error) => return error.into(),
        };
        loop {
            match stream.message().await {
                Ok(Some(chunk)) => {
                    next += 1;
                    if frames.send((chunk.index, chunk.frame)).await.is_err() {
                        // The writer ended; it says why.
                        return std::future::pending().await;
                    }
                }
                Ok(None) => break,
                Err(status) if super::super::agent::may_pass(status.code()) => {
                    // The rest is asked for again, after a moment.
                    tokio::time::sleep(Duration::from_millis(300)).await;
                    break;
                }
                Err(status) => return StepError::other("chunk_unreadable", status.message()),
            }
        }
    }
    drop(frames);
    std::future::pending().await
}

async fn tell(agent: &Agent, done: &AtomicU64, total_bytes: u64) {
    let mut beat = tokio::time::interval(BEAT);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut before, mut at) = (0, Instant::now());
    loop {
        beat.tick().await;
        let (now, done_bytes) = (Instant::now(), done.load(Ordering::Relaxed));
        let micros = u64::try_from((now - at).as_micros()).unwrap_or(u64::MAX).max(1);
        let bytes_per_second = (done_bytes - before).saturating_mul(1_000_000) / micros;
        (before, at) = (done_bytes, now);
        let waiting_for = "the image to be written".into();
        agent
            .mention(Step::Write, What::Progress(Progress { done_bytes, total_bytes, bytes_per_second, waiting_for }))
            .await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ramdisk::played_agent::PlayedAgent;

    #[tokio::test]
    async fn a_write_whose_agent_goes_away_waits_for_it_and_gets_each_chunk_once() {
        let mut agent = PlayedAgent::new();
        agent.said(|said| said.breaks_after = Some(5));
        let (client, chunks) = (agent.client(), 20);
        let data = |offset| ChunkEntry::Data { digest: Digest::of(b"chunk"), offset, length: 512 };
        let mut entries: Vec<ChunkEntry> = (0..chunks).map(|at| data(u64::from(at) * 512)).collect();
        entries[3] = ChunkEntry::Zero;
        let manifest = Manifest {
            version: 1,
            size_bytes: u64::from(chunks) << 22,
            os_type: "Linux".into(),
            sha256: "00".repeat(32),
            chunks: entries,
        };
        let (frames, mut waiting) = mpsc::channel::<(u32, Vec<u8>)>(AHEAD);
        let mut got = Vec::new();
        let written = async {
            while got.len() < 5 {
                got.push(waiting.recv().await.unwrap().0);
            }
            agent.goes_away();
            client.live().await;
            agent.said(|said| said.breaks_after = None);
            agent.comes_back();
            while let Some((index, _)) = waiting.recv().await {
                got.push(index);
            }
        };
        tokio::select! {
            failed = fetch(&client, &manifest, frames) => panic!("an agent that is away is no failure: {failed}"),
            () = written => {}
        }
        let all: Vec<u32> = (0..chunks).filter(|index| *index != 3).collect();
        assert_eq!(got, all);
    }
}
