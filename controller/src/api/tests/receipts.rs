//! Receipts over the API.

use super::{Api, code};
use axum::http::StatusCode;
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
