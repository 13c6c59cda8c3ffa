//! Addresses that a project holds.

use super::{Api, code};
use crate::store::access::Quota;
use axum::{
    body::Body,
    http::{Method, StatusCode},
};
use serde_json::{Value, json};
use std::collections::HashSet;

const PATH: &str = "/v1/lab/privateips";

impl Api {
    async fn hold(&self, addresses: &[&str]) -> (StatusCode, Value) {
        let subnet = self.world.subnet.to_string();
        let items: Vec<Value> =
            addresses.iter().map(|address| json!({ "subnet_id": subnet, "ip_address": address })).collect();
        self.json(Method::POST, PATH, &json!({ "privateips": items })).await
    }

    /// A body of CreateInstance that names an address.
    fn with_address(&self, address: &str) -> Value {
        let mut body = self.world.body();
        body["network_interfaces"][0]["ipv4_address"] = address.into();
        body
    }
}

fn addresses(body: &Value) -> Vec<&str> {
    body["privateips"].as_array().unwrap().iter().map(|held| held["ip_address"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn addresses_are_held_all_or_none_and_an_automatic_one_never_takes_a_named_one() {
    let api = Api::new(100).await;
    let (status, body) = api.hold(&["", "10.20.0.2"]).await;
    assert_eq!((status, addresses(&body)), (StatusCode::CREATED, vec!["10.20.0.3", "10.20.0.2"]), "{body}");
    for (wanted, expected) in [
        (vec!["10.20.0.9", "10.20.0.2"], "privateips[1].ip_address must be free for a host in 10.20.0.0/24"),
        (vec!["10.20.0.9", "10.20.0.9"], "privateips[1].ip_address must be free for a host"),
        (vec!["10.20.0.1"], "the subnet's gateway address"),
        (vec!["10.20.0.255"], "the subnet's broadcast address"),
        (vec!["10.20.1.9"], "is not inside 10.20.0.0/24"),
    ] {
        let (status, body) = api.hold(&wanted).await;
        assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, "iMetal.0001"));
        assert!(body["error_msg"].as_str().unwrap().contains(expected), "{expected}: {body}");
    }
    let (_, list) = api.get(PATH).await;
    let all = addresses(&list);
    assert_eq!(
        HashSet::from(["10.20.0.2", "10.20.0.3"]),
        all.iter().copied().collect(),
        "and nothing that was refused"
    );
    let (_, first) = api.get(&format!("{PATH}?limit=1")).await;
    let marker = first["page_info"]["next_marker"].as_str().unwrap();
    let (_, second) = api.get(&format!("{PATH}?limit=1&marker={marker}&subnet_id={}", api.world.subnet)).await;
    assert_eq!([addresses(&first), addresses(&second)].concat(), all);
    assert_eq!(second["page_info"].get("next_marker"), None);
}

#[tokio::test]
async fn a_held_address_is_the_instances_that_names_it_and_stays_held_when_that_ends() {
    let api = Api::new(100).await;
    let (_, held) = api.hold(&["10.20.0.2"]).await;
    let path = format!("{PATH}/{}", held["privateips"][0]["id"].as_str().unwrap());
    let id = api.world.create().await.unwrap();
    assert_eq!(api.world.instance(id).await.nics[0].address.to_string(), "10.20.0.3", "no other is given it");
    api.world.terminate(id).await;
    api.world.erase().await;
    let id = api.world.create_from(&api.with_address("10.20.0.2")).await.unwrap();
    let (_, shown) = api.get(&path).await;
    assert_eq!(shown["privateip"]["status"], "ACTIVE");
    assert_eq!(shown["privateip"]["instance_id"], json!(id.to_string()));
    let told = api.refused(Method::DELETE, &path, &Value::Null).await;
    assert!(told.contains(&format!("must not be in use: instance {id} has 10.20.0.2")), "{told}");
    api.world.terminate(id).await;
    let (_, shown) = api.get(&path).await;
    assert_eq!((&shown["privateip"]["status"], shown["privateip"].get("instance_id")), (&json!("DOWN"), None));
    let subnet = format!("/v1/lab/subnets/{}", api.world.subnet);
    assert!(api.refused(Method::DELETE, &subnet, &Value::Null).await.contains("1 are"), "held is in the way too");
    let (status, _) = api.json(Method::DELETE, &path, &Value::Null).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert!(api.world.reserved().await.is_empty());
    assert_eq!(api.get(&path).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_held_address_is_one_instances_at_a_time_and_another_projects_is_not_there() {
    let api = Api::new(100).await;
    let (_, held) = api.hold(&["10.20.0.7"]).await;
    let mut body = api.with_address("10.20.0.7");
    let nic = body["network_interfaces"][0].clone();
    body["network_interfaces"] = json!([nic, nic]);
    let error = api.world.create_from(&body).await.unwrap_err();
    let error = crate::api::error::ApiError::from(error);
    assert!(format!("{error:?}").contains("network_interfaces[1].ipv4_address"), "{error:?}");
    let path = format!("/v1/other/privateips/{}", held["privateips"][0]["id"].as_str().unwrap());
    for method in [Method::GET, Method::DELETE] {
        let (status, ..) = api.call(method, &path, &api.stranger, Body::empty()).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    }
    let body = json!({ "privateips": [{ "subnet_id": api.world.subnet.to_string() }] });
    let (status, _, body) = api.call(Method::POST, "/v1/other/privateips", &api.stranger, body.to_string()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(body["error_msg"].as_str().unwrap().contains("privateips[0].subnet_id must name a subnet"), "{body}");
}

#[tokio::test]
async fn held_addresses_are_within_the_quota() {
    let api = Api::new(100).await;
    let quota = Quota { instances: 1, addresses: 2, images: 1, vpcs: 1, subnets: 1 };
    api.world.store.read(move |tx| tx.set_quota(None, &quota)).await.unwrap();
    let (status, body) = api.hold(&["", "", ""]).await;
    assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, "iMetal.0920"), "{body}");
    let (status, _) = api.hold(&["", ""]).await;
    assert_eq!(status, StatusCode::CREATED);
    let (status, _) = api.hold(&[""]).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}
