//! What runs has a receipt.

use super::{KEY, done, installed, world::World};
use crate::{api::ports::LifecycleApi, host_key::fingerprint};
use billet_proto::link::{Failed, Step, report::What};
use std::time::Duration;

#[tokio::test]
async fn a_receipt_is_made_when_an_instance_runs_and_says_how_that_is_known() {
    let world = World::new().await;
    let id = installed(&world).await;
    assert_eq!(world.instance(id).await.receipt, None, "nothing is certified before it is proven");
    world.clock.advance(Duration::from_secs(7));
    world.report(1, Step::Verify, done(KEY)).await;
    let instance = world.instance(id).await;
    let receipt = instance.receipt.unwrap();
    let said = world.lifecycle.receipt_key().verify(&receipt).unwrap();
    assert_eq!(said["instance"]["id"], id.to_string());
    assert_eq!(said["image"]["sha256"], "00".repeat(32));
    assert_eq!(said["image"]["manifest_blake3"], "07".repeat(32));
    assert_eq!(
        (&said["server"]["serial"], &said["server"]["id"]),
        (&"SN1".into(), &world.server_id().to_string().into())
    );
    assert_eq!(said["network"][0]["address"], "10.20.0.2");
    assert_eq!(
        (&said["network"][0]["cidr"], &said["network"][0]["gateway"]),
        (&"10.20.0.0/24".into(), &"10.20.0.1".into())
    );
    assert_eq!(said["host_key"]["fingerprint"].as_str(), fingerprint(KEY).as_deref());
    assert_eq!((&said["boot_trust"], &said["proof"]), (&"lan".into(), &"ssh-host-key".into()));
    assert!(said["wipe_before"].is_null(), "nothing was wiped before the first");
    assert_eq!(said["times"]["accepted"], instance.created_at.to_string());
    assert_eq!(said["times"]["running"], instance.launched_at.unwrap().to_string());
    let steps: Vec<&String> = said["times"]["steps"].as_object().unwrap().keys().collect();
    assert_eq!(steps, ["boot", "configure", "hand-over", "inspect", "power", "verify", "write"]);
}

#[tokio::test]
async fn what_failed_has_no_receipt() {
    let world = World::new().await;
    let id = installed(&world).await;
    let failed = Failed { cause: "verify_deadline".into(), message: "nothing answered".into() };
    world.report(1, Step::Verify, What::Failed(failed)).await;
    assert_eq!(world.instance(id).await.receipt, None);
}
