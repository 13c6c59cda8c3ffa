use super::*;
use crate::boot::table::tests::{MAC, boot};
use axum::http::{Method, Request};
use tower::ServiceExt;

struct World {
    routes: Router,
    boots: BootTable,
    _dir: tempfile::TempDir,
}

fn world() -> World {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("vmlinuz"), vec![7; PIECE_BYTES + 3]).unwrap();
    std::fs::write(dir.path().join("secret"), "secret").unwrap();
    let place = Place { address: [10, 77, 0, 1].into(), prefix_length: 24, http_port: 8080 };
    let boots = BootTable::new();
    let (loader_dir, ramdisk_dir) = (dir.path().to_owned(), dir.path().to_owned());
    World { routes: routes(Files { boots: boots.clone(), place, loader_dir, ramdisk_dir }), boots, _dir: dir }
}

impl World {
    async fn ask(&self, method: Method, path: &str) -> (StatusCode, Bytes) {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let response = self.routes.clone().oneshot(request).await.unwrap();
        let status = response.status();
        (status, axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap())
    }
}

#[tokio::test]
async fn files_are_there_only_while_their_boot_is_open() {
    let world = world();
    let path = |name: &str| format!("/boot/{MAC}/{name}");
    assert_eq!(world.ask(Method::GET, &path("vmlinuz")).await.0, StatusCode::NOT_FOUND);
    let boot = boot();
    world.boots.open(boot.clone());
    let (status, bytes) = world.ask(Method::GET, &path("vmlinuz")).await;
    assert_eq!((status, bytes.len()), (StatusCode::OK, PIECE_BYTES + 3));
    let (status, script) = world.ask(Method::GET, &path("script.ipxe")).await;
    assert!(status == StatusCode::OK && script.starts_with(b"#!ipxe"));
    for other in ["/boot/52:54:00:00:00:99/vmlinuz", "/boot/x/vmlinuz", &path("secret"), &path("..%2Fsecret"), "/"] {
        assert_eq!(world.ask(Method::GET, other).await.0, StatusCode::NOT_FOUND, "{other}");
    }
    world.boots.close(boot.server_id);
    assert_eq!(world.ask(Method::GET, &path("vmlinuz")).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_identity_is_served_once_and_its_head_never() {
    let (world, boot) = (world(), boot());
    world.boots.open(boot.clone());
    let path = format!("/boot/{MAC}/{}/identity.cpio", boot.id.simple());
    let other = format!("/boot/{MAC}/{}/identity.cpio", Uuid::nil().simple());
    assert_eq!(world.ask(Method::HEAD, &path).await.0, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(world.ask(Method::GET, &other).await.0, StatusCode::NOT_FOUND);
    let (status, archive) = world.ask(Method::GET, &path).await;
    assert!(status == StatusCode::OK && archive.starts_with(b"070701"), "{status}");
    assert_eq!(world.ask(Method::GET, &path).await.0, StatusCode::GONE);
    assert_eq!(world.ask(Method::GET, &format!("/boot/{MAC}/vmlinuz")).await.0, StatusCode::NOT_FOUND, "it is void");
}
