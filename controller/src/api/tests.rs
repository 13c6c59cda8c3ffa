//! Whole calls against the router, with a real store and a real life cycle.

mod access;
mod creation;
mod document;
mod images;
mod listing;
mod networks;
mod operate;
mod parameter_plane;
mod receipts;
mod reservations;
mod rows;
mod servers;
mod sessions;
mod streams;

use super::{AppState, AuditLog, Once, Rates, router};
use crate::{
    auth::{Authenticator, CurrentTokens, Role, Tokens, new_token, new_token_of},
    ca::Ca,
    images::{Blobs, ImageService},
    lifecycle::tests::world::World,
    link::{JoinTokens, Sessions},
    password::Hasher,
};
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Method, Request, StatusCode},
};
use serde_json::{Value, json};
use std::{
    path::Path,
    sync::{Arc, atomic::AtomicU32},
};
use tower::ServiceExt;

struct Api {
    world: World,
    router: Router,
    state: AppState,
    hasher: Hasher,
    tenant: String,
    stranger: String,
    admin: String,
    reader: String,
    /// The token file's text.
    tokens: String,
    /// Peers that [`Self::bare`] called from.
    peers: AtomicU32,
    dir: tempfile::TempDir,
}

impl Api {
    async fn new(burst: u32) -> Self {
        Self::of(World::new().await, burst).await
    }

    async fn of(world: World, burst: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let token = |name: &str, project: Option<&str>| {
            let project = project.map(|project| project.parse().unwrap());
            new_token(&world.edge, name, project.as_ref()).unwrap()
        };
        let lab = "lab".parse().unwrap();
        let reader = new_token_of(&world.edge, "reader", Some(&lab), Role::ReadOnly).unwrap();
        let all = [token("tenant", Some("lab")), token("stranger", Some("other")), token("admin", None), reader];
        let text: String = all.iter().map(|token| format!("{}\n", token.entry)).collect();
        let [tenant, stranger, admin, reader] = all.map(|token| token.text.to_string());
        let sessions = Sessions::new(world.store.clone());
        let state = state_of(&world, sessions, (&text, burst), dir.path());
        Self {
            router: router(state.clone()),
            hasher: state.hasher.clone(),
            state,
            world,
            tenant,
            stranger,
            admin,
            reader,
            tokens: text,
            peers: AtomicU32::new(0),
            dir,
        }
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: impl Into<Body>,
    ) -> (StatusCode, HeaderMap, Value) {
        let request =
            Request::builder().method(method).uri(path).header("x-auth-token", token).body(body.into()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, headers, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        let (status, _, body) = self.call(Method::GET, path, &self.tenant, Body::empty()).await;
        (status, body)
    }

    async fn create(&self, token: &str, body: &Value) -> (StatusCode, HeaderMap, Value) {
        self.call(Method::POST, "/v1/lab/instances", token, body.to_string()).await
    }
}

/// What the router has: these tokens, and the sessions of the door that agents call, where there is one.
fn state_of(world: &World, sessions: Sessions, (tokens, burst): (&str, u32), dir: &Path) -> AppState {
    let ca = Arc::new(Ca::load_or_create(dir, &world.edge).unwrap());
    let blobs = Blobs::new(&dir.join("images")).unwrap();
    AppState {
        store: world.store.clone(),
        edge: world.edge.clone(),
        auth: Authenticator {
            tokens: Some(CurrentTokens::new(Tokens::parse(tokens).unwrap())),
            ..Authenticator::default()
        },
        audit: AuditLog::spawn(world.store.clone()),
        once: Once::new(world.sealer.clone()),
        rates: Rates::new(1, burst),
        hasher: Hasher::new(1, &world.edge),
        lifecycle: Arc::new(world.lifecycle.clone()),
        presence: Arc::new(sessions),
        images: Arc::new(ImageService::new(world.store.clone(), world.edge.clone(), blobs)),
        enrolment: Arc::new(JoinTokens::new(world.store.clone(), world.edge.clone(), ca)),
        secrets: Arc::new(world.secrets.clone()),
    }
}

fn code(body: &Value) -> &str {
    body["error_code"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn the_order_of_checks_is_token_rate_validation_and_then_the_hash() {
    let api = Api::new(2).await;
    let bad = json!({ "name": "x", "password": "short" });
    let (status, headers, body) = api.create("nobody's", &bad).await;
    assert_eq!((status, code(&body)), (StatusCode::UNAUTHORIZED, "iMetal.0003"));
    assert!(headers.contains_key("x-request-id"));
    let (status, _, body) = api.create(&api.stranger, &bad).await;
    assert_eq!((status, code(&body)), (StatusCode::FORBIDDEN, "iMetal.0004"));
    let (status, _, body) = api.create(&api.tenant, &bad).await;
    assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, "iMetal.0001"));
    assert!(!body.to_string().contains("short"), "a refusal never repeats a password: {body}");
    let mut named = api.world.body();
    named["password"] = "xxTOORxx-1".into();
    let (status, _, body) = api.create(&api.tenant, &named).await;
    assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, "iMetal.0001"), "{body}");
    let (status, headers, body) = api.create(&api.tenant, &bad).await;
    assert_eq!((status, code(&body)), (StatusCode::TOO_MANY_REQUESTS, "iMetal.0005"));
    assert!(headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() >= 1);
    assert_eq!(api.hasher.begun(), 0, "none of these cost a hash");
    assert!(api.world.sent().is_empty());
}

