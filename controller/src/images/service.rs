//! Taking images in for the API: the bytes first, then the record; a blob without a record is removed at the next start.

use super::{BlobError, Blobs, Expected, ImportError, Importer, StreamReader, url_import::UrlImports};
use crate::{
    api::ports::{BoxFuture, ImageImport, ImportRefusal},
    clock::Edge,
    config::Images,
    quota,
    request::{ImageMeta, ImportImage, Invalid},
    store::{
        Handle, StoreError, Transaction,
        record::{Image, ImageImport as ImageImportRow},
    },
};
use axum::body::Body;
use billet_proto::ImageId;

/// Imports images and keeps their records.
#[derive(Clone)]
pub struct ImageService {
    store: Handle,
    edge: Edge,
    blobs: Blobs,
    importer: Importer,
    urls: UrlImports,
}

impl ImageService {
    /// Keeps images in `blobs`, and fetches none.
    pub fn new(store: Handle, edge: Edge, blobs: Blobs) -> Self {
        Self::fetching(store, edge, blobs, Images::default())
    }

    /// Keeps images in `blobs`, and fetches those that `rules` allow.
    pub fn fetching(store: Handle, edge: Edge, blobs: Blobs, rules: Images) -> Self {
        let importer = Importer::new(blobs.clone());
        let urls = UrlImports::new(store.clone(), edge.clone(), blobs.clone(), rules);
        Self { store, edge, blobs, importer, urls }
    }

    /// Kills imports by URL that were cut off, and removes blobs that no record names. To be called before anything is
    /// imported.
    ///
    /// # Errors
    /// When the folder or the store fails.
    pub async fn remove_orphans(&self) -> Result<(), OrphanError> {
        self.urls.kill_unfinished().await?;
        let known: Vec<ImageId> =
            self.store.read(|tx| Ok(tx.images()?.into_iter().map(|image| image.id).collect())).await?;
        for id in self.blobs.ids()? {
            if !known.contains(&id) {
                self.blobs.remove(id)?;
                tracing::info!(image = %id, "removed what an unfinished import left");
            }
        }
        Ok(())
    }

    async fn take(&self, meta: ImageMeta, body: Body) -> Result<Image, ImportRefusal> {
        // Before the bytes come; asked again when the record is written.
        let owner = meta.project_id.clone();
        self.store.run(move |tx| quota::check_image(tx, owner.as_ref())).await.map_err(ImportRefusal::Refused)?;
        let id = ImageId::new(self.edge.id());
        let ImageMeta { project_id, name, os, size_bytes, sha256 } = meta;
        let expected = Expected { id, os_type: os.as_str().to_owned(), size_bytes, sha256: Some(sha256) };
        let imported = self.importer.import(&expected, StreamReader::new(body.into_data_stream())).await;
        let imported = imported.map_err(|error| refuse(error, &sha256))?;
        let image = Image {
            id,
            project_id,
            name,
            os_type: expected.os_type,
            size_bytes,
            sha256: imported.manifest.sha256.clone(),
            manifest_digest: imported.manifest_digest,
            created_at: self.edge.now(),
        };
        let row = image.clone();
        let record = move |tx: &mut dyn Transaction| {
            quota::check_image(tx, row.project_id.as_ref())?;
            Ok(tx.insert_image(&row)?)
        };
        if let Err(error) = self.store.run(record).await {
            if let Err(left) = self.blobs.remove(id) {
                tracing::warn!(image = %id, error = %left, "a blob without a record is left until the next start");
            }
            return Err(ImportRefusal::Refused(error));
        }
        Ok(image)
    }
}

fn refuse(error: ImportError, sha256: &[u8; 32]) -> ImportRefusal {
    match error {
        ImportError::Busy => ImportRefusal::Busy,
        ImportError::Digest { ref got, .. } => ImportRefusal::Invalid(Invalid::new(
            "sha256",
            format!("must be the body's, which is {got}"),
            hex::encode(sha256),
        )),
        error if error.is_senders() => {
            ImportRefusal::Invalid(Invalid::secret("body", format!("must be the image as announced: {error}")))
        }
        error => ImportRefusal::Failed(Box::new(error)),
    }
}

impl ImageImport for ImageService {
    fn import<'a>(&'a self, meta: ImageMeta, body: Body) -> BoxFuture<'a, Result<Image, ImportRefusal>> {
        Box::pin(self.take(meta, body))
    }

    fn import_url(&self, wanted: ImportImage) -> BoxFuture<'_, Result<ImageImportRow, ImportRefusal>> {
        Box::pin(self.urls.accept(wanted))
    }

    fn remove(&self, image: ImageId) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let blobs = self.blobs.clone();
            match tokio::task::spawn_blocking(move || blobs.remove(image)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::warn!(%image, %error, "an image without a record is left until the next start")
                }
                Err(_) => tracing::warn!(%image, "stopping; an image without a record is left until the next start"),
            }
        })
    }
}

/// Why orphans could not be removed.
#[derive(Debug, thiserror::Error)]
pub enum OrphanError {
    /// The folder refuses.
    #[error("look through the folder of images")]
    Blobs(#[from] BlobError),
    /// The records cannot be read.
    #[error("read the records of images")]
    Store(#[from] StoreError),
}

impl std::fmt::Debug for ImageService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ImageService")
    }
}
