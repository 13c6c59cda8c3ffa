//! Who may call what: every route of the router's own table, with each wrong credential.

use super::{Api, code, document::routes};
use crate::{
    api::{AppState, router},
    auth::{Authenticator, keystone_peer},
    store::InstancesWanted,
};
use axum::{
    body::{Body, to_bytes},
    extract::ConnectInfo,
    http::{Method, Request, StatusCode},
};
use billet_proto::ProjectId;
use serde_json::{Value, json};
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::atomic::Ordering,
    time::Instant,
};
use tower::ServiceExt;

const OPEN: [&str; 2] = ["/healthz", "/openapi.json"];

/// All instances of a project.
fn all_of(project: ProjectId) -> InstancesWanted {
    let (ids, servers, states) = (vec![], vec![], vec![]);
    InstancesWanted { project, ids, servers, states, name: None, tag: None, marker: None, limit: 1000 }
}

impl Api {
    /// A call with these headers and no other, from a peer of its own: no limit of a peer is in its way.
    async fn bare(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> (StatusCode, Value) {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let peer = Ipv4Addr::from_bits(self.peers.fetch_add(1, Ordering::Relaxed));
        request = request.extension(ConnectInfo(SocketAddr::from((peer, 1))));
        let response = self.router.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
        let status = response.status();
        assert!(response.headers().contains_key("x-request-id"), "{path}");
        let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    /// All that a caller could have changed.
    async fn everything(&self) -> String {
        let rows = self.world.store.read(|tx| {
            let lab: ProjectId = "lab".parse().unwrap();
            let mut instances = Vec::new();
            for project in [lab.clone(), "other".parse().unwrap()] {
                for listed in tx.list_instances(&all_of(project))?.0 {
                    instances.push(tx.instance(listed.id)?);
                }
            }
            Ok(format!(
                "{:?} {:?} {:?} {:?} {:?} {:?} {:?}",
                instances,
                tx.servers()?,
                tx.agents()?,
                tx.images()?,
                tx.vpcs(&lab, None, 1000)?,
                tx.subnets(&lab, None, None, 1000)?,
                tx.quota(Some(&lab))?
            ))
        });
        rows.await.unwrap()
    }
}

#[tokio::test]
async fn no_route_does_anything_without_the_right_credential() {
    let api = Api::new(100_000).await;
    let (_, _, body) = api.create(&api.tenant, &api.world.body()).await;
    let id = body["instance_id"].as_str().unwrap().to_owned();
    let before = api.everything().await;
    let (unknown, forbidden) = ((StatusCode::UNAUTHORIZED, "iMetal.0003"), (StatusCode::FORBIDDEN, "iMetal.0004"));
    let mut walked = 0;
    for (pattern, method) in routes(&api).await {
        if OPEN.contains(&pattern.as_str()) {
            continue;
        }
        let method: Method = method.to_uppercase().parse().unwrap();
        let path = pattern.replace("{project_id}", "lab").replace("{id}", &id).replace(['{', '}'], "");
        let lies = [("x-project-id", "lab"), ("x-roles", "admin,operator"), ("x-is-admin-project", "True")];
        let with = |token| [&[("x-auth-token", token)][..], &lies].concat();
        let forged = "SDK-HMAC-SHA256 Access=a, SignedHeaders=host;x-sdk-date, Signature=00";
        for (what, headers, expected) in [
            ("no credential", lies.to_vec(), unknown),
            ("an unknown token", with("nobody's"), unknown),
            ("a forged signature", [&[("authorization", forged)][..], &lies].concat(), unknown),
            ("another project's token", with(&api.stranger), forbidden),
        ] {
            let (status, body) = api.bare(method.clone(), &path, &headers, "{}").await;
            assert_eq!((status, code(&body)), expected, "{what}: {method} {pattern}: {body}");
        }
        if pattern.starts_with("/admin") {
            let (status, body) = api.bare(method.clone(), &path, &with(&api.tenant), "{}").await;
            assert_eq!((status, code(&body)), forbidden, "{method} {pattern}");
        }
        walked += 1;
    }
    assert!(walked > 20, "{walked} routes");
    assert_eq!(api.everything().await, before);
}

#[tokio::test]
async fn a_flood_of_invented_tokens_does_not_become_one_of_questions_to_keystone() {
    let api = Api::new(100_000).await;
    let (keystone, way, _password) = keystone_peer::peer().await;
    let auth = Authenticator { keystone: Some(way), ..api.state.auth.clone() };
    let api = Api { router: router(AppState { auth, ..api.state.clone() }), ..api };
    let list = async |token: &str| api.call(Method::GET, "/v1/lab/instances", token, Body::empty()).await;
    let (mut limited, began) = (0, Instant::now());
    for n in 0..300 {
        let (status, headers, _) = list(&format!("invented-{n}")).await;
        match status {
            StatusCode::UNAUTHORIZED => {}
            StatusCode::TOO_MANY_REQUESTS => {
                limited += 1;
                assert!(headers.contains_key("retry-after"));
            }
            other => panic!("{other}"),
        }
    }
    let (_, questions) = keystone.asked();
    assert_eq!(questions + limited, 300);
    let seconds = usize::try_from(began.elapsed().as_secs()).unwrap();
    assert!(questions <= 50 * (seconds + 2), "{questions} questions in {seconds} s");
    let known = [("x-auth-token", api.tenant.as_str())];
    let (status, ..) = api.bare(Method::GET, "/v1/lab/instances", &known, "").await;
    assert_eq!(status, StatusCode::OK, "who is known here is not in its way");
    let (status, ..) = api.bare(Method::GET, "/v1/lab/instances", &[("x-auth-token", "alice")], "").await;
    assert_eq!(status, StatusCode::OK, "nor is who calls from elsewhere");
}

#[tokio::test]
async fn a_reader_reads_and_changes_nothing() {
    let api = Api::new(100_000).await;
    let before = api.everything().await;
    for (pattern, method) in routes(&api).await {
        if OPEN.contains(&pattern.as_str()) {
            continue;
        }
        let path = pattern.replace("{project_id}", "lab").replace(['{', '}'], "");
        let method: Method = method.to_uppercase().parse().unwrap();
        let (status, body) = api.bare(method.clone(), &path, &[("x-auth-token", &api.reader)], "{}").await;
        let refused = method != Method::GET || pattern.starts_with("/admin") || pattern.ends_with("console-address");
        assert_eq!(code(&body) == "iMetal.0004", refused, "{method} {pattern}: {status} {body}");
    }
    assert_eq!(api.everything().await, before);
}

#[tokio::test]
async fn every_change_is_written_down_with_who_what_and_how_it_ended() {
    let api = Api::new(1000).await;
    let (_, _, body) = api.create(&api.tenant, &api.world.body()).await;
    let id = body["instance_id"].as_str().unwrap().to_owned();
    let path = format!("/v1/lab/instances/{id}");
    api.call(Method::GET, &path, &api.tenant, Body::empty()).await;
    api.call(Method::DELETE, &path, &api.stranger, Body::empty()).await;
    let (_, headers, _) = api.call(Method::DELETE, &path, &api.tenant, Body::empty()).await;
    let audit = async |query: &str| {
        let path = format!("/admin/v1/audit?{query}");
        let (status, _, body) = api.call(Method::GET, &path, &api.admin, Body::empty()).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body
    };
    let all = audit("").await;
    let shown: Vec<(&str, &str, u64, &str)> = all["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            let text = |name: &str| entry[name].as_str().unwrap_or_default();
            (text("caller"), text("action"), entry["status"].as_u64().unwrap(), text("error_code"))
        })
        .collect();
    let delete = "DELETE /v1/{project_id}/instances/{id}";
    assert_eq!(
        shown,
        [
            ("tenant", delete, 204, ""),
            ("stranger", delete, 403, "iMetal.0004"),
            ("tenant", "POST /v1/{project_id}/instances", 202, ""),
        ]
    );
    assert!(all["entries"].as_array().unwrap().iter().all(|entry| entry["objects"] == json!([id])), "{all}");
    assert_eq!(all["entries"][0]["request_id"].as_str().unwrap(), headers["x-request-id"]);
    let password = api.world.body()["password"].as_str().unwrap().to_owned();
    assert!(!all.to_string().contains(&password));
    let page = audit("limit=1").await;
    assert_eq!(page["page_info"]["next_marker"], page["entries"][0]["seq"].to_string());
    assert_eq!(audit("limit=1&marker=2").await["entries"][0]["seq"], 1);
    assert_eq!(audit("caller=stranger").await["entries"].as_array().unwrap().len(), 1);
    assert_eq!(audit(&format!("object={id}&project_id=lab")).await["entries"].as_array().unwrap().len(), 3);
    let (status, ..) = api.call(Method::GET, "/admin/v1/audit?from=now", &api.admin, Body::empty()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_creation_with_a_client_token_is_done_once() {
    let api = Api::new(1000).await;
    let body = api.world.body().to_string();
    let create = async |token: &str, body: &str| {
        let headers = [("x-auth-token", api.tenant.as_str()), ("x-client-token", token)];
        api.bare(Method::POST, "/v1/lab/instances", &headers, body).await
    };
    let (one, two) = tokio::join!(create("t", &body), create("t", &body));
    assert_eq!(one.0, StatusCode::ACCEPTED, "{}", one.1);
    assert_eq!(one, two, "the second waited for the first");
    assert_eq!(create("t", &body).await, one);
    assert_eq!(api.hasher.begun(), 1);
    let mut other = api.world.body();
    other["name"] = "other".into();
    let (status, refused) = create("t", &other.to_string()).await;
    assert_eq!((status, code(&refused)), (StatusCode::BAD_REQUEST, "iMetal.0001"));
    assert!(refused.to_string().contains("X-Client-Token"), "{refused}");
    for bad in ["", &"x".repeat(65)] {
        assert_eq!(create(bad, &body).await.0, StatusCode::BAD_REQUEST, "{bad}");
    }
    let (status, refused) = create("another", &body).await;
    assert_eq!((status, code(&refused)), (StatusCode::BAD_REQUEST, "iMetal.0101"), "another token is another creation");
    api.world.clock.advance(std::time::Duration::from_secs(24 * 60 * 60));
    let (status, refused) = create("t", &body).await;
    assert_eq!((status, code(&refused)), (StatusCode::BAD_REQUEST, "iMetal.0101"), "it was forgotten: {refused}");
}

#[tokio::test]
async fn no_more_is_created_than_the_quota_says() {
    let api = Api::new(1000).await;
    let path = "/admin/v1/projects/lab/quota";
    let (status, _, body) = api.call(Method::PUT, path, &api.admin, r#"{"instances":0}"#).await;
    assert_eq!((status, &body["quota"]["instances"]), (StatusCode::OK, &json!(0)), "{body}");
    let (status, _, body) = api.create(&api.tenant, &api.world.body()).await;
    assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, "iMetal.0920"), "{body}");
    let (_, limits) = api.get("/v1/lab/limits").await;
    assert_eq!(
        (&limits["absolute"]["maxTotalInstances"], &limits["absolute"]["totalInstancesUsed"]),
        (&json!(0), &json!(0))
    );
    let (status, ..) = api.call(Method::DELETE, path, &api.admin, Body::empty()).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (status, _, body) = api.create(&api.tenant, &api.world.body()).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{body}");
    let (_, limits) = api.get("/v1/lab/limits").await;
    assert_eq!(limits["absolute"]["totalInstancesUsed"], 1);
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_with_a_code() {
    let api = Api::new(1000).await;
    let long = " ".repeat((1 << 20) + 1);
    for path in ["/v1/lab/instances", "/v1/lab/vpcs", "/admin/v1/agents/join-tokens"] {
        let (status, body) = api.bare(Method::POST, path, &[("x-auth-token", &api.admin)], &long).await;
        assert_eq!((status, code(&body)), (StatusCode::PAYLOAD_TOO_LARGE, "iMetal.0906"), "{path}");
        let announced = [("x-auth-token", api.admin.as_str()), ("content-length", "99999999999")];
        let (status, _) = api.bare(Method::POST, path, &announced, "{}").await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{path}");
    }
}

#[tokio::test]
async fn an_id_that_is_no_text_is_not_found_with_a_code() {
    let api = Api::new(1000).await;
    for (method, path) in [
        (Method::GET, "/v1/lab/instances/%ff"),
        (Method::DELETE, "/v1/lab/instances/%ff"),
        (Method::GET, "/v1/lab/instances/%c3%28/events"),
        (Method::GET, "/v1/lab/physicalservers/%ff"),
        (Method::POST, "/admin/v1/servers/%ff/wipe"),
    ] {
        let (status, body) = api.bare(method.clone(), path, &[("x-auth-token", &api.admin)], "{}").await;
        assert_eq!((status, code(&body)), (StatusCode::NOT_FOUND, "iMetal.0904"), "{method} {path}: {body}");
    }
}

#[tokio::test]
async fn a_dry_run_uses_no_client_token_up() {
    let api = Api::new(1000).await;
    let body = api.world.body().to_string();
    let headers = [("x-auth-token", api.tenant.as_str()), ("x-client-token", "t")];
    let (status, tried) = api.bare(Method::POST, "/v1/lab/instances?dry_run=true", &headers, &body).await;
    assert_eq!(status, StatusCode::OK, "{tried}");
    let (status, made) = api.bare(Method::POST, "/v1/lab/instances", &headers, &body).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{made}");
}

#[tokio::test]
async fn the_audit_log_tells_which_power_action_and_which_wipe() {
    let api = Api::new(1000).await;
    let server = api.world.server_id();
    let with = [("x-auth-token", api.admin.as_str())];
    for action in ["power on", "power off", "rebooting", "<script>"] {
        let body = json!({ "action": action, "server_id_set": [server] }).to_string();
        api.bare(Method::PUT, "/v1/lab/physicalservers/power-state", &with, &body).await;
    }
    for policy in ["full", "metadata"] {
        let body = json!({ "policy": policy }).to_string();
        api.bare(Method::POST, &format!("/admin/v1/servers/{server}/wipe"), &with, &body).await;
    }
    let (_, all) = api.bare(Method::GET, "/admin/v1/audit", &with, "").await;
    let actions: Vec<&str> =
        all["entries"].as_array().unwrap().iter().rev().map(|entry| entry["action"].as_str().unwrap()).collect();
    let power = "PUT /v1/{project_id}/physicalservers/power-state";
    let wipe = "POST /admin/v1/servers/{id}/wipe";
    assert_eq!(
        actions,
        [
            format!("{power}: power on"),
            format!("{power}: power off"),
            format!("{power}: rebooting"),
            power.to_owned(),
            format!("{wipe}: full"),
            format!("{wipe}: metadata"),
        ]
    );
}
