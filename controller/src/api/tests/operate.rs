//! What operators do with servers.

use super::{Api, code};
use crate::store::record::Server;
use axum::{body::Body, http::Method, http::StatusCode};
use billet_proto::link::{Done, Failed, Step, order::Work, report::What};
use serde_json::{Value, json};

async fn act(api: &Api, action: &str, body: Value) -> (StatusCode, Value) {
    let path = format!("/admin/v1/servers/{}/{action}", api.world.server_id());
    let (status, _, body) = api.call(Method::POST, &path, &api.admin, body.to_string()).await;
    (status, body)
}

async fn refused(api: &Api, action: &str, body: Value) -> String {
    let (status, body) = act(api, action, body).await;
    assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, "iMetal.0101"), "{action}: {body}");
    body["error_msg"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_server_is_taken_out_wiped_inspected_and_put_back() {
    let api = Api::new(50).await;
    for (action, body) in [("inspect", json!({})), ("wipe", json!({})), ("ready", json!({}))] {
        assert!(refused(&api, action, body).await.contains("it is ready"), "{action}");
    }
    let (status, body) = act(&api, "maintain", json!({})).await;
    assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, "iMetal.0002"), "{body}");
    let (status, body) = act(&api, "maintain", json!({ "reason": "a fan" })).await;
    assert_eq!((status, &body["manage_state"]), (StatusCode::OK, &json!("maintain")), "{body}");
    let (status, body) = act(&api, "wipe", json!({ "policy": "metadata" })).await;
    assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, "iMetal.0001"), "it is of the pool: {body}");
    let (status, body) = act(&api, "wipe", json!({})).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let (_, order) = api.world.sent().pop().unwrap();
    let Some(Work::Wipe(wipe)) = order.work else { panic!("a wipe") };
    assert_eq!(wipe.disks.len(), 1, "the one that nobody else has");
    for action in ["inspect", "wipe", "ready", "accept-unwiped"] {
        assert!(refused(&api, action, json!({})).await.contains("its wipe is in progress"), "{action}");
    }
    api.world.report(1, Step::Wipe, crate::lifecycle::tests::world::World::wiped()).await;
    assert!(refused(&api, "cancel", json!({})).await.contains("no work on it is in progress"));
    assert_eq!(act(&api, "inspect", json!({ "allow_reset": true })).await.0, StatusCode::OK);
    let failed = Failed { cause: "server_is_on".into(), message: "it is on".into() };
    api.world.report(2, Step::Power, What::Failed(failed)).await;
    let (status, body) = act(&api, "ready", json!({})).await;
    assert_eq!((status, &body["manage_state"]), (StatusCode::OK, &json!("ready")), "{body}");
}

#[tokio::test]
async fn an_agent_is_revoked_by_its_name_and_that_is_written_down() {
    let api = Api::new(50).await;
    let revoke = async |name: &str, token: &str| {
        let path = format!("/admin/v1/agents/{name}/revoke");
        let (status, _, body) = api.call(Method::POST, &path, token, Body::empty()).await;
        (status, body)
    };
    assert_eq!(revoke("rack0", &api.tenant).await.0, StatusCode::FORBIDDEN);
    let (status, body) = revoke("rack9", &api.admin).await;
    assert_eq!((status, code(&body)), (StatusCode::NOT_FOUND, "iMetal.0904"), "{body}");
    let get = async |path: &str| api.call(Method::GET, path, &api.admin, Body::empty()).await.2;
    let agents = get("/admin/v1/agents").await;
    assert_eq!(agents["agents"][0]["revoked_at"], Value::Null);
    let (status, body) = revoke("rack0", &api.admin).await;
    assert_eq!((status, &body["name"]), (StatusCode::OK, &json!("rack0")), "{body}");
    assert!(body["revoked_at"].is_string(), "{body}");
    let audit = get("/admin/v1/audit?object=rack0").await;
    let line = &audit["entries"][0];
    assert_eq!(line["action"], "POST /admin/v1/agents/{name}/revoke", "{audit}");
    let joins = json!({ "agent_name": "rack0" }).to_string();
    let (status, ..) = api.call(Method::POST, "/admin/v1/agents/join-tokens", &api.admin, joins).await;
    assert_eq!(status, StatusCode::CREATED, "it may come back under its name");
}

#[tokio::test]
async fn a_wipe_that_leaves_a_disk_keeps_the_server_out() {
    let api = Api::new(50).await;
    act(&api, "maintain", json!({ "reason": "x" })).await;
    act(&api, "wipe", json!({})).await;
    api.world.report(1, Step::Wipe, What::Done(Done::default())).await;
    let server = api.world.server().await;
    assert_eq!(server.error.unwrap().cause, "wipe_incomplete");
    assert_eq!((server.manage_state.as_str(), server.last_wipe), ("maintain", None));
}

