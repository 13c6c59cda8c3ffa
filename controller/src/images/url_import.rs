//! Images by URL: accepted at once, fetched a few at a time, and recorded when they are whole.
//!
//! Nothing is resumed: an import that a stop of the controller cut off is killed at the next start.

use super::{
    Blobs, Expected, ImportError, Importer, StreamReader,
    fetch::{self, FetchError},
};
use crate::{
    api::ports::ImportRefusal,
    causes::chain,
    clock::Edge,
    config::Images,
    lifecycle::refusal::Refusal,
    quota,
    request::{ImportImage, Invalid},
    store::{
        Handle, StoreError,
        record::{Image, ImageImport, ImportStatus},
    },
};
use billet_proto::ImageId;
use reqwest::Url;
use std::sync::Arc;
use tokio::{sync::Semaphore, time::timeout};

/// Imports at once; they have slots of their own, so that uploads are not refused because of them.
const PARALLEL: usize = 2;
/// Imports that wait or are in progress; more are refused.
const MAX_UNFINISHED: usize = 64;

/// Why an import was killed.
#[derive(Debug, thiserror::Error)]
enum Killed {
    #[error("fetch the image")]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Import(#[from] ImportError),
    #[error("fetch the image: it took longer than {0} s")]
    Late(u64),
    #[error("record the image")]
    Record(#[source] StoreError),
}

/// Fetches; cheap to clone.
#[derive(Clone)]
pub(super) struct UrlImports {
    store: Handle,
    edge: Edge,
    blobs: Blobs,
    importer: Importer,
    rules: Arc<Images>,
    slots: Arc<Semaphore>,
}

impl UrlImports {
    pub(super) fn new(store: Handle, edge: Edge, blobs: Blobs, rules: Images) -> Self {
        let importer = Importer::new(blobs.clone());
        Self { store, edge, blobs, importer, rules: Arc::new(rules), slots: Arc::new(Semaphore::new(PARALLEL)) }
    }

    /// Kills what a stop of the controller cut off.
    pub(super) async fn kill_unfinished(&self) -> Result<(), StoreError> {
        let now = self.edge.now();
        let killed = self.store.read(move |tx| {
            let unfinished = tx.unfinished_image_imports()?;
            for import in &unfinished {
                let reason = "the controller was started again meanwhile".to_owned();
                let killed =
                    ImageImport { status: ImportStatus::Killed, reason, ended_at: Some(now), ..import.clone() };
                tx.update_image_import(&killed)?;
            }
            Ok(unfinished.len())
        });
        let killed = killed.await?;
        if killed > 0 {
            tracing::info!(killed, "imports that were cut off are killed");
        }
        Ok(())
    }

    /// Records the import, and begins it as soon as others ended.
    pub(super) async fn accept(&self, wanted: ImportImage) -> Result<ImageImport, ImportRefusal> {
        let ImportImage { project_id, by_project, name, os, url, sha256 } = wanted;
        let shown = fetch::without_secrets(&url);
        fetch::check(&self.rules, &url).map_err(|error| {
            ImportRefusal::Invalid(Invalid::new("url", format!("must be allowed: {error}"), &shown))
        })?;
        let import = ImageImport {
            id: ImageId::new(self.edge.id()),
            project_id,
            by_project,
            name,
            os_type: os.as_str().to_owned(),
            url: shown,
            sha256: sha256.map(hex::encode),
            status: ImportStatus::Queued,
            reason: String::new(),
            created_at: self.edge.now(),
            ended_at: None,
        };
        // Goes on when the caller hangs up: what is recorded is fetched too.
        let begun = tokio::spawn(self.clone().begin(import, url, sha256)).await;
        begun.unwrap_or_else(|error| Err(ImportRefusal::Failed(Box::new(error))))
    }

    async fn begin(
        self,
        import: ImageImport,
        url: Url,
        sha256: Option<[u8; 32]>,
    ) -> Result<ImageImport, ImportRefusal> {
        let row = import.clone();
        let recorded = self.store.run(move |tx| {
            quota::check_image(tx, row.project_id.as_ref())?;
            let room = tx.unfinished_image_imports()?.len() < MAX_UNFINISHED;
            if room {
                tx.insert_image_import(&row)?;
            }
            Ok::<_, Refusal>(room)
        });
        if !recorded.await.map_err(ImportRefusal::Refused)? {
            return Err(ImportRefusal::Busy);
        }
        tokio::spawn(self.run(import.clone(), url, sha256));
        Ok(import)
    }

    async fn run(self, import: ImageImport, url: Url, sha256: Option<[u8; 32]>) {
        let Ok(_slot) = self.slots.acquire().await else { return };
        let saving = ImageImport { status: ImportStatus::Saving, ..import };
        let row = saving.clone();
        let begun = self.store.read(move |tx| tx.update_image_import(&row)).await;
        let done = match begun {
            Ok(()) => match timeout(self.rules.url_timeout, self.fetch(&saving, &url, sha256)).await {
                // Out of the limit's reach: it may be committed already when the limit passes.
                Ok(Ok(image)) => self.record(image).await,
                Ok(Err(error)) => Err(error),
                Err(_) => Err(Killed::Late(self.rules.url_timeout.as_secs())),
            },
            Err(error) => Err(Killed::Record(error)),
        };
        match done {
            Ok(()) => tracing::info!(image = %saving.id, "fetched an image"),
            Err(error) => self.kill(saving, &error).await,
        }
    }

    async fn fetch(&self, import: &ImageImport, url: &Url, sha256: Option<[u8; 32]>) -> Result<Image, Killed> {
        let (response, size_bytes) = fetch::open(&self.rules, url).await?;
        let expected = Expected { id: import.id, os_type: import.os_type.clone(), size_bytes, sha256 };
        let stream =
            futures_util::StreamExt::map(response.bytes_stream(), |read| read.map_err(reqwest::Error::without_url));
        let imported = self.importer.import(&expected, StreamReader::new(stream)).await?;
        Ok(Image {
            id: import.id,
            project_id: import.project_id.clone(),
            name: import.name.clone(),
            os_type: expected.os_type,
            size_bytes,
            sha256: imported.manifest.sha256,
            manifest_digest: imported.manifest_digest,
            created_at: import.created_at,
        })
    }

    async fn record(&self, image: Image) -> Result<(), Killed> {
        let recorded = self.store.read(move |tx| {
            tx.delete_image_import(image.id)?;
            tx.insert_image(&image)
        });
        recorded.await.map_err(Killed::Record)
    }

    async fn kill(&self, import: ImageImport, error: &Killed) {
        let blobs = self.blobs.clone();
        let (id, reason, ended_at) = (import.id, chain(error), Some(self.edge.now()));
        tracing::warn!(image = %id, reason, "an import by URL is killed");
        let _ = tokio::task::spawn_blocking(move || blobs.remove(id)).await;
        let killed = ImageImport { status: ImportStatus::Killed, reason, ended_at, ..import };
        if let Err(error) = self.store.read(move |tx| tx.update_image_import(&killed)).await {
            tracing::error!(image = %id, %error, "an import's end is not recorded; the next start does so");
        }
    }
}

#[cfg(test)]
mod tests;
