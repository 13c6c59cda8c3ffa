//! Receipts over the API.

use super::{Api, code};
use axum::{
    body::Body,
    http::{Method, StatusCode},
};
use billet_proto::link::{Done, Started, Step, report::What};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[tokio::test]
async fn a_receipt_is_refused_before_there_is_one_and_then_checked_by_the_key_that_is_given_out() {
    let api = Api::new(50).await;
    let (_, _, body) = api.create(&api.tenant, &api.world.body()).await;
    let path = format!("/v1/lab/instances/{}/receipt", body["instance_id"].as_str().unwrap());
    let (status, body) = api.get(&path).await;
    assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, "iMetal.0201"), "{body}");
    api.world.report(1, Step::Verify, What::Started(Started::default())).await;
    let done = Done { host_key: KEY.into(), ..Done::default() };
    api.world.report(1, Step::Verify, What::Done(done)).await;
    let (status, body) = api.get(&path).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let (_, jwk) = api.get("/v1/lab/receipt-key").await;
    let key = crate::receipt::PublicKey::from_jwk(&jwk).unwrap();
    assert_eq!(key.verify(body["jws"].as_str().unwrap()).unwrap(), body["receipt"]);
    let (status, body) = api.get("/v1/lab/instances/0198170e-4ca7-7000-8000-0000000000ff/receipt").await;
    assert_eq!((status, code(&body)), (StatusCode::NOT_FOUND, "iMetal.0200"));
}

#[tokio::test]
async fn the_receipts_of_erased_disks_are_shown_to_operators_in_pages_and_checked_by_the_key() {
    let api = Api::new(200).await;
    let path = format!("/admin/v1/servers/{}/wipe-receipts", api.world.server_id());
    let get = async |path: &str, token: &str| {
        let (status, _, body) = api.call(Method::GET, path, token, Body::empty()).await;
        (status, body)
    };
    let (status, body) = get(&path, &api.admin).await;
    assert_eq!((status, &body["receipts"]), (StatusCode::OK, &serde_json::json!([])), "{body}");
    for _ in 0..2 {
        let id = api.world.create().await.unwrap();
        api.world.terminate(id).await;
        api.world.erase().await;
    }
    let (_, first) = get(&format!("{path}?limit=1"), &api.admin).await;
    let next = first["page_info"]["next_marker"].as_str().unwrap();
    let (_, last) = get(&format!("{path}?limit=1&marker={next}"), &api.admin).await;
    assert!(last["page_info"]["next_marker"].is_null(), "{last}");
    let (_, jwk) = get("/v1/lab/receipt-key", &api.admin).await;
    let key = crate::receipt::PublicKey::from_jwk(&jwk).unwrap();
    let of = |page: &serde_json::Value| {
        let shown = &page["receipts"][0];
        assert_eq!(key.verify(shown["jws"].as_str().unwrap()).unwrap(), shown["receipt"]);
        assert_eq!((&shown["disk_serial"], &shown["receipt"]["disk"]["serial"]), (&"vda-1".into(), &"vda-1".into()));
        shown["generation"].as_u64().unwrap()
    };
    assert!(of(&first) > of(&last), "the newest first");

    assert_eq!(get(&path, &api.tenant).await.0, StatusCode::FORBIDDEN, "it was another tenant's disk");
    let (status, body) = get(&format!("{path}?limit=0"), &api.admin).await;
    assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, "iMetal.0001"), "{body}");
    let unknown = "/admin/v1/servers/0198170e-4ca7-7000-8000-0000000000ff/wipe-receipts";
    let (status, body) = get(unknown, &api.admin).await;
    assert_eq!((status, code(&body)), (StatusCode::NOT_FOUND, "iMetal.0100"), "{body}");
}
