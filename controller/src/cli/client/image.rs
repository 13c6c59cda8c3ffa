//! Images, and their import.

use super::{Client, ClientError, call::Call};
use billet_proto::ImageId;
use futures_util::stream;
use reqwest::{Body, Method, header};
use serde::{Deserialize, Serialize};
use std::{io, time::Duration};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Large enough that the calls for each do not count, small enough that progress moves.
const CHUNK_BYTES: usize = 256 << 10;

/// An image in the controller's store.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Image {
    /// UUIDv7.
    pub id: ImageId,
    /// For people.
    pub name: String,
    /// `Linux`, `Windows` or `Other`.
    pub os_type: String,
    /// Of the raw image.
    pub size_bytes: u64,
    /// Of the raw image, hex.
    pub sha256: String,
    /// That project's alone; none: every project's.
    #[serde(default)]
    pub project_id: Option<String>,
    /// RFC 3339.
    pub created_at: String,
}

/// What is said of a raw image before its bytes.
#[derive(Debug, Clone)]
pub struct NewImage {
    /// For people.
    pub name: String,
    /// `Linux`, `Windows` or `Other`.
    pub os_type: String,
    /// Exactly so many bytes follow.
    pub size_bytes: u64,
    /// Of all the bytes, hex.
    pub sha256: String,
    /// For every project; operators only.
    pub shared: bool,
}

#[derive(Deserialize)]
struct Images {
    images: Vec<Image>,
}

#[derive(Deserialize)]
struct Imported {
    image: Image,
}

impl Client {
    /// All images that the project may use.
    ///
    /// # Errors
    /// When the call does not succeed.
    pub async fn images(&self) -> Result<Vec<Image>, ClientError> {
        self.get::<Images>(self.project_url(&["images"])?).await.map(|answer| answer.images)
    }

    /// Streams a raw image to the controller. `sent` is told how many bytes were handed over so far.
    ///
    /// # Errors
    /// When the call does not succeed within `timeout`; the controller keeps nothing then.
    pub async fn import_image(
        &self,
        image: &NewImage,
        raw: impl AsyncRead + Send + Unpin + 'static,
        sent: impl FnMut(u64) + Send + 'static,
        timeout: Duration,
    ) -> Result<Image, ClientError> {
        let mut url = self.project_url(&["images"])?;
        url.query_pairs_mut()
            .append_pair("name", &image.name)
            .append_pair("os_type", &image.os_type)
            .append_pair("sha256", &image.sha256)
            .append_pair("size_bytes", &image.size_bytes.to_string());
        if image.shared {
            url.query_pairs_mut().append_pair("shared", "true");
        }
        let call = Call::new(&Method::POST, &url);
        let request = self
            .request(Method::POST, url)
            .timeout(timeout)
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .header(header::CONTENT_LENGTH, image.size_bytes)
            .body(body(raw, image.size_bytes, sent));
        match self.answer(request).await {
            Ok(answer) => call.parse::<Imported>(&answer).map(|answer| answer.image),
            // A connection that could not be made is no matter of a longer timeout.
            Err(ClientError::Unreachable { source, .. }) if source.is_timeout() && !source.is_connect() => {
                Err(ClientError::Upload { size_bytes: image.size_bytes, timeout, source })
            }
            Err(error) => Err(error),
        }
    }
}

fn body(raw: impl AsyncRead + Send + Unpin + 'static, size_bytes: u64, sent: impl FnMut(u64) + Send + 'static) -> Body {
    let start = (raw.take(size_bytes), sent, 0);
    Body::wrap_stream(stream::try_unfold(start, |(mut raw, mut sent, done)| async move {
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        let length = (&mut raw).take(CHUNK_BYTES as u64).read_to_end(&mut chunk).await?;
        let done = done + length as u64;
        sent(done);
        Ok::<_, io::Error>((length > 0).then_some((chunk, (raw, sent, done))))
    }))
}
