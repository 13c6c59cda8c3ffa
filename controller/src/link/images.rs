//! Manifests and chunks, for the order in progress of the calling agent's servers.

use super::caller::unavailable;
use crate::{images::Blobs, lifecycle::Lifecycle};
use billet_proto::{AgentId, ImageId, link::Chunk, manifest::Manifest};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    runtime::Handle,
    sync::{Semaphore, mpsc},
};
use tonic::Status;

/// Frames that wait to be sent in one call.
const QUEUE: usize = 1;
/// Calls that read frames at once; the others wait. Half of the threads that may block: hashes and imports go on beside.
const PARALLEL: usize = 8;
/// A caller that takes no frame for so long loses its call, and its place.
const TAKE_DEADLINE: Duration = Duration::from_secs(60);

/// Reads images for agents.
#[derive(Clone)]
pub(super) struct Reader {
    lifecycle: Lifecycle,
    blobs: Blobs,
    calls: Arc<Semaphore>,
    /// The manifest read last: an image is usually read as a whole.
    newest: Arc<Mutex<Option<Parsed>>>,
}

/// An image and its manifest.
type Parsed = (ImageId, Arc<Manifest>);

impl Reader {
    pub(super) fn new(lifecycle: Lifecycle, blobs: Blobs) -> Self {
        Self { lifecycle, blobs, calls: Arc::new(Semaphore::new(PARALLEL)), newest: Arc::default() }
    }

    async fn image(&self, agent: AgentId, server: String, generation: u64) -> Result<ImageId, Status> {
        let image = self.lifecycle.readable_image(agent, server, generation).await;
        let image = image.map_err(|error| unavailable(&error))?;
        image.ok_or_else(|| {
            Status::permission_denied("no installation of that generation is in progress on a server of this agent")
        })
    }

    pub(super) async fn manifest(&self, agent: AgentId, server: String, generation: u64) -> Result<Vec<u8>, Status> {
        let id = self.image(agent, server, generation).await?;
        let blobs = self.blobs.clone();
        let read = tokio::task::spawn_blocking(move || blobs.manifest_bytes(id)).await;
        read.map_err(|_| Status::unavailable("the controller is stopping"))?.map_err(|error| broken(id, &error))
    }

    pub(super) async fn chunks(
        &self,
        agent: AgentId,
        server: String,
        generation: u64,
        indices: Vec<u32>,
    ) -> Result<mpsc::Receiver<Result<Chunk, Status>>, Status> {
        let id = self.image(agent, server, generation).await?;
        let stopping = |_| Status::unavailable("the controller is stopping");
        let permit = self.calls.clone().acquire_owned().await.map_err(stopping)?;
        let (chunks, answers) = mpsc::channel(QUEUE);
        let reader = self.clone();
        let runtime = Handle::current();
        tokio::task::spawn_blocking(move || {
            let deliver = |message| runtime.block_on(chunks.send_timeout(message, TAKE_DEADLINE));
            let manifest = match reader.parsed(id) {
                Ok(manifest) => manifest,
                Err(status) => return drop(deliver(Err(status))),
            };
            // One at a time, so that only a few frames are in memory. Nobody listening any more ends it.
            for index in indices {
                let frames = reader.blobs.frames(id, &manifest, &[index]).map_err(|error| broken(id, &error));
                let sent = match frames {
                    Ok(frames) => frames.into_iter().try_for_each(|(index, frame)| deliver(Ok(Chunk { index, frame }))),
                    Err(status) => return drop(deliver(Err(status))),
                };
                if sent.is_err() {
                    return;
                }
            }
            drop(permit);
        });
        Ok(answers)
    }

    fn parsed(&self, id: ImageId) -> Result<Arc<Manifest>, Status> {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, manifest)) = newest.as_ref().filter(|(known, _)| *known == id) {
            return Ok(manifest.clone());
        }
        let bytes = self.blobs.manifest_bytes(id).map_err(|error| broken(id, &error))?;
        let manifest = Arc::new(Manifest::parse(&bytes).map_err(|error| broken(id, &error))?);
        *newest = Some((id, manifest.clone()));
        Ok(manifest)
    }
}

fn broken(id: ImageId, error: &(dyn std::error::Error + 'static)) -> Status {
    tracing::error!(image = %id, error, "an image cannot be read");
    Status::data_loss(format!("image {id} cannot be read: {error}"))
}
