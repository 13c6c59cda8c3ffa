//! Raw bytes in, canonical form out, or nothing at all.
//!
//! Chunks are compressed on a few blocking threads at once and written in their order by one more. Memory is bounded by
//! `IN_FLIGHT` chunks and their frames for each import, and imports by `PARALLEL`.

use super::{
    blobs::{BlobError, Blobs, failed},
    pack::{Packed, Sink, Written, pack},
};
use billet_proto::{
    ImageId,
    manifest::{CHUNK_BYTES, Digest, MAX_IMAGE_BYTES, Manifest},
};
use std::{
    collections::VecDeque,
    fs::OpenOptions,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    sync::Semaphore,
    task::{JoinHandle, spawn_blocking},
    time::{Instant, timeout_at},
};

/// Imports at once; each uses up to five threads and 64 MiB.
const PARALLEL: usize = 2;
/// Chunks being compressed at once.
const IN_FLIGHT: usize = 2;

/// How long an import waits for its sender.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// For the next byte.
    byte: Duration,
    /// For a whole chunk: a client that sends a byte a minute would otherwise stay for ever.
    chunk: Duration,
}

/// 4 MiB in 600 s are 7 KiB each second.
const PATIENCE: Patience = Patience { byte: Duration::from_secs(60), chunk: Duration::from_secs(600) };

/// What the sender says of the bytes; they are refused where it is not so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The id that the image gets.
    pub id: ImageId,
    /// `Linux`, `Windows` or `Other`; goes into the manifest.
    pub os_type: String,
    /// Raw size in bytes: a multiple of 512 up to [`MAX_IMAGE_BYTES`].
    pub size_bytes: u64,
    /// SHA-256 of the raw bytes; none: whatever it is.
    pub sha256: Option<[u8; 32]>,
}

