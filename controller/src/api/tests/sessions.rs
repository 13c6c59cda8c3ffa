//! What operators' calls do to sessions that agents have, by real gRPC.

use super::{router, state_of};
use crate::{
    auth::new_token,
    link::tests::door::{Controller, LONG},
};
use axum::{
    Router,
    body::Body,
    http::{Method, Request, StatusCode},
};
use billet_proto::link::OwnedServer;
use serde_json::json;
use std::time::Duration;
use tower::ServiceExt;

/// What an operator is promised.
const PROMISED: Duration = Duration::from_secs(5);
/// Long enough for a session to end that is to go on.
const MOMENT: Duration = Duration::from_millis(200);

/// The agents' door and the operators' API of one controller.
struct Site {
    controller: Controller,
    router: Router,
    admin: String,
    _dir: tempfile::TempDir,
}

impl Site {
    async fn new() -> Self {
        let (controller, dir) = (Controller::new().await, tempfile::tempdir().unwrap());
        let admin = new_token(&controller.world.edge, "admin", None).unwrap();
        let state = state_of(&controller.world, controller.sessions.clone(), (&admin.entry, 50), dir.path());
        Self { controller, router: router(state), admin: admin.text.to_string(), _dir: dir }
    }

    async fn call(&self, method: Method, path: &str, body: impl Into<Body>) {
        let request = Request::builder().method(method).uri(path).header("x-auth-token", &self.admin);
        let response = self.router.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
    }

    /// As an agent that names the world's server in its configuration.
    fn claimed(&self) -> Vec<OwnedServer> {
        let id = self.controller.world.server_id().to_string();
        vec![OwnedServer { id, serial: "SN1".into(), ..OwnedServer::default() }]
    }
}

#[tokio::test]
async fn an_agent_that_an_operator_revokes_has_no_session_any_more() {
    let site = Site::new().await;
    let (mut rack1, mut rack2) = (site.controller.join("rack1").await, site.controller.join("rack2").await);
    let (mut session, mut other) = (rack1.attach(1).await.unwrap(), rack2.attach(1).await.unwrap());
    assert!(!session.ends_within(MOMENT).await);
    site.call(Method::POST, "/admin/v1/agents/rack1/revoke", Body::empty()).await;
    assert!(session.ends_within(PROMISED).await, "it goes on");
    assert!(!other.ends_within(MOMENT).await, "nobody revoked that one");
}

#[tokio::test]
async fn an_agent_that_replaces_another_claims_its_servers_at_once() {
    let site = Site::new().await;
    let (mut old, mut new) = (site.controller.owner().await, site.controller.join("rack1").await);
    let mut before = old.attach_with(1, site.claimed()).await.unwrap();
    let mut waiting = new.attach_with(1, site.claimed()).await.unwrap();
    site.call(Method::POST, "/admin/v1/agents/rack0/revoke", Body::empty()).await;
    assert!(before.ends_within(PROMISED).await, "it goes on");
    assert!(!waiting.ends_within(MOMENT).await, "the server is not its own yet");
    site.call(Method::POST, "/admin/v1/agents/rack0/replace", json!({ "agent_name": "rack1" }).to_string()).await;
    assert!(waiting.ends_within(LONG).await, "it does not claim it again");
    assert!(new.attach_with(1, site.claimed()).await.unwrap().welcome.claims[0].accepted);
}

#[tokio::test]
async fn an_agent_whose_server_an_operator_registers_for_another_is_told_at_once_and_so_is_the_other() {
    let site = Site::new().await;
    let (mut old, mut new) = (site.controller.owner().await, site.controller.join("rack1").await);
    let mut before = old.attach_with(1, site.claimed()).await.unwrap();
    let mut waiting = new.attach_with(1, site.claimed()).await.unwrap();
    assert!(before.welcome.claims[0].accepted && !waiting.welcome.claims[0].accepted);
    let path = format!("/admin/v1/servers/{}", site.controller.world.server_id());
    site.call(Method::PUT, &path, json!({ "agent_name": "rack1" }).to_string()).await;
    assert!(before.ends_within(LONG).await, "it hears nothing of it");
    assert!(waiting.ends_within(LONG).await, "it does not claim it again");
}
