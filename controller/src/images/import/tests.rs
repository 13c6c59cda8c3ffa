use super::*;
use billet_proto::manifest::ChunkEntry;
use rand::{RngCore, SeedableRng};
use sha2::{Digest as _, Sha256};
use std::{future::Future, path::Path, process::Command, task::Poll};

const CHUNK: usize = 4 << 20;

fn id(n: u128) -> ImageId {
    ImageId::new(uuid::Uuid::from_u128(n))
}

fn random(length: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; length];
    rand::rngs::StdRng::seed_from_u64(seed).fill_bytes(&mut bytes);
    bytes
}

/// Text, zeros, noise (which takes longest), zeros but for the last byte; then a short end of zeros.
fn image() -> Vec<u8> {
    let mut bytes = Vec::new();
    for round in 0..2 {
        bytes.extend(b"billet ".iter().cycle().take(CHUNK));
        bytes.extend(std::iter::repeat_n(0, CHUNK));
        bytes.extend(random(CHUNK, round));
        bytes.extend(std::iter::repeat_n(0, CHUNK - 1));
        bytes.push(1);
    }
    bytes.extend([0; 1536]);
    bytes
}

fn expected(bytes: &[u8]) -> Expected {
    Expected {
        id: id(1),
        os_type: "Linux".into(),
        size_bytes: bytes.len() as u64,
        sha256: Some(Sha256::digest(bytes).into()),
    }
}

fn importer(dir: &Path) -> Importer {
    Importer::new(Blobs::new(dir).unwrap())
}

fn is_empty(dir: &Path) -> bool {
    std::fs::read_dir(dir).unwrap().next().is_none()
}

#[tokio::test]
async fn the_canonical_form_says_what_the_image_is() {
    let folder = tempfile::tempdir().unwrap();
    let importer = importer(folder.path());
    let bytes = image();
    let imported = importer.import(&expected(&bytes), &bytes[..]).await.unwrap();

    let stored = importer.blobs.manifest_bytes(id(1)).unwrap();
    assert_eq!(Manifest::parse(&stored).unwrap(), imported.manifest);
    assert_eq!(*blake3::hash(&stored).as_bytes(), imported.manifest_digest);
    assert_eq!(imported.manifest.os_type, "Linux");
    assert_eq!(imported.manifest.sha256, hex::encode(Sha256::digest(&bytes)));
    assert_eq!(imported.manifest.chunks.len(), 9);
    for (index, (raw, chunk)) in bytes.chunks(CHUNK).zip(&imported.manifest.chunks).enumerate() {
        let zero = raw.iter().all(|byte| *byte == 0);
        assert_eq!(*chunk == ChunkEntry::Zero, zero, "chunk {index}");
        let ChunkEntry::Data { digest, .. } = chunk else { continue };
        assert_eq!(digest.0, *blake3::hash(raw).as_bytes(), "chunk {index}");
        let index = u32::try_from(index).unwrap();
        let frames = importer.blobs.frames(id(1), &imported.manifest, &[index]).unwrap();
        assert!(zstd::bulk::decompress(&frames[0].1, CHUNK).unwrap() == raw, "chunk {index}");
    }
}

#[tokio::test]
async fn an_ordinary_zstd_gives_the_image_back() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = image();
    importer(folder.path()).import(&expected(&bytes), &bytes[..]).await.unwrap();
    let output = Command::new("zstd")
        .args(["-d", "-c"])
        .arg(folder.path().join(format!("{}.zst", id(1))))
        .output()
        .expect("this test needs zstd (Debian package zstd)");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout == bytes, "{} bytes came back, {} went in", output.stdout.len(), bytes.len());
}