#[tokio::test]
async fn the_rate_is_limited_whatever_is_asked_for() {
    let api = Api::new(2).await;
    for expected in [StatusCode::FORBIDDEN, StatusCode::FORBIDDEN, StatusCode::TOO_MANY_REQUESTS] {
        let (status, _, _) = api.call(Method::GET, "/v1/lab/instances", &api.stranger, Body::empty()).await;
        assert_eq!(status, expected);
    }
}

#[tokio::test]
async fn an_accepted_create_is_there_for_its_project_alone() {
    let api = Api::new(50).await;
    let (status, _, body) = api.create(&api.tenant, &api.world.body()).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{body}");
    let id = body["instance_id"].as_str().unwrap().to_owned();
    assert_eq!(api.hasher.begun(), 1);
    let (_, status) = api.get(&format!("/v1/lab/instances/{id}/status")).await;
    assert_eq!(status, json!({ "state": "pending", "operation_state": "install-processing" }));
    let (_, shown) = api.get(&format!("/v1/lab/instances/{id}")).await;
    assert_eq!((&shown["metadata"]["role"], &shown["phase"]), (&json!("front"), &json!("waiting")));
    assert!(shown.get("password").is_none() && !shown.to_string().contains("$6$"));
    let (_, list) = api.get("/v1/lab/instances").await;
    assert_eq!((&list["count"], list["instances"].as_array().unwrap().len()), (&json!(1), 1));
    let (_, events) = api.get(&format!("/v1/lab/instances/{id}/events?after=0&wait=1")).await;
    assert_eq!(events["events"][0]["kind"], "accepted");
    let (status, _, body) =
        api.call(Method::GET, &format!("/v1/other/instances/{id}"), &api.stranger, Body::empty()).await;
    assert_eq!((status, code(&body)), (StatusCode::NOT_FOUND, "iMetal.0200"));
    let (status, _, _) =
        api.call(Method::DELETE, &format!("/v1/other/instances/{id}"), &api.stranger, Body::empty()).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, _, body) = api.create(&api.tenant, &api.world.body()).await;
    assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, "iMetal.0101"), "the one server is taken: {body}");
    for expected in [StatusCode::NO_CONTENT, StatusCode::NO_CONTENT] {
        let (status, ..) =
            api.call(Method::DELETE, &format!("/v1/lab/instances/{id}"), &api.tenant, Body::empty()).await;
        assert_eq!(status, expected);
    }
    let (_, status) = api.get(&format!("/v1/lab/instances/{id}/status")).await;
    assert_eq!(status["state"], "shutting-down");
}

#[tokio::test]
async fn every_error_has_the_same_shape() {
    let api = Api::new(50).await;
    for (method, path, status, expected) in [
        (Method::GET, "/v1/lab/nothing", StatusCode::NOT_FOUND, "iMetal.0904"),
        (Method::GET, "/nothing", StatusCode::NOT_FOUND, "iMetal.0904"),
        (Method::PUT, "/v1/lab/vpcs", StatusCode::METHOD_NOT_ALLOWED, "iMetal.0905"),
        (Method::GET, "/v1/lab/instances/x", StatusCode::NOT_FOUND, "iMetal.0200"),
        (Method::GET, "/v1/lab/physicalservers/x", StatusCode::NOT_FOUND, "iMetal.0100"),
        (Method::GET, "/v1/lab/instances?limit=ten", StatusCode::BAD_REQUEST, "iMetal.0001"),
        (Method::POST, "/v1/lab/vpcs", StatusCode::BAD_REQUEST, "iMetal.0001"),
        (Method::GET, "/admin/v1/agents", StatusCode::FORBIDDEN, "iMetal.0004"),
    ] {
        let (got, headers, body) = api.call(method, path, &api.tenant, Body::empty()).await;
        assert_eq!((got, code(&body)), (status, expected), "{path}: {body}");
        assert!(headers.contains_key("x-request-id") && body["error_msg"].is_string(), "{path}");
    }
}