#[tokio::test]
async fn a_server_is_forgotten_only_when_it_was_retired_and_nothing_refers_to_it() {
    let api = Api::new(50).await;
    let path = format!("/admin/v1/servers/{}", api.world.server_id());
    let (status, _, body) = api.call(Method::DELETE, &path, &api.admin, Body::empty()).await;
    assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, "iMetal.0101"), "{body}");
    let id = api.world.create().await.unwrap();
    assert!(refused(&api, "offboard", json!({})).await.contains("in use"));
    api.world.terminate(id).await;
    api.world.erase().await;
    assert_eq!(act(&api, "offboard", json!({})).await.1["manage_state"], "offboarding");
    let (_, _, body) = api.call(Method::DELETE, &path, &api.admin, Body::empty()).await;
    assert!(body["error_msg"].as_str().unwrap().contains("kept for the record"), "{body}");

    let api = Api::new(50).await;
    act(&api, "offboard", json!({})).await;
    let (status, ..) = api.call(Method::DELETE, &path, &api.admin, Body::empty()).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (status, ..) = api.call(Method::DELETE, &path, &api.admin, Body::empty()).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_server_that_was_not_wiped_in_full_is_forgotten_only_by_the_operators_word() {
    let api = Api::new(50).await;
    act(&api, "offboard", json!({})).await;
    // As a wipe that failed leaves it, once its instance is no longer kept for the record.
    let server = Server { unwiped: true, ..api.world.server().await };
    api.world.store.read(move |tx| tx.update_server(&server)).await.unwrap();
    let path = format!("/admin/v1/servers/{}", api.world.server_id());
    for (query, code_of_it) in [("", "iMetal.0101"), ("?accept_unwiped=perhaps", "iMetal.0001")] {
        let (status, _, body) = api.call(Method::DELETE, &format!("{path}{query}"), &api.admin, Body::empty()).await;
        assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, code_of_it), "{body}");
        assert!(api.world.server().await.unwiped, "still known");
    }
    let (_, _, body) = api.call(Method::DELETE, &path, &api.admin, Body::empty()).await;
    assert!(body["error_msg"].as_str().unwrap().contains("wipe it in full first"), "{body}");
    let path = format!("{path}?accept_unwiped=true");
    let (status, _, body) = api.call(Method::DELETE, &path, &api.admin, Body::empty()).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{body}");
}

#[tokio::test]
async fn what_failed_is_tried_again_and_what_is_in_progress_is_given_up_by_operators_and_that_is_written_down() {
    let api = Api::new(50).await;
    let id = api.world.create().await.unwrap();
    let call = async |verb: &str, token: &str| {
        let path = format!("/admin/v1/instances/{id}/{verb}");
        let (status, _, body) = api.call(Method::POST, &path, token, Body::empty()).await;
        (status, body)
    };
    for verb in ["retry", "cancel"] {
        let (status, body) = call(verb, &api.tenant).await;
        assert_eq!((status, code(&body)), (StatusCode::FORBIDDEN, "iMetal.0004"), "{verb}");
        let path = format!("/admin/v1/instances/{}/{verb}", api.world.image);
        let (status, _, body) = api.call(Method::POST, &path, &api.admin, Body::empty()).await;
        assert_eq!((status, code(&body)), (StatusCode::NOT_FOUND, "iMetal.0200"), "{body}");
    }
    let (status, body) = call("retry", &api.admin).await;
    assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, "iMetal.0201"), "{body}");
    let (status, body) = call("cancel", &api.admin).await;
    assert_eq!((status, &body["operation_state"]), (StatusCode::ACCEPTED, &json!("install-processing")), "{body}");
    let (_, shown) = api.get(&format!("/v1/lab/instances/{id}")).await;
    assert_eq!((&shown["phase"], &shown["attempt"]), (&json!("cancelling"), &json!(1)), "{shown}");
    assert!(shown["waiting_since"].is_string() && shown["next_try_at"].is_string(), "{shown}");
    let (_, _, audit) = api.call(Method::GET, &format!("/admin/v1/audit?object={id}"), &api.admin, Body::empty()).await;
    let told: Vec<&str> = audit["entries"].as_array().unwrap().iter().map(|e| e["action"].as_str().unwrap()).collect();
    assert!(told.contains(&"POST /admin/v1/instances/{id}/cancel"), "{audit}");
}

#[tokio::test]
async fn a_wipe_is_given_up_by_operators_and_that_is_written_down() {
    let api = Api::new(50).await;
    act(&api, "maintain", json!({ "reason": "a fan" })).await;
    act(&api, "wipe", json!({})).await;
    let (status, body) = act(&api, "cancel", json!({})).await;
    assert_eq!((status, &body["manage_state"]), (StatusCode::OK, &json!("maintain")), "{body}");
    assert_eq!(
        (&body["error"]["error_code"], &body["task"]["kind"]),
        (&json!("cancelled"), &json!("power-off")),
        "{body}"
    );
    let path = format!("/admin/v1/audit?object={}", api.world.server_id());
    let (_, _, audit) = api.call(Method::GET, &path, &api.admin, Body::empty()).await;
    let told: Vec<&str> = audit["entries"].as_array().unwrap().iter().map(|e| e["action"].as_str().unwrap()).collect();
    assert!(told.contains(&"POST /admin/v1/servers/{id}/cancel"), "{audit}");
}

#[tokio::test]
async fn a_server_in_use_leaves_service_only_where_it_is_confirmed_to_be_off() {
    let api = Api::new(50).await;
    let id = api.world.create().await.unwrap();
    let (status, body) = act(&api, "offboard", json!({ "confirm_off": "yes" })).await;
    assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, "iMetal.0001"), "{body}");
    assert!(refused(&api, "offboard", json!({ "confirm_off": false })).await.contains("off and unplugged"));
    let (status, body) = act(&api, "offboard", json!({ "confirm_off": true })).await;
    assert_eq!((status, &body["manage_state"]), (StatusCode::OK, &json!("offboarding")), "{body}");
    assert_eq!(api.world.instance(id).await.standing().state(), "terminated");
}

#[tokio::test]
async fn tenants_operate_no_server() {
    let api = Api::new(50).await;
    for action in ["inspect", "maintain", "ready", "wipe", "cancel", "offboard", "accept-unwiped"] {
        let path = format!("/admin/v1/servers/{}/{action}", api.world.server_id());
        let (status, _, body) = api.call(Method::POST, &path, &api.tenant, Body::empty()).await;
        assert_eq!((status, code(&body)), (StatusCode::FORBIDDEN, "iMetal.0004"), "{action}");
    }
}
