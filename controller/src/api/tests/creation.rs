//! Creating one instance and several: what the seed leaves open, by the rows of the family's table of ambiguities.

use super::{Api, code};
use crate::{
    lifecycle::tests::world::World,
    store::{Handle, record::ManageState, sqlite::SqliteStore},
};
use axum::{
    body::Body,
    http::{Method, StatusCode},
};
use billet_proto::link::order::Work;
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};

const BATCH: &str = "/v1/lab/instances/batch-create";
const UNKNOWN: &str = "0198170e-4ca7-7000-8000-0000000000ff";

fn with(mut body: Value, changes: &Value) -> Value {
    for (field, value) in changes.as_object().unwrap() {
        body[field] = value.clone();
    }
    body
}

impl Api {
    /// With so many more servers.
    async fn with_servers(count: u8) -> (Self, Vec<String>) {
        let api = Self::new(1000).await;
        let servers = api.world.more_servers(count).await;
        (api, servers.iter().map(ToString::to_string).collect())
    }

    async fn batch(&self, changes: &Value) -> (StatusCode, Value) {
        self.json(Method::POST, BATCH, &with(self.world.body(), changes)).await
    }

    /// Names of all instances, sorted.
    async fn names(&self) -> Vec<String> {
        let (_, list) = self.get("/v1/lab/instances?limit=1000").await;
        let mut names: Vec<String> =
            list["instances"].as_array().unwrap().iter().map(|i| i["name"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    }

    async fn assert_unchanged(&self) {
        assert!(
            self.names().await.is_empty() && self.world.reserved().await.is_empty() && self.world.sent().is_empty()
        );
        let servers = self.world.store.read(|tx| tx.servers()).await.unwrap();
        assert!(servers.iter().all(|server| server.manage_state == ManageState::Ready && server.generation == 0));
        assert_eq!(self.hasher.begun(), 0, "nothing was hashed");
    }
}

fn made(body: &Value) -> Vec<String> {
    let all = body["instances"].as_array().unwrap_or_else(|| panic!("{body}"));
    all.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn row_01_placement_names_one_server_or_a_set() {
    let (api, servers) = Api::with_servers(3).await;
    for (index, placement) in
        [json!({ "server_id": servers[0] }), json!({ "server_id_set": [servers[1]] })].iter().enumerate()
    {
        let body = with(api.world.body(), &json!({ "placement": placement }));
        let (status, created) = api.json(Method::POST, "/v1/lab/instances", &body).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{created}");
        let (_, shown) = api.get(&format!("/v1/lab/instances/{}", created["instance_id"].as_str().unwrap())).await;
        assert_eq!(shown["server_id"], json!(servers[index]));
    }
}

#[tokio::test]
async fn row_02_create_makes_one_and_batch_create_several() {
    let (api, _) = Api::with_servers(3).await;
    for (count, status) in [(1, StatusCode::ACCEPTED), (2, StatusCode::BAD_REQUEST)] {
        let body = with(api.world.body(), &json!({ "max_count": count }));
        let (got, answer) = api.json(Method::POST, "/v1/lab/instances", &body).await;
        assert_eq!(got, status, "{answer}");
        assert!(status != StatusCode::BAD_REQUEST || answer.to_string().contains("batch-create"), "{answer}");
    }
    let (status, answer) = api.batch(&json!({ "min_count": 2 })).await;
    assert_eq!((status, made(&answer).len()), (StatusCode::ACCEPTED, 2), "{answer}");
}

#[tokio::test]
async fn row_03_as_many_as_can_be_had_and_none_below_the_minimum() {
    let (api, _) = Api::with_servers(3).await;
    let (status, answer) = api.batch(&json!({ "min_count": 5, "max_count": 9 })).await;
    assert_eq!((status, code(&answer)), (StatusCode::BAD_REQUEST, "iMetal.0101"), "{answer}");
    assert!(answer["error_msg"].as_str().unwrap().contains("at least 5 are wanted, and 4 could be had"), "{answer}");
    for wrong in [json!({ "min_count": 2, "max_count": 1 }), json!({ "max_count": 51 })] {
        assert!(api.refused(Method::POST, BATCH, &with(api.world.body(), &wrong)).await.contains("max_count"));
    }
    api.assert_unchanged().await;
    let (status, answer) = api.batch(&json!({ "min_count": 2, "max_count": 50 })).await;
    assert_eq!((status, made(&answer).len()), (StatusCode::ACCEPTED, 4), "{answer}");
    assert_eq!(api.hasher.begun(), 1, "one password is hashed once");
    assert_eq!((api.world.reserved().await.len(), api.world.sent().len()), (4, 4));
}

#[tokio::test]
async fn row_04_counts_and_a_set_together() {
    let (api, servers) = Api::with_servers(4).await;
    let set = json!({ "server_id_set": &servers[..3] });
    let too_many = with(api.world.body(), &json!({ "placement": set, "max_count": 4 }));
    assert!(api.refused(Method::POST, BATCH, &too_many).await.contains("max_count"));
    let unknown = json!({ "placement": { "server_id_set": [servers[0], UNKNOWN] } });
    let (status, answer) = api.batch(&unknown).await;
    assert_eq!((status, code(&answer)), (StatusCode::NOT_FOUND, "iMetal.0100"), "{answer}");
    assert!(answer.to_string().contains(UNKNOWN) && !answer.to_string().contains(&servers[0]), "{answer}");
    api.assert_unchanged().await;

    let (_, answer) = api.batch(&json!({ "placement": set, "max_count": 2 })).await;
    assert_eq!(made(&answer).len(), 2, "{answer}");
    let all = api.world.store.read(|tx| tx.servers()).await.unwrap();
    let taken: Vec<String> =
        all.iter().filter(|s| s.manage_state == ManageState::InUse).map(|s| s.id.to_string()).collect();
    assert!(taken.iter().all(|id| servers[..3].contains(id)), "among the set: {taken:?}");
    let (status, answer) = api.batch(&json!({ "placement": set })).await;
    assert_eq!((status, code(&answer)), (StatusCode::BAD_REQUEST, "iMetal.0101"), "all of the set, or none: {answer}");
    assert!(taken.iter().all(|id| answer.to_string().contains(id)), "{answer}");
    let (status, answer) = api.batch(&json!({ "placement": { "server_id_set": [servers[3]] } })).await;
    assert_eq!((status, made(&answer).len()), (StatusCode::ACCEPTED, 1), "{answer}");
}

#[tokio::test]
async fn row_05_names_in_a_batch_are_numbered_where_there_are_several() {
    let (api, _) = Api::with_servers(3).await;
    let long = with(api.world.body(), &json!({ "name": "a".repeat(59), "max_count": 2 }));
    assert!(api.refused(Method::POST, BATCH, &long).await.contains("name"));
    api.batch(&json!({ "name": "db", "min_count": 3 })).await;
    assert_eq!(api.names().await, ["db-0001", "db-0002", "db-0003"]);
    let (status, answer) = api.batch(&json!({ "name": "last", "max_count": 2 })).await;
    assert_eq!((status, made(&answer).len()), (StatusCode::ACCEPTED, 1), "one server is left");
    assert!(api.names().await.contains(&"last".to_owned()), "one alone has the name as it is");
    let id = made(&answer).remove(0);
    api.world.lifecycle.expire().await.unwrap();
    let (status, _) = api.get(&format!("/v1/lab/instances/{id}")).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn row_06_the_name_stays_and_the_host_name_is_made_of_it() {
    let api = Api::new(100).await;
    let body = with(api.world.body(), &json!({ "name": "web_1.example" }));
    api.create(&api.tenant, &body).await;
    assert_eq!(api.names().await, ["web_1.example"]);
    let Some(Work::Install(install)) = api.world.sent().remove(0).1.work else { panic!("an installation") };
    assert_eq!(install.hostname, "web-1.example");
    let chinese = with(api.world.body(), &json!({ "name": "主机" }));
    assert!(api.refused(Method::POST, "/v1/lab/instances", &chinese).await.contains("name"));
}

#[tokio::test]
async fn row_07_the_server_must_be_ready_and_be_there() {
    let (api, servers) = Api::with_servers(1).await;
    let place = |id: &str| with(api.world.body(), &json!({ "placement": { "server_id": id } }));
    let (status, answer) = api.json(Method::POST, "/v1/lab/instances", &place(UNKNOWN)).await;
    assert_eq!((status, code(&answer)), (StatusCode::NOT_FOUND, "iMetal.0100"), "{answer}");
    api.json(Method::POST, "/v1/lab/instances", &place(&servers[0])).await;
    let (status, answer) = api.json(Method::POST, "/v1/lab/instances", &place(&servers[0])).await;
    assert_eq!((status, code(&answer)), (StatusCode::BAD_REQUEST, "iMetal.0101"), "{answer}");
    assert!(answer.to_string().contains(&servers[0]), "{answer}");
}

#[tokio::test]
async fn row_17_metadata_is_a_flat_object_and_an_array_of_such_is_merged() {
    let api = Api::new(100).await;
    let wrong = with(api.world.body(), &json!({ "metadata": { "a": 1 } }));
    assert!(api.refused(Method::POST, "/v1/lab/instances", &wrong).await.contains("metadata"));
    let old = with(api.world.body(), &json!({ "metadata": [{ "a": "1" }, { "b": "2" }] }));
    let (_, _, body) = api.create(&api.tenant, &old).await;
    let (_, shown) = api.get(&format!("/v1/lab/instances/{}", body["instance_id"].as_str().unwrap())).await;
    assert_eq!(shown["metadata"], json!({ "a": "1", "b": "2" }));
}

#[tokio::test]
async fn row_18_an_address_is_blank_or_free_and_automatic_in_a_batch() {
    let (api, _) = Api::with_servers(2).await;
    let nic = |address: &str| json!({ "network_interfaces": [{ "subnet_id": api.world.subnet.to_string(), "ipv4_address": address }] });
    for address in ["10.20.0.0", "10.20.0.255", "10.20.0.1", "10.21.0.9", "x"] {
        let text = api.refused(Method::POST, "/v1/lab/instances", &with(api.world.body(), &nic(address))).await;
        assert!(text.contains("network_interfaces[0].ipv4_address"), "{text}");
    }
    for (address, status) in
        [("", StatusCode::ACCEPTED), ("10.20.0.9", StatusCode::ACCEPTED), ("10.20.0.9", StatusCode::BAD_REQUEST)]
    {
        let (got, answer) = api.json(Method::POST, "/v1/lab/instances", &with(api.world.body(), &nic(address))).await;
        assert_eq!(got, status, "{address}: {answer}");
    }
    assert!(
        api.refused(Method::POST, BATCH, &with(api.world.body(), &nic("10.20.0.30"))).await.contains("ipv4_address")
    );
}

#[tokio::test]
async fn row_23_an_unknown_id_is_named_with_its_field() {
    let api = Api::new(100).await;
    for path in ["/v1/lab/instances", BATCH] {
        for field in ["image_id", "vpc_id"] {
            let text = api.refused(Method::POST, path, &with(api.world.body(), &json!({ field: UNKNOWN }))).await;
            assert!(text.contains(field) && text.contains(UNKNOWN), "{text}");
        }
        let nics = json!({ "network_interfaces": [{ "subnet_id": UNKNOWN }] });
        assert!(api.refused(Method::POST, path, &with(api.world.body(), &nics)).await.contains("[0].subnet_id"));
    }
    api.assert_unchanged().await;
}

#[tokio::test]
async fn row_26_an_unknown_field_is_ignored() {
    let api = Api::new(100).await;
    let (status, _, body) = api.create(&api.tenant, &with(api.world.body(), &json!({ "flavor": "any" }))).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{body}");
}

#[tokio::test]
async fn a_dry_run_tells_what_would_be_chosen_or_why_nothing_and_leaves_nothing() {
    let (api, _) = Api::with_servers(2).await;
    let (status, one) = api.json(Method::POST, "/v1/lab/instances?dry_run=true", &api.world.body()).await;
    assert_eq!(status, StatusCode::OK, "{one}");
    assert_eq!(one["would"]["addresses"], json!([["10.20.0.2"]]));
    let body = with(api.world.body(), &json!({ "max_count": 9 }));
    let (status, several) = api.json(Method::POST, &format!("{BATCH}?dry_run=true"), &body).await;
    assert_eq!(status, StatusCode::OK, "{several}");
    let servers: BTreeSet<String> = serde_json::from_value(several["would"]["server_ids"].clone()).unwrap();
    assert_eq!(servers.len(), 3, "{several}");
    assert_eq!(several["would"]["addresses"], json!([["10.20.0.2"], ["10.20.0.3"], ["10.20.0.4"]]));
    let body = with(api.world.body(), &json!({ "min_count": 9 }));
    let (status, answer) = api.json(Method::POST, &format!("{BATCH}?dry_run=true"), &body).await;
    assert_eq!((status, code(&answer)), (StatusCode::BAD_REQUEST, "iMetal.0101"), "{answer}");
    assert!(
        api.refused(Method::POST, &format!("{BATCH}?dry_run=perhaps"), &api.world.body()).await.contains("dry_run")
    );
    api.assert_unchanged().await;
}

#[tokio::test]
async fn tags_keys_and_user_data_are_kept_shown_and_sent() {
    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA me@home";
    let api = Api::new(100).await;
    let extras = json!({
        "tags": [{ "key": "tier", "value": "front" }], "ssh_keys": [KEY], "user_data": "I2Nsb3VkLWNvbmZpZwo=",
    });
    let (status, _, body) = api.create(&api.tenant, &with(api.world.body(), &extras)).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{body}");
    let path = format!("/v1/lab/instances/{}", body["instance_id"].as_str().unwrap());
    let (_, shown) = api.get(&path).await;
    assert_eq!((&shown["tags"], &shown["ssh_keys"]), (&extras["tags"], &extras["ssh_keys"]));
    assert_eq!(shown["user_data"], extras["user_data"]);
    let Some(Work::Install(install)) = api.world.sent().remove(0).1.work else { panic!("an installation") };
    assert_eq!((install.ssh_keys, install.user_data), (vec![KEY.to_owned()], b"#cloud-config\n".to_vec()));

    let tags = json!({ "tags": [{ "key": "owner", "value": "me" }, { "key": "tier", "value": "back" }] });
    let (status, _) = api.json(Method::POST, &format!("{path}/tags/create"), &tags).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(api.get(&path).await.1["tags"], tags["tags"]);
    let (status, _) =
        api.json(Method::POST, &format!("{path}/tags/delete"), &json!({ "tags": [{ "key": "tier" }] })).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(api.get(&path).await.1["tags"], json!([{ "key": "owner", "value": "me" }]));
    let (status, _) = api.json(Method::POST, &format!("/v1/lab/instances/{UNKNOWN}/tags/create"), &tags).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn several_are_deleted_together_or_none_is() {
    let (api, _) = Api::with_servers(2).await;
    let (_, answer) = api.batch(&json!({ "min_count": 3 })).await;
    let ids = made(&answer);
    let delete = async |ids: &[String]| {
        let path = "/v1/lab/instances/batch-delete";
        api.json(Method::POST, path, &json!({ "instance_id_set": ids })).await
    };
    let (status, answer) = delete(&[ids[0].clone(), UNKNOWN.into()]).await;
    assert_eq!((status, code(&answer)), (StatusCode::NOT_FOUND, "iMetal.0200"), "{answer}");
    let state = async |id: &str| api.get(&format!("/v1/lab/instances/{id}/status")).await.1["state"].clone();
    assert_eq!(state(&ids[0]).await, "pending");
    for _ in 0..2 {
        let (status, answer) = delete(&ids).await;
        assert_eq!((status, made(&answer)), (StatusCode::ACCEPTED, ids.clone()), "{answer}");
        assert_eq!(state(&ids[0]).await, "shutting-down");
    }
    assert_eq!(api.world.sent().len(), 6, "three installed, three powered off");
}

/// An API with so many servers, over a store in a file.
async fn contended(more_servers: u8) -> (Api, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let store = Handle::threaded(SqliteStore::open(&dir.path().join("db")).unwrap()).unwrap();
    let api = Api::of(World::over(store).await, 10_000).await;
    api.world.more_servers(more_servers).await;
    (api, dir)
}

/// Two hundred creates at once; answers the instances of those that won, when exactly ten did and all others were refused
/// with that code and word.
async fn ten_of_two_hundred(api: &Api, body: &Value, refusal: (&str, &str)) -> BTreeSet<String> {
    let calls = (0..200).map(|_| {
        let (router, token, body) = (api.router.clone(), api.tenant.clone(), body.to_string());
        tokio::spawn(async move {
            loop {
                let request = axum::http::Request::post("/v1/lab/instances")
                    .header("x-auth-token", &token)
                    .body(Body::from(body.clone()))
                    .unwrap();
                let response = tower::ServiceExt::oneshot(router.clone(), request).await.unwrap();
                let status = response.status();
                let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
                if status != StatusCode::TOO_MANY_REQUESTS {
                    return (status, serde_json::from_slice::<Value>(&bytes).unwrap());
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
    });
    let mut won = BTreeSet::new();
    for answer in futures_util::future::join_all(calls).await {
        match answer.unwrap() {
            (StatusCode::ACCEPTED, body) => drop(won.insert(body["instance_id"].as_str().unwrap().to_owned())),
            (status, body) => {
                assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, refusal.0), "{body}");
                assert!(body["error_msg"].as_str().unwrap().contains(refusal.1), "{body}");
            }
        }
    }
    assert_eq!(won.len(), 10);
    let (_, list) = api.get("/v1/lab/instances?limit=1000").await;
    let shown: BTreeSet<String> =
        list["instances"].as_array().unwrap().iter().map(|i| i["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!((&shown, &list["count"]), (&won, &json!(10)));
    let addresses: BTreeSet<_> = api.world.reserved().await.into_iter().collect();
    assert_eq!((addresses.len(), api.world.sent().len()), (10, 10));
    won
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_hundred_creates_at_once_for_the_last_ten_servers_exactly_ten_win() {
    let (api, _dir) = contended(9).await;
    ten_of_two_hundred(&api, &api.world.body(), ("iMetal.0101", "10 in-use")).await;
    let servers = api.world.store.read(|tx| tx.servers()).await.unwrap();
    assert!(servers.iter().all(|server| server.manage_state == ManageState::InUse && server.generation == 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_hundred_creates_at_once_for_the_last_ten_addresses_exactly_ten_win() {
    let (api, _dir) = contended(240).await;
    // Of sixteen: network, gateway and broadcast are never given, and three are held back.
    let subnet = json!({ "subnet": { "name": "small", "cidr": "10.20.9.0/28", "gateway_ip": "10.20.9.1",
        "vpc_id": api.world.vpc.to_string(), "reserved_addresses": ["10.20.9.2", "10.20.9.3", "10.20.9.4"] } });
    let (status, made) = api.json(Method::POST, "/v1/lab/subnets", &subnet).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let nics = json!({ "network_interfaces": [{ "subnet_id": made["subnet"]["id"] }] });
    let won = ten_of_two_hundred(&api, &with(api.world.body(), &nics), ("iMetal.0001", "no address is free")).await;
    let servers = api.world.store.read(|tx| tx.servers()).await.unwrap();
    let taken = servers.iter().filter(|server| server.manage_state == ManageState::InUse).count();
    assert_eq!((taken, servers.len()), (10, 241), "whoever got no address holds no server");
    let first = won.first().unwrap().parse().unwrap();
    api.world.store.read(move |tx| tx.release(first)).await.unwrap();
    let (status, body) = api.json(Method::POST, "/v1/lab/instances", &with(api.world.body(), &nics)).await;
    assert_eq!(status, StatusCode::ACCEPTED, "one that was freed is given again: {body}");
}
