//! Against a small HTTP server on loopback, which is reached because the rules name 127.0.0.1 as private.

use super::*;
use crate::{
    api::ports::ImageImport as _, images::ImageService, lifecycle::tests::world::World, request::ImageOs,
    store::sqlite::SqliteStore,
};
use sha2::{Digest, Sha256};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

fn image() -> Vec<u8> {
    let mut bytes = vec![0; 4096];
    bytes[510..512].copy_from_slice(&[0x55, 0xaa]);
    bytes
}

/// Answers each path in its own way, until the test ends. Answers its port.
async fn serve() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = [0; 2048];
                let length = stream.read(&mut head).await.unwrap();
                let head = String::from_utf8_lossy(&head[..length]).into_owned();
                let path = head.split_whitespace().nth(1).unwrap_or_default().to_owned();
                let found =
                    |location: &str| format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
                let whole =
                    |length: usize| format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
                let (answer, body) = match path.split('?').next().unwrap_or_default() {
                    "/good" => (whole(4096), image()),
                    "/moved" => (found("/good"), vec![]),
                    "/circle" => (found("/circle"), vec![]),
                    "/to-file" => (found("file:///etc/passwd"), vec![]),
                    "/to-evil" => (found("http://evil.example/a"), vec![]),
                    "/to-metadata" => (found("http://169.254.169.254/latest"), vec![]),
                    "/to-localhost" => (found(&format!("http://localhost:{port}/good")), vec![]),
                    "/paced" => (whole(4096), vec![]),
                    "/short" | "/slow" => (whole(4096), vec![0; 1024]),
                    "/qcow2" => (whole(4096), [b"QFI\xfb".to_vec(), vec![0; 4092]].concat()),
                    "/chunked" => ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n".into(), vec![]),
                    _ => ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".into(), vec![]),
                };
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.write_all(&body).await;
                if path == "/paced" {
                    tokio::time::sleep(Duration::from_millis(500)).await;
                    let _ = stream.write_all(&image()).await;
                }
                if path == "/slow" {
                    tokio::time::sleep(Duration::from_secs(60)).await;
                }
            });
        }
    });
    port
}

struct Fixture {
    world: World,
    service: ImageService,
    dir: tempfile::TempDir,
    port: u16,
}

impl Fixture {
    async fn new(change: impl FnOnce(&mut Images)) -> Self {
        Self::over(World::new().await, change).await
    }

    async fn over(world: World, change: impl FnOnce(&mut Images)) -> Self {
        let mut rules = Images {
            url_schemes: vec!["http".into()],
            url_hosts: vec!["127.0.0.1".into(), "localhost".into(), "169.254.169.254".into()],
            url_private_hosts: vec!["127.0.0.1".into()],
            url_idle: Duration::from_millis(300),
            ..Images::default()
        };
        change(&mut rules);
        let (dir, port) = (tempfile::tempdir().unwrap(), serve().await);
        let blobs = Blobs::new(dir.path()).unwrap();
        let service = ImageService::fetching(world.store.clone(), world.edge.clone(), blobs, rules);
        Self { world, service, dir, port }
    }

    async fn accept(&self, url: &str, sha256: Option<[u8; 32]>) -> Result<ImageImport, ImportRefusal> {
        let project: billet_proto::ProjectId = "lab".parse().unwrap();
        let (name, os, url) = ("fetched".into(), ImageOs::Linux, url.parse().unwrap());
        let (project_id, by_project) = (Some(project.clone()), project);
        self.service.import_url(ImportImage { project_id, by_project, name, os, url, sha256 }).await
    }