/// An image that is whole and on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// As stored.
    pub manifest: Manifest,
    /// BLAKE3 of the manifest's bytes, which stands in orders.
    pub manifest_digest: [u8; 32],
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The size breaks its rule.
    #[error("import the image: size_bytes is a multiple of 512 from 512 to {MAX_IMAGE_BYTES}, not {0}")]
    Size(u64),
    /// As many imports as are allowed are in progress.
    #[error("import the image: {PARALLEL} imports are in progress; try again later")]
    Busy,
    /// The sender stopped sending, or sends so slowly that it would never end.
    #[error("read the image: {received} bytes came, and what follows them not within {} s", .waited.as_secs())]
    Stalled {
        /// Bytes of the whole chunks before.
        received: u64,
        /// Since then.
        waited: Duration,
    },
    /// The sender broke off.
    #[error("read the image")]
    Read(#[source] io::Error),
    /// Fewer bytes than announced.
    #[error("import the image: it has {received} bytes, not {expected}")]
    Short {
        /// How many came.
        received: u64,
        /// How many were announced.
        expected: u64,
    },
    /// More bytes than announced.
    #[error("import the image: it has more than {expected} bytes")]
    Long {
        /// How many were announced.
        expected: u64,
    },
    /// Other bytes than announced.
    #[error("import the image: its SHA-256 is {got}, not {expected}")]
    Digest {
        /// Of what came, in hex.
        got: String,
        /// As announced, in hex.
        expected: String,
    },
    /// No raw image begins so.
    #[error("import the image: it is {0}; only raw images are taken")]
    Format(&'static str),
    /// zstd has no memory.
    #[error("compress the image")]
    Compress(#[source] io::Error),
    /// The folder refuses, or is full.
    #[error("keep the image")]
    Keep(#[source] BlobError),
    /// A worker is gone: the program is stopping.
    #[error("import the image: the program is stopping")]
    Stopping,
}

impl ImportError {
    /// Whether the sender, and not the controller, is at fault.
    #[must_use]
    pub fn is_senders(&self) -> bool {
        match self {
            Self::Size(_)
            | Self::Stalled { .. }
            | Self::Read(_)
            | Self::Short { .. }
            | Self::Long { .. }
            | Self::Digest { .. }
            | Self::Format(_) => true,
            Self::Busy | Self::Compress(_) | Self::Keep(_) | Self::Stopping => false,
        }
    }
}

/// Imports into one folder.
#[derive(Debug, Clone)]
pub struct Importer {
    blobs: Blobs,
    slots: Arc<Semaphore>,
    patience: Patience,
}

impl Importer {
    /// Imports into `blobs`.
    pub fn new(blobs: Blobs) -> Self {
        Self { blobs, slots: Arc::new(Semaphore::new(PARALLEL)), patience: PATIENCE }
    }

    /// Reads `source` to its end and keeps it as image `expected.id`. Needs tokio's timer and blocking threads. When it
    /// fails or is dropped, nothing is left in the folder.
    ///
    /// # Errors
    /// When the bytes are not as expected, stop coming, or cannot be kept.
    pub async fn import(&self, expected: &Expected, source: impl AsyncRead + Unpin) -> Result<Imported, ImportError> {
        let size = expected.size_bytes;
        if size == 0 || !size.is_multiple_of(512) || size > MAX_IMAGE_BYTES {
            return Err(ImportError::Size(size));
        }
        let _slot = self.slots.try_acquire().map_err(|_| ImportError::Busy)?;
        let (frames, sink) = create(self.blobs.frames_path(expected.id)).map_err(ImportError::Keep)?;
        let written = receive(sink, Sender { source, size, received: 0, patience: self.patience }).await?;
        if let Some(expected) = expected.sha256.filter(|expected| *expected != written.sha256) {
            let (got, expected) = (hex::encode(written.sha256), hex::encode(expected));
            return Err(ImportError::Digest { got, expected });
        }
        let manifest = Manifest {
            version: 1,
            size_bytes: size,
            os_type: expected.os_type.clone(),
            sha256: hex::encode(written.sha256),
            chunks: written.chunks,
        };
        let bytes = manifest.to_bytes();
        let manifest_digest = Digest::of(&bytes).0;
        let blobs = self.blobs.clone();
        let id = expected.id;
        // Once begun, it is not interrupted: a dropped future leaves a whole image or none.
        blocking(move || keep(&blobs, id, frames, &bytes)).await?.map_err(ImportError::Keep)?;
        Ok(Imported { manifest, manifest_digest })
    }
}

/// Brings all chunks into the sink.
async fn receive(mut sink: Sink, mut sender: Sender<impl AsyncRead + Unpin>) -> Result<Written, ImportError> {
    let mut packing: VecDeque<JoinHandle<io::Result<Packed>>> = VecDeque::with_capacity(IN_FLIGHT);
    while let Some(chunk) = sender.chunk().await? {
        if packing.len() == IN_FLIGHT {
            sink = append_next(sink, &mut packing).await?;
        }
        packing.push_back(spawn_blocking(move || pack(chunk)));
    }
    while !packing.is_empty() {
        sink = append_next(sink, &mut packing).await?;
    }
    sender.end().await?;
    blocking(move || sink.finish()).await?.map_err(ImportError::Keep)
}

/// Waits for the oldest chunk and appends it: order is kept, however long each takes.
async fn append_next(
    mut sink: Sink,
    packing: &mut VecDeque<JoinHandle<io::Result<Packed>>>,
) -> Result<Sink, ImportError> {
    let Some(oldest) = packing.pop_front() else { return Ok(sink) };
    let packed = oldest.await.map_err(|_| ImportError::Stopping)?.map_err(ImportError::Compress)?;
    blocking(move || sink.append(&packed).map(|()| sink)).await?.map_err(ImportError::Keep)
}

/// Where the bytes come from.
struct Sender<S> {
    source: S,
    size: u64,
    received: u64,
    patience: Patience,
}

impl<S: AsyncRead + Unpin> Sender<S> {
    /// The next whole chunk, shorter only at the image's end; none behind it.
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, ImportError> {
        let length = usize::try_from((self.size - self.received).min(CHUNK_BYTES)).expect("a chunk fits the memory");
        if length == 0 {
            return Ok(None);
        }
        let mut chunk = vec![0; length];
        let begun = Instant::now();
        let mut filled = 0;
        while filled < length {
            let read = self.read(&mut chunk[filled..], begun).await?;
            if read == 0 {
                return Err(ImportError::Short { received: self.received + filled as u64, expected: self.size });
            }
            filled += read;
        }
        if self.received == 0 {
            raw(&chunk)?;
        }
        self.received += length as u64;
        Ok(Some(chunk))
    }

    /// Nothing may follow the image.
    async fn end(&mut self) -> Result<(), ImportError> {
        match self.read(&mut [0], Instant::now()).await? {
            0 => Ok(()),
            _ => Err(ImportError::Long { expected: self.size }),
        }
    }

    async fn read(&mut self, buffer: &mut [u8], begun: Instant) -> Result<usize, ImportError> {
        let deadline = (Instant::now() + self.patience.byte).min(begun + self.patience.chunk);
        match timeout_at(deadline, self.source.read(buffer)).await {
            Ok(read) => read.map_err(ImportError::Read),
            Err(_) => Err(ImportError::Stalled { received: self.received, waited: begun.elapsed() }),
        }
    }
}

/// How files begin that hold an image in another form; a boot sector begins with none of these.
const OTHER_FORMS: [(&[u8], &str); 8] = [
    (b"QFI\xfb", "a qcow2 image"),
    (b"KDMV", "a VMDK image"),
    (b"vhdxfile", "a VHDX image"),
    (b"conectix", "a VHD image"),
    (&[0x1f, 0x8b], "compressed by gzip"),
    (b"\xfd7zXZ\0", "compressed by xz"),
    (&[0x28, 0xb5, 0x2f, 0xfd], "compressed by zstd"),
    (b"BZh", "compressed by bzip2"),
];

fn raw(beginning: &[u8]) -> Result<(), ImportError> {
    let other = OTHER_FORMS.iter().find(|(magic, _)| beginning.starts_with(magic));
    other.map_or(Ok(()), |(_, form)| Err(ImportError::Format(form)))
}

/// Opens the sink; from then on its file is removed unless it is put in place.
fn create(finished: PathBuf) -> Result<(Unfinished, Sink), BlobError> {
    let sink = Sink::create(Blobs::unfinished(&finished))?;
    Ok((Unfinished { finished }, sink))
}

/// Puts both files in place, the manifest last and each on disk before the next.
fn keep(blobs: &Blobs, id: ImageId, frames: Unfinished, manifest: &[u8]) -> Result<(), BlobError> {
    let finished = blobs.manifest_path(id);
    let path = Blobs::unfinished(&finished);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(failed(&path))?;
    let manifest_file = Unfinished { finished };
    file.write_all(manifest).and_then(|()| file.sync_all()).map_err(failed(&path))?;
    frames.put_in_place()?;
    let kept = blobs.sync().and_then(|()| manifest_file.put_in_place()).and_then(|()| blobs.sync());
    if kept.is_err() {
        // Only what was put in place here is removed; the next start would do so too.
        let _ = blobs.remove(id);
    }
    kept
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ImportError> {
    spawn_blocking(work).await.map_err(|_| ImportError::Stopping)
}

/// A file under its temporary name; removed when it is dropped before it was put in place.
struct Unfinished {
    finished: PathBuf,
}

impl Unfinished {
    /// By a link and not a rename, because a link never overwrites an image; the drop removes the temporary name.
    fn put_in_place(self) -> Result<(), BlobError> {
        std::fs::hard_link(Blobs::unfinished(&self.finished), &self.finished).map_err(failed(&self.finished))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // What cannot be removed now, the next start removes.
        let _ = std::fs::remove_file(Blobs::unfinished(&self.finished));
    }
}

#[cfg(test)]
mod tests;