#[tokio::test]
async fn a_refused_import_leaves_nothing() {
    let bytes = random(CHUNK + 1024, 1);
    let good = expected(&bytes);
    let wrong_digest = Expected { sha256: Some([7; 32]), ..good.clone() };
    let longer = Expected { size_bytes: good.size_bytes + 512, ..good.clone() };
    let shorter = Expected { size_bytes: good.size_bytes - 512, ..good.clone() };
    let odd = Expected { size_bytes: 513, ..good.clone() };
    let empty = Expected { size_bytes: 0, ..good.clone() };
    let huge = Expected { size_bytes: MAX_IMAGE_BYTES + 512, ..good };
    for (case, said) in [
        (wrong_digest, "import the image: its SHA-256 is "),
        (longer, "import the image: it has 4195328 bytes, not 4195840"),
        (shorter, "import the image: it has more than 4194816 bytes"),
        (odd, "import the image: size_bytes is a multiple of 512"),
        (empty, "import the image: size_bytes is a multiple of 512"),
        (huge, "import the image: size_bytes is a multiple of 512"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let error = importer(folder.path()).import(&case, &bytes[..]).await.unwrap_err();
        assert!(error.to_string().starts_with(said), "{error}");
        assert!(error.is_senders());
        assert!(is_empty(folder.path()), "{error}");
    }
}

#[tokio::test]
async fn a_sender_that_breaks_off_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let parts = [Ok(bytes::Bytes::from(random(CHUNK + 512, 1))), Err("connection reset")];
    let source = crate::images::StreamReader::new(futures_util::stream::iter(parts));
    let wanted = Expected { size_bytes: 3 * CHUNK as u64, ..expected(&[]) };
    let error = importer(folder.path()).import(&wanted, source).await.unwrap_err();
    assert!(matches!(error, ImportError::Read(_)), "{error}");
    assert!(is_empty(folder.path()));
}

/// A sender that has sent `bytes`, and then a byte each `pause`.
async fn dribble(bytes: usize, pause: Duration, patience: Patience) -> ImportError {
    let folder = tempfile::tempdir().unwrap();
    let importer = Importer { patience, ..importer(folder.path()) };
    let (mut sender, source) = tokio::io::duplex(CHUNK);
    let sending = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        let _ = sender.write_all(&random(bytes, 1)).await;
        while sender.write_all(b"x").await.is_ok() {
            tokio::time::sleep(pause).await;
        }
    });
    let wanted = Expected { size_bytes: 3 * CHUNK as u64, ..expected(&[]) };
    let error = importer.import(&wanted, source).await.unwrap_err();
    sending.abort();
    assert!(is_empty(folder.path()), "{error}");
    error
}

#[tokio::test]
async fn a_sender_that_stalls_is_given_up() {
    let patience = Patience { byte: Duration::from_millis(200), chunk: Duration::from_secs(3600) };
    let error = dribble(CHUNK + 9, Duration::from_secs(3600), patience).await;
    assert!(matches!(error, ImportError::Stalled { received: 4_194_304, .. }), "{error}");
}

#[tokio::test]
async fn a_sender_that_dribbles_is_given_up() {
    let patience = Patience { byte: Duration::from_secs(3600), chunk: Duration::from_millis(300) };
    let error = dribble(9, Duration::from_millis(10), patience).await;
    assert!(matches!(error, ImportError::Stalled { received: 0, .. }), "{error}");
}

#[tokio::test]
async fn a_dropped_import_leaves_nothing_and_frees_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let importer = importer(folder.path());
    let (_sender, never) = tokio::io::duplex(1);
    let wanted = Expected { size_bytes: CHUNK as u64, ..expected(&[]) };
    {
        let import = importer.import(&wanted, never);
        tokio::pin!(import);
        let polled = std::future::poll_fn(|context| Poll::Ready(import.as_mut().poll(context).is_pending()));
        assert!(polled.await);
        assert!(!is_empty(folder.path()));
    }
    assert!(is_empty(folder.path()));
    assert_eq!(importer.slots.available_permits(), PARALLEL);
}

#[tokio::test]
async fn one_import_more_than_allowed_is_refused_as_busy() {
    let folder = tempfile::tempdir().unwrap();
    let importer = importer(folder.path());
    let _held = importer.slots.clone().try_acquire_many_owned(u32::try_from(PARALLEL).unwrap()).unwrap();
    let error = importer.import(&expected(&[0; 512]), &[0; 512][..]).await.unwrap_err();
    assert!(matches!(error, ImportError::Busy), "{error}");
    assert!(!error.is_senders());
}

#[tokio::test]
async fn an_image_that_is_there_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let importer = importer(folder.path());
    let (one, two) = (random(1024, 1), random(512, 2));
    let imported = importer.import(&expected(&one), &one[..]).await.unwrap();
    let error = importer.import(&expected(&two), &two[..]).await.unwrap_err();
    assert!(matches!(error, ImportError::Keep(_)), "{error}");
    assert_eq!(importer.blobs.manifest_bytes(id(1)).unwrap(), imported.manifest.to_bytes());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}