    /// Waits for the import's end: the image, or why not.
    async fn fetched(&self, url: &str, sha256: Option<[u8; 32]>) -> Result<Image, String> {
        let id = self.accept(url, sha256).await.unwrap().id;
        for _ in 0..1000 {
            let (image, import) =
                self.world.store.read(move |tx| Ok((tx.image(id)?, tx.image_import(id)?))).await.unwrap();
            match (image, import) {
                (Some(image), None) => return Ok(image),
                (None, Some(import)) if import.status == ImportStatus::Killed => return Err(import.reason),
                _ => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
        panic!("{url} did not end");
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    fn is_empty(&self) -> bool {
        std::fs::read_dir(self.dir.path()).unwrap().next().is_none()
    }
}

#[tokio::test]
async fn an_image_is_fetched_over_a_redirection_and_keeps_its_id() {
    let fixture = Fixture::new(|_| {}).await;
    let digest: [u8; 32] = Sha256::digest(image()).into();
    let got = fixture.fetched(&fixture.url("/moved"), Some(digest)).await.unwrap();
    assert_eq!((got.size_bytes, got.sha256), (4096, hex::encode(digest)));
    let got = fixture.fetched(&fixture.url("/good"), None).await.unwrap();
    assert_eq!(got.sha256, hex::encode(digest), "what was not announced is computed");
    assert_eq!(std::fs::read_dir(fixture.dir.path()).unwrap().count(), 4);
}

#[tokio::test]
async fn what_is_not_allowed_or_not_whole_is_killed_with_the_reason_and_leaves_nothing() {
    let fixture = Fixture::new(|_| {}).await;
    let localhost = format!("http://localhost:{}/good", fixture.port);
    for (url, expected) in [
        (fixture.url("/to-file"), "the scheme file is not among those that the operator allows"),
        (fixture.url("/to-evil"), "the host evil.example is not among those that the operator allows"),
        (fixture.url("/to-metadata"), "the host 169.254.169.254 has an address that is not the public network's"),
        (fixture.url("/to-localhost"), "the host localhost has an address that is not the public network's"),
        (localhost, "the host localhost has an address that is not the public network's"),
        (fixture.url("/circle"), "the server redirects more than 5 times"),
        (fixture.url("/missing"), "the server answers 404 Not Found"),
        (fixture.url("/chunked"), "the server does not tell how long the image is"),
        (fixture.url("/short"), "read the image"),
        (fixture.url("/slow"), "read the image"),
        (fixture.url("/qcow2"), "it is a qcow2 image; only raw images are taken"),
    ] {
        let reason = fixture.fetched(&url, None).await.unwrap_err();
        assert!(reason.contains(expected), "{url}: {reason}");
        assert!(fixture.is_empty(), "{url}");
    }
    let reason = fixture.fetched(&fixture.url("/good?signature=secret"), Some([7; 32])).await.unwrap_err();
    assert!(reason.contains("its SHA-256 is"), "{reason}");
    assert!(fixture.is_empty());
}

#[tokio::test]
async fn size_and_time_are_bounded() {
    let small = Fixture::new(|rules| rules.url_max_bytes = 4095).await;
    let reason = small.fetched(&small.url("/good"), None).await.unwrap_err();
    assert_eq!(reason, "fetch the image: the image has 4096 bytes, and 4095 are allowed");
    let hasty = Fixture::new(|rules| {
        rules.url_idle = Duration::from_secs(60);
        rules.url_timeout = Duration::from_millis(300);
    });
    let hasty = hasty.await;
    let reason = hasty.fetched(&hasty.url("/slow"), None).await.unwrap_err();
    assert!(reason.contains("it took longer than"), "{reason}");
    assert!(hasty.is_empty());
}

#[tokio::test]
async fn an_image_that_came_in_time_is_kept_however_long_its_record_takes() {
    let dir = tempfile::tempdir().unwrap();
    let store = Handle::threaded(SqliteStore::open(&dir.path().join("db")).unwrap()).unwrap();
    let world = World::over(store).await;
    let fixture = Fixture::over(world, |rules| {
        rules.url_idle = Duration::from_secs(60);
        rules.url_timeout = Duration::from_secs(2);
    });
    let fixture = fixture.await;
    let id = fixture.accept(&fixture.url("/paced"), None).await.unwrap().id;
    let status = async || fixture.world.store.read(move |tx| tx.image_import(id)).await.unwrap().unwrap().status;
    while status().await != ImportStatus::Saving {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // The image is whole long before the limit; the store has time for its record only after it.
    let busy = fixture.world.store.read(|_| {
        std::thread::sleep(Duration::from_secs(3));
        Ok(())
    });
    busy.await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(fixture.world.store.read(move |tx| tx.image(id)).await.unwrap().is_some());
    assert!(!fixture.is_empty(), "what the record names is there");
}

#[tokio::test]
async fn a_url_that_is_not_allowed_is_refused_at_once_and_no_secret_of_one_is_kept() {
    let fixture = Fixture::new(|_| {}).await;
    for (url, expected) in [
        ("https://127.0.0.1/a", "the scheme https"),
        ("file://localhost/etc/passwd", "the scheme file"),
        ("http://evil.example/a", "the host evil.example"),
        ("http://0x7f.0.0.2/a", "the host 127.0.0.2"),
        ("http://[::ffff:127.0.0.1]/a", "the host ::ffff:7f00:1"),
        ("http://user:password@127.0.0.1/a?token=secret", "a user or a password"),
    ] {
        let Err(ImportRefusal::Invalid(invalid)) = fixture.accept(url, None).await else { panic!("{url}") };
        let told = invalid.to_string();
        assert!(invalid.field == "url" && told.contains(expected), "{url}: {told}");
        assert!(!told.contains("secret") && !told.contains("password@"), "{told}");
    }
    let accepted = fixture.accept(&fixture.url("/good?token=secret#x"), None).await.unwrap();
    assert_eq!(accepted.url, fixture.url("/good"));
    let closed = Fixture::new(|rules| *rules = Images::default()).await;
    assert!(matches!(closed.accept(&closed.url("/good"), None).await, Err(ImportRefusal::Invalid(_))));
}

#[tokio::test]
async fn an_import_is_fetched_when_its_caller_hangs_up_before_the_answer() {
    let dir = tempfile::tempdir().unwrap();
    let store = Handle::threaded(SqliteStore::open(&dir.path().join("db")).unwrap()).unwrap();
    let fixture = Fixture::over(World::over(store).await, |_| {}).await;
    // Once: the work is handed to the store's thread, and nobody waits for it any more.
    let answer = futures_util::FutureExt::now_or_never(fixture.accept(&fixture.url("/good"), None));
    assert!(answer.is_none());
    for _ in 0..1000 {
        let (images, waiting) =
            fixture.world.store.read(|tx| Ok((tx.images()?, tx.unfinished_image_imports()?))).await.unwrap();
        if images.len() == 2 && waiting.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nobody fetches it");
}

#[tokio::test]
async fn an_import_that_a_stop_cut_off_is_killed_at_the_next_start() {
    let fixture = Fixture::new(|rules| rules.url_idle = Duration::from_secs(60)).await;
    let id = fixture.accept(&fixture.url("/slow"), None).await.unwrap().id;
    fixture.service.remove_orphans().await.unwrap();
    let import = fixture.world.store.read(move |tx| tx.image_import(id)).await.unwrap().unwrap();
    assert_eq!(import.status, ImportStatus::Killed);
    assert_eq!(import.reason, "the controller was started again meanwhile");
    assert!(import.ended_at.is_some());
}
