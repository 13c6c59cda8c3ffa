//! A small peer that answers as Keystone does, and misbehaves as told.

use super::{Config, Keystone};
use crate::config::BaseUrl;
use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode as Status},
    response::{IntoResponse, Response as Answer},
    routing::get,
};
use serde_json::{Value, json};
use std::{
    os::unix::fs::PermissionsExt,
    sync::{
        Arc, Mutex as Lock,
        atomic::{AtomicU16, AtomicUsize, Ordering},
    },
    time::Duration,
};

#[derive(Clone, Default)]
pub(crate) struct Peer(pub(super) Arc<Told>);

#[derive(Default)]
pub(super) struct Told {
    /// Answers this status to every question; 0: as it should.
    pub(super) status: AtomicU16,
    logins: AtomicUsize,
    questions: AtomicUsize,
    pub(super) own: Lock<String>,
    pub(super) role: Lock<String>,
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
pub(crate) async fn peer() -> (Peer, Keystone, tempfile::TempDir) {
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

impl Peer {
    /// How often one of us logged in, and how many questions there were.
    pub(crate) fn asked(&self) -> (usize, usize) {
        (self.0.logins.load(Ordering::SeqCst), self.0.questions.load(Ordering::SeqCst))
    }
}