#[tokio::test]
async fn an_image_that_is_not_what_was_announced_leaves_nothing() {
    let api = Api::new(50).await;
    let query =
        |sha256: &str, size: u64| format!("/v1/lab/images?name=a&os_type=Linux&sha256={sha256}&size_bytes={size}");
    let zeros = vec![0u8; 1024];
    // By `head -c 1024 /dev/zero | sha256sum`.
    let right = "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";
    for (sha256, size) in [("00".repeat(32).as_str(), 1024), (right, 512), (right, 2048)] {
        let (status, _, body) = api.call(Method::POST, &query(sha256, size), &api.tenant, zeros.clone()).await;
        assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, "iMetal.0001"), "{body}");
        let (_, list) = api.get("/v1/lab/images").await;
        assert_eq!(list["images"].as_array().unwrap().len(), 1, "only the one that was there");
        assert_eq!(std::fs::read_dir(api.dir.path().join("images")).unwrap().count(), 0);
    }
    let (status, _, body) = api.call(Method::POST, &query(right, 1024), &api.tenant, zeros.clone()).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    let shared = format!("{}&shared=true", query(right, 1024));
    let (status, ..) = api.call(Method::POST, &shared, &api.tenant, zeros).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn networks_lie_in_each_other_and_servers_need_an_agent_that_joined() {
    let api = Api::new(50).await;
    let vpc = api.world.vpc.to_string();
    let subnet = |cidr: &str, gateway: &str| {
        json!({ "subnet": { "name": "s", "cidr": cidr, "gateway_ip": gateway, "vpc_id": vpc } }).to_string()
    };
    for (cidr, gateway, status) in [
        ("10.20.1.0/24", "10.20.1.1", StatusCode::CREATED),
        ("10.20.1.0/25", "10.20.1.1", StatusCode::BAD_REQUEST),
        ("10.21.0.0/24", "10.21.0.1", StatusCode::BAD_REQUEST),
    ] {
        let (got, _, body) = api.call(Method::POST, "/v1/lab/subnets", &api.tenant, subnet(cidr, gateway)).await;
        assert_eq!(got, status, "{cidr}: {body}");
    }
    let path = format!("/admin/v1/servers/{}", api.world.server_id());
    let (status, _, body) =
        api.call(Method::PUT, &path, &api.admin, json!({ "agent_name": "nobody" }).to_string()).await;
    assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, "iMetal.0001"));
    let (status, _, body) =
        api.call(Method::PUT, &path, &api.admin, json!({ "agent_name": "rack0" }).to_string()).await;
    assert_eq!((status, &body["manage_state"]), (StatusCode::OK, &json!("ready")), "{body}");
    let (status, _, body) = api
        .call(Method::POST, "/admin/v1/agents/join-tokens", &api.admin, json!({ "agent_name": "rack1" }).to_string())
        .await;
    assert_eq!(status, StatusCode::CREATED);
    assert!(body["token"].as_str().unwrap().starts_with("billet-join-v1."));
}

#[tokio::test]
async fn a_password_is_judged_before_servers_and_an_image_that_nothing_installs_is_refused() {
    let api = Api::new(50).await;
    api.create(&api.tenant, &api.world.body()).await;
    let mut body = api.world.body();
    body["password"] = "xxTOORxx-1".into();
    let (_, _, refused) = api.create(&api.tenant, &body).await;
    assert_eq!(code(&refused), "iMetal.0001", "no server is free, and that is not what is wrong first: {refused}");
    assert!(refused.to_string().contains("password"), "{refused}");
    let windows = billet_proto::ImageId::new(api.world.edge.id());
    let (known, store) = (api.world.image, api.world.store.clone());
    let inserted = store.run(move |tx| {
        let image = tx.image(known)?.unwrap();
        tx.insert_image(&crate::store::record::Image { id: windows, os_type: "Windows".into(), ..image })
    });
    inserted.await.unwrap();
    let mut body = api.world.body();
    body["image_id"] = windows.to_string().into();
    let (status, _, refused) = api.create(&api.tenant, &body).await;
    assert_eq!((status, code(&refused)), (StatusCode::BAD_REQUEST, "iMetal.0001"));
    assert!(refused.to_string().contains("image_id") && refused.to_string().contains("Linux"), "{refused}");
    assert_eq!(api.hasher.begun(), 1, "only the first cost a hash");
}
