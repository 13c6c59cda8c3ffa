//! The family's calls on physical servers.

use super::{Api, code};
use crate::{
    api::ports::LifecycleApi as _,
    lifecycle::tests::{KEY, done, installed, started},
};
use axum::{body::Body, http::Method, http::StatusCode};
use billet_proto::link::{Done, PowerAction, PowerRead, Step, order::Work, report::What};
use serde_json::{Value, json};

const ROOT: &str = "/v1/lab/physicalservers";

async fn admin(api: &Api, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
    let body = if body.is_null() { Body::empty() } else { body.to_string().into() };
    let (status, _, body) = api.call(method, &format!("{ROOT}{path}"), &api.admin, body).await;
    (status, body)
}

async fn tenant(api: &Api, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
    let body = if body.is_null() { Body::empty() } else { body.to_string().into() };
    let (status, _, body) = api.call(method, &format!("{ROOT}{path}"), &api.tenant, body).await;
    (status, body)
}

#[tokio::test]
async fn a_tenant_sees_its_own_servers_and_those_that_it_is_on_and_operators_see_all() {
    let api = Api::new(200).await;
    let id = api.world.server_id();
    let count = async |body: &Value| (body["count"].as_u64(), body["servers"].as_array().unwrap().len());
    let (_, list) = admin(&api, Method::GET, "", Value::Null).await;
    assert_eq!(count(&list).await, (Some(1), 1), "{list}");
    let (_, list) = tenant(&api, Method::GET, "", Value::Null).await;
    assert_eq!(count(&list).await, (Some(0), 0), "the pool is not listed: {list}");
    for path in ["", "/hardware-attributes", "/firmware-attributes"] {
        let (status, body) = tenant(&api, Method::GET, &format!("/{id}{path}"), Value::Null).await;
        assert_eq!((status, code(&body)), (StatusCode::NOT_FOUND, "iMetal.0100"), "{path}");
    }
    let instance = api.world.create().await.unwrap();
    let (_, list) = tenant(&api, Method::GET, "?manage_state=in-use", Value::Null).await;
    assert_eq!(count(&list).await, (Some(1), 1), "{list}");
    assert_eq!(list["servers"][0]["instance_id"], instance.to_string());
    let (_, list) = tenant(&api, Method::GET, "?manage_state=ready", Value::Null).await;
    assert_eq!(count(&list).await, (Some(0), 0), "{list}");
    let (_, list) = tenant(&api, Method::GET, &format!("?marker={id}"), Value::Null).await;
    assert_eq!(count(&list).await, (Some(1), 0), "{list}");
    let (status, body) = tenant(&api, Method::GET, "?manage_state=broken", Value::Null).await;
    assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, "iMetal.0001"));
    let path = format!("/v1/other/physicalservers/{id}");
    let (status, ..) = api.call(Method::GET, &path, &api.stranger, Body::empty()).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_server_that_no_agent_owns_says_whose_claim_it_waits_for_and_since_when() {
    let api = Api::new(200).await;
    let path = format!("/{}", api.world.server_id());
    let (_, shown) = admin(&api, Method::GET, &path, Value::Null).await;
    assert!(shown["waiting_for"].is_null() && shown["waiting_since"].is_null(), "{shown}");
    api.world.lifecycle.revoke_agent("rack0".into()).await.unwrap();
    let (since, hour) = (api.world.edge.now().to_string(), std::time::Duration::from_secs(3600));
    api.world.clock.advance(hour);
    let (_, shown) = admin(&api, Method::GET, &path, Value::Null).await;
    assert_eq!(shown["waiting_for"], "agent rack0 to claim it", "{shown}");
    assert_eq!((&shown["manage_state"], &shown["waiting_since"]), (&json!("onboard"), &json!(since)), "{shown}");
}

