//! Against a small peer that answers as Keystone does, and misbehaves as told.

use super::*;
use crate::{auth::Role, config::BaseUrl};
use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode as Status},
    response::{IntoResponse, Response as Answer},
    routing::get,
};
use serde_json::Value;
use std::{
    os::unix::fs::PermissionsExt,
    sync::{
        Mutex as Lock,
        atomic::{AtomicU16, AtomicUsize, Ordering},
    },
};

const NOW: Timestamp = Timestamp(1_800_000_000_000);

#[derive(Clone, Default)]
struct Peer(Arc<Told>);

#[derive(Default)]
struct Told {
    /// Answers this status to every question; 0: as it should.
    status: AtomicU16,
    logins: AtomicUsize,
    questions: AtomicUsize,
    own: Lock<String>,
    role: Lock<String>,
}

async fn log_in(State(peer): State<Peer>, Json(body): Json<Value>) -> Answer {
    let user = &body["auth"]["identity"]["password"]["user"];
    let wanted = (&json!("billet"), &json!("Default"), &json!("hunter2"), &json!("service"));
    let scope = &body["auth"]["scope"]["project"]["name"];
    if (&user["name"], &user["domain"]["name"], &user["password"], scope) != wanted {
        return Status::UNAUTHORIZED.into_response();
    }
    let n = peer.0.logins.fetch_add(1, Ordering::SeqCst);
    let token = format!("own-{n}");
    peer.0.own.lock().unwrap().clone_from(&token);
    (Status::CREATED, [("x-subject-token", token)], Json(json!({ "token": {} }))).into_response()
}

async fn show(State(peer): State<Peer>, uri: axum::http::Uri, headers: HeaderMap) -> Answer {
    peer.0.questions.fetch_add(1, Ordering::SeqCst);
    assert_eq!(uri.query(), Some("nocatalog"));
    if let Ok(status) = Status::from_u16(peer.0.status.load(Ordering::SeqCst)) {
        return status.into_response();
    }
    if headers["x-auth-token"] != peer.0.own.lock().unwrap().as_str() {
        return Status::UNAUTHORIZED.into_response();
    }
    let expires_at = match headers["x-subject-token"].to_str().unwrap() {
        "alice" => "2027-01-15T09:00:00.000000Z",
        "short" => "2027-01-15T08:00:10.000000Z",
        _ => return Status::NOT_FOUND.into_response(),
    };
    let role = peer.0.role.lock().unwrap().clone();
    Json(json!({ "token": {
        "expires_at": expires_at,
        "user": { "id": "u1", "name": "alice" },
        "project": { "id": "lab", "name": "lab" },
        "roles": [{ "id": "r", "name": role }],
    }}))
    .into_response()
}

/// The peer, the way to it, and the folder of the password.
async fn peer() -> (Peer, Keystone, tempfile::TempDir) {
    let peer = Peer::default();
    peer.0.role.lock().unwrap().push_str("member");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/identity/", listener.local_addr().unwrap());
    let url = BaseUrl(url.parse().unwrap());
    let router = Router::new().route("/identity/v3/auth/tokens", get(show).post(log_in)).with_state(peer.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let dir = tempfile::tempdir().unwrap();
    let password_file = dir.path().join("password");
    std::fs::write(&password_file, "hunter2\n").unwrap();
    std::fs::set_permissions(&password_file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let config = Config { url, password_file, timeout: Duration::from_secs(5), ..Config::default() };
    (peer, Keystone::new(&config).unwrap(), dir)
}

fn asked(peer: &Peer) -> (usize, usize) {
    (peer.0.logins.load(Ordering::SeqCst), peer.0.questions.load(Ordering::SeqCst))
}

#[tokio::test]
async fn a_good_token_is_asked_about_once_and_then_remembered_until_it_expires() {
    let (peer, keystone, _dir) = peer().await;
    let caller = keystone.check("alice", NOW).await.unwrap();
    assert_eq!(
        (&*caller.name, caller.role, caller.project),
        ("keystone/u1", Role::Tenant, Some("lab".parse().unwrap()))
    );
    keystone.check("alice", NOW.after(Duration::from_secs(299))).await.unwrap();
    assert_eq!(asked(&peer), (1, 1));
    keystone.check("alice", NOW.after(Duration::from_secs(300))).await.unwrap();
    assert_eq!(asked(&peer), (1, 2));
    keystone.check("short", NOW).await.unwrap();
    let late = keystone.check("short", NOW.after(Duration::from_secs(10))).await;
    assert!(matches!(late, Err(Denied::Unknown(_))), "the memory ends with the token: {late:?}");
}

#[tokio::test]
async fn nobodys_token_is_unknown_and_not_asked_about_at_once_again() {
    let (peer, keystone, _dir) = peer().await;
    for _ in 0..3 {
        assert!(matches!(keystone.check("mallory", NOW).await, Err(Denied::Unknown(_))));
    }
    assert_eq!(asked(&peer), (1, 1));
    for never_asked in ["", "a b", "ü", &"a".repeat(MAX_TOKEN_BYTES + 1)] {
        assert!(matches!(keystone.check(never_asked, NOW).await, Err(Denied::Unknown(_))));
    }
    assert_eq!(asked(&peer), (1, 1));
}

#[tokio::test]
async fn our_own_token_is_renewed_once_when_it_is_refused() {
    let (peer, keystone, _dir) = peer().await;
    keystone.check("alice", NOW).await.unwrap();
    peer.0.own.lock().unwrap().push_str("-revoked");
    keystone.check("short", NOW).await.unwrap();
    assert_eq!(asked(&peer), (2, 3));
    peer.0.status.store(401, Ordering::SeqCst);
    assert_eq!(keystone.check("another", NOW).await, Err(Denied::Unavailable));
    assert_eq!(asked(&peer), (3, 5), "once, and no more");
}

#[tokio::test]
async fn an_outage_is_never_a_wrong_token_and_is_not_remembered() {
    let (peer, keystone, dir) = peer().await;
    for status in [500, 503, 403, 429, 302] {
        peer.0.status.store(status, Ordering::SeqCst);
        assert_eq!(keystone.check("alice", NOW).await, Err(Denied::Unavailable), "{status}");
    }
    peer.0.status.store(0, Ordering::SeqCst);
    keystone.check("alice", NOW).await.unwrap();
    // Nothing listens on port 1.
    let nowhere = Config {
        url: BaseUrl("http://127.0.0.1:1".parse().unwrap()),
        password_file: dir.path().join("password"),
        ..Config::default()
    };
    let nowhere = Keystone::new(&nowhere).unwrap();
    assert_eq!(nowhere.check("alice", NOW).await, Err(Denied::Unavailable));
}

#[tokio::test]
async fn a_wrong_password_of_ours_is_an_outage_until_it_is_put_right() {
    let (_peer, keystone, dir) = peer().await;
    let path = dir.path().join("password");
    std::fs::write(&path, "wrong").unwrap();
    assert_eq!(keystone.check("alice", NOW).await, Err(Denied::Unavailable));
    std::fs::write(&path, "hunter2").unwrap();
    keystone.check("alice", NOW).await.unwrap();
}

#[tokio::test]
async fn a_token_without_a_role_of_ours_is_known_and_allows_nothing() {
    let (peer, keystone, _dir) = peer().await;
    *peer.0.role.lock().unwrap() = "admin".into();
    assert!(matches!(keystone.check("alice", NOW).await, Err(Denied::NoRole(_))), "admin of a project is no operator");
}