#[tokio::test]
async fn a_server_is_shown_in_the_familys_shape() {
    let api = Api::new(200).await;
    let path = format!("/admin/v1/servers/{}", api.world.server_id());
    let word = json!({ "agent_name": "rack0", "project_id": "lab", "name": "r1-u4",
                       "location": { "dc": "fra", "rack": "1", "unit": "4" }, "wipe_policy": "metadata" });
    let (status, _, body) = api.call(Method::PUT, &path, &api.admin, word.to_string()).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let (_, shown) = tenant(&api, Method::GET, &format!("/{}", api.world.server_id()), Value::Null).await;
    assert_eq!(shown["name"], "r1-u4");
    assert_eq!((&shown["project_id"], &shown["power_state"]), (&json!("lab"), &json!("off")));
    assert_eq!(shown["location"], json!({ "dc": "fra", "rack": "1", "unit": "4" }));
    assert_eq!(shown["hardware_attributes"]["sn"], "SN1");
    assert_eq!((&shown["wipe_policy"], &shown["health_state"]), (&json!("metadata"), &json!("Unknown")));
    let path = format!("/{}/hardware-attributes", api.world.server_id());
    let (_, parts) = tenant(&api, Method::GET, &path, Value::Null).await;
    assert_eq!(parts["storage_controllers"][0]["drives"], json!(["vda", "sdb"]), "{parts}");
    for list in ["memorys", "processors", "network_adapters", "fans", "powers", "metrics"] {
        assert!(parts[list].is_array(), "{list}");
    }
    let path = format!("/{}/firmware-attributes", api.world.server_id());
    assert!(tenant(&api, Method::GET, &path, Value::Null).await.1.is_array());
    let (_, counters) = tenant(&api, Method::GET, "/status", Value::Null).await;
    assert_eq!(counters["server_status"]["total"], json!({ "count": 1, "dc_stats": { "fra": 1 } }));
    assert_eq!(counters["server_manage_state"], json!({ "ready": 1 }));
    assert_eq!(counters["server_power_status"], json!({ "on": 0, "off": 1, "unknown": 0 }));
    let path = "/v1/other/physicalservers/status";
    let (_, _, counters) = api.call(Method::GET, path, &api.stranger, Body::empty()).await;
    assert_eq!(counters["server_status"]["total"]["count"], 0);
}

#[tokio::test]
async fn operators_power_empty_servers_whose_bmc_is_asked_whatever_it_said_last() {
    let api = Api::new(200).await;
    let id = api.world.server_id().to_string();
    let power = |action: &str| json!({ "action": action, "server_id_set": [id] });
    let (status, body) = tenant(&api, Method::PUT, "/power-state", power("power on")).await;
    assert_eq!((status, code(&body)), (StatusCode::NOT_FOUND, "iMetal.0100"), "the pool is not the tenant's");
    let (status, body) = admin(&api, Method::PUT, "/power-state", power("power off")).await;
    assert_eq!((status, &body["physical_servers"]), (StatusCode::OK, &json!([{ "id": id }])), "{body}");
    let (_, order) = api.world.sent().remove(0);
    assert!(
        matches!(order.work, Some(Work::Power(power)) if power.action() == PowerAction::Off),
        "it was off when it was read"
    );
    api.world.report(1, Step::PowerOff, What::Done(Done::default())).await;
    let (status, body) = admin(&api, Method::PUT, "/power-state", power("power on")).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let (_, order) = api.world.sent().remove(1);
    assert!(matches!(order.work, Some(Work::Power(power)) if power.action() == PowerAction::On));
    let (status, body) = admin(&api, Method::PUT, "/power-state", power("rebooting")).await;
    assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, "iMetal.0101"), "one at a time: {body}");
    let named = |placement: Value| {
        let mut body = api.world.body();
        body["placement"] = placement;
        body
    };
    for (path, placement, why) in [
        ("instances", json!({ "server_id": id }), "its power-on is in progress"),
        ("instances/batch-create", json!({ "server_id_set": [id] }), "its power-on is in progress"),
        ("instances", Value::Null, "1 with work in progress"),
    ] {
        let body = named(placement).to_string();
        let (status, _, body) = api.call(Method::POST, &format!("/v1/lab/{path}"), &api.tenant, body).await;
        assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, "iMetal.0101"), "{body}");
        assert!(body["error_msg"].as_str().unwrap().contains(why), "nothing is placed on it meanwhile: {body}");
    }
    let other = api.world.more_servers(1).await.remove(0);
    let mut free = api.world.store.read(move |tx| tx.server(other)).await.unwrap().unwrap();
    (free.task, free.task_deadline) = (None, None);
    api.world.store.read(move |tx| tx.update_server(&free)).await.unwrap();
    let instance = api.world.create().await.unwrap();
    assert_eq!(api.world.instance(instance).await.server_id, other, "the idle one is drawn, however often");
    let (_, shown) = admin(&api, Method::GET, &format!("/{id}"), Value::Null).await;
    assert_eq!(
        (&shown["operation_state"], &shown["task"]["kind"]),
        (&json!("power-on-processing"), &json!("power-on"))
    );
    api.world.report(2, Step::Power, What::Done(Done::default())).await;
    let (_, shown) = admin(&api, Method::GET, &format!("/{id}"), Value::Null).await;
    assert_eq!((&shown["operation_state"], &shown["power_state"]), (&json!("power-on-succeed"), &json!("on")));
    let unknown = "0198170e-4ca7-7000-8000-00000000000f";
    let both = json!({ "action": "power off", "server_id_set": [id, unknown] });
    let (status, body) = admin(&api, Method::PUT, "/power-state", both).await;
    assert_eq!((status, code(&body)), (StatusCode::NOT_FOUND, "iMetal.0100"), "{body}");
    assert!(body["error_msg"].as_str().unwrap().contains(unknown), "{body}");
    assert_eq!(api.world.server().await.task, None, "all or none");
}

#[tokio::test]
async fn a_tenant_powers_the_server_that_its_instance_is_on_off_and_on() {
    let api = Api::new(200).await;
    let server = api.world.server_id().to_string();
    let id = installed(&api.world).await;
    let power = async |action: &str| {
        let body = json!({ "action": action, "server_id_set": [server] });
        tenant(&api, Method::PUT, "/power-state", body).await
    };
    let states = async || {
        let (_, shown) = api.get(&format!("/v1/lab/instances/{id}/status")).await;
        let (_, server) = tenant(&api, Method::GET, &format!("/{server}"), Value::Null).await;
        json!([shown["state"], server["operation_state"], server["power_state"]])
    };
    let (status, body) = power("power off").await;
    assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, "iMetal.0201"), "it is being installed: {body}");
    api.world.report(1, Step::Verify, done(KEY)).await;
    assert_eq!(api.get(&format!("/v1/lab/instances/{id}/status")).await.1["state"], "running");
    let stranger = json!({ "action": "power off", "server_id_set": [server] }).to_string();
    let path = "/v1/other/physicalservers/power-state";
    let (status, _, body) = api.call(Method::PUT, path, &api.stranger, stranger).await;
    assert_eq!((status, code(&body)), (StatusCode::NOT_FOUND, "iMetal.0100"), "{body}");
    for (action, step, state, during, after) in [
        (
            "power off",
            Step::PowerOff,
            "stopped",
            "power-off-processing",
            json!(["stopped", "power-off-succeed", "off"]),
        ),
        ("power on", Step::Power, "running", "power-on-processing", json!(["running", "power-on-succeed", "on"])),
    ] {
        let (status, body) = power(action).await;
        assert_eq!((status, &body["physical_servers"]), (StatusCode::OK, &json!([{ "id": server }])), "{body}");
        assert_eq!(states().await[1], during);
        let (_, order) = api.world.sent().pop().unwrap();
        api.world.report(order.generation, step, started()).await;
        let on = What::PowerRead(PowerRead { on: state == "running" });
        api.world.report(order.generation, step, on).await;
        api.world.report(order.generation, step, What::Done(Done::default())).await;
        assert_eq!(states().await, after);
    }
    let sent = api.world.sent().len();
    assert_eq!(power("power on").await.0, StatusCode::OK);
    assert_eq!(api.world.sent().len(), sent, "it is so already");
}

#[tokio::test]
async fn tags_are_put_on_and_taken_off_by_those_who_see_the_server() {
    let api = Api::new(200).await;
    let path = format!("/{}/tags", api.world.server_id());
    let tags = json!({ "tags": [{ "key": "tier", "value": "gold" }, { "key": "a" }] });
    let (status, body) = tenant(&api, Method::POST, &format!("{path}/create"), tags.clone()).await;
    assert_eq!((status, code(&body)), (StatusCode::NOT_FOUND, "iMetal.0100"));
    api.world.create().await.unwrap();
    let (status, body) = tenant(&api, Method::POST, &format!("{path}/create"), tags).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{body}");
    let (_, shown) = tenant(&api, Method::GET, &format!("/{}", api.world.server_id()), Value::Null).await;
    assert_eq!(shown["tags"], json!([{ "key": "a", "value": "" }, { "key": "tier", "value": "gold" }]));
    let gone = json!({ "tags": [{ "key": "a", "value": "whatever" }, { "key": "b" }] });
    let (status, _) = tenant(&api, Method::POST, &format!("{path}/delete"), gone).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(api.world.server().await.tags.len(), 1, "by key; what is not there is no error");
    let many: Vec<Value> = (0..20).map(|n| json!({ "key": format!("k{n}") })).collect();
    let (status, body) = tenant(&api, Method::POST, &format!("{path}/create"), json!({ "tags": many })).await;
    assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, "iMetal.0001"), "{body}");
}

#[tokio::test]
async fn events_are_those_of_the_servers_that_the_caller_sees_within_thirty_days() {
    let api = Api::new(200).await;
    let now = api.world.edge.now().0;
    let span = format!("/events?from={}&to={}", now - 1000, now + 1);
    let (_, body) = admin(&api, Method::GET, &span, Value::Null).await;
    let kinds: Vec<_> = body["events"].as_array().unwrap().iter().map(|event| &event["event_id"]).collect();
    assert_eq!(kinds, ["baseline-recorded", "inspection-ended", "inspection-began", "claimed"], "{body}");
    let (_, one) = admin(&api, Method::GET, &format!("{span}&offset=1&limit=1"), Value::Null).await;
    assert_eq!((&one["count"], one["events"].as_array().unwrap().len()), (&json!(4), 1));
    let (_, none) = tenant(&api, Method::GET, &span, Value::Null).await;
    assert_eq!(none, json!({ "events": [], "count": 0 }));
    api.world.create().await.unwrap();
    let (_, own) = tenant(&api, Method::GET, &span, Value::Null).await;
    assert_eq!(own["events"][0]["event_id"], "instance-placed", "{own}");
    for bad in [
        "/events".to_owned(),
        format!("/events?from=0&to={now}"),
        format!("/events?from={now}&to=1"),
        format!("{span}&event_level=loud"),
        format!("{span}&resource_id=x"),
        format!("{span}&limit=0"),
    ] {
        let (status, body) = admin(&api, Method::GET, &bad, Value::Null).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{bad}: {body}");
    }
    let (_, kind) = tenant(&api, Method::GET, "/events/wipe-failed", Value::Null).await;
    assert_eq!((&kind["code"], &kind["event_level"]), (&json!("wipe-failed"), &json!("critical")));
    assert_eq!(tenant(&api, Method::GET, "/events/nothing", Value::Null).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_not_built_says_so_with_one_code() {
    let api = Api::new(200).await;
    let id = api.world.server_id();
    for path in [
        format!("{ROOT}/{id}/remote-console-address"),
        format!("{ROOT}/alarms"),
        format!("{ROOT}/alarms/summary"),
        format!("{ROOT}/{id}/logs/exports/1"),
        "/v1/lab/iracks".to_owned(),
        "/v1/lab/idcs".to_owned(),
    ] {
        let (status, _, body) = api.call(Method::GET, &path, &api.tenant, Body::empty()).await;
        assert_eq!((status, code(&body)), (StatusCode::NOT_IMPLEMENTED, "iMetal.0951"), "{path}");
    }
}
