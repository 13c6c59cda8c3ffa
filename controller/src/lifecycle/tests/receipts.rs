//! What runs has a receipt, and so has what was erased.

use super::{KEY, done, installed, world::World};
use crate::{
    api::ports::LifecycleApi,
    host_key::fingerprint,
    request::ServerAction,
    store::record::{ManageState, WipeReceipt},
};
use billet_proto::link::{Done, Failed, Step, WipedDisk, report::What};
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

/// An instance comes and goes; the wipe that follows is in progress. Answers its generation.
async fn released(world: &World) -> u64 {
    let id = world.create().await.unwrap();
    world.terminate(id).await;
    world.server().await.generation
}

async fn wipe_receipts(world: &World) -> Vec<WipeReceipt> {
    let server = world.server_id();
    world.store.read(move |tx| tx.wipe_receipts(server, None, 10)).await.unwrap()
}

#[tokio::test]
async fn each_disk_that_was_erased_has_a_receipt_that_says_how_that_is_known() {
    let world = World::new().await;
    let generation = released(&world).await;
    let accepted = world.edge.now();
    world.clock.advance(Duration::from_secs(60));
    world.erase().await;
    // Told again, as after a session that was lost.
    world.erase().await;
    let server = world.server().await;
    assert_eq!(server.manage_state, ManageState::Ready);
    let receipts = wipe_receipts(&world).await;
    let [receipt] = receipts.as_slice() else { panic!("one, and not {receipts:?}") };
    assert_eq!((receipt.generation, receipt.disk_serial.as_str()), (generation, "vda-1"));
    assert_eq!(receipt.recorded_at, world.edge.now());
    let said = world.lifecycle.receipt_key().verify(&receipt.jws).unwrap();
    let expected = serde_json::json!({
        "version": 1,
        "kind": "wipe",
        "server": { "id": world.server_id().to_string(), "uuid": "", "serial": "SN1" },
        "disk": { "serial": "vda-1", "wwn": "", "model": "", "firmware_version": "", "transport": "", "size_bytes": 10_u64 << 30 },
        "policy": "full",
        "method": "nvme-format",
        "zeroed_after": true,
        "refused": ["nvme-sanitize-block: it failed"],
        "ranges": [{ "from": 0, "bytes": 10_u64 << 30 }],
        "bytes": 10_u64 << 30,
        "samples": { "count": 64, "places_blake3": "ab".repeat(32) },
        "generation": generation,
        "times": {
            "accepted": accepted.to_string(),
            "recorded": world.edge.now().to_string(),
            "erase_ms": 7000,
            "read_back_ms": 800,
        },
    });
    assert_eq!(said, expected);
    // A power action later ends well too, and makes none.
    world.lifecycle.power_servers(None, vec![world.server_id()], crate::lifecycle::PowerAction::On).await.unwrap();
    world.report(world.server().await.generation, Step::Power, What::Done(Done::default())).await;
    assert_eq!(wipe_receipts(&world).await.len(), 1);
}

#[tokio::test]
async fn a_wipe_that_fails_or_leaves_a_disk_makes_no_receipt_and_keeps_the_server_out() {
    let failed = Failed { cause: "disk_read_back".into(), message: "vda".into() };
    let unread = WipedDisk { read_back: 0, ..first_wiped() };
    for told in [What::Failed(failed), What::Done(Done { wiped: vec![unread], ..Done::default() })] {
        let world = World::new().await;
        let generation = released(&world).await;
        world.report(generation, Step::Wipe, told).await;
        assert_eq!(world.server().await.manage_state, ManageState::Maintain);
        assert_eq!(wipe_receipts(&world).await, []);
    }
}

fn first_wiped() -> WipedDisk {
    let What::Done(done) = World::wiped() else { panic!("it ends well") };
    done.wiped.into_iter().next().unwrap()
}

#[tokio::test]
async fn the_receipts_of_its_disks_stay_when_a_server_is_forgotten() {
    let world = World::new().await;
    for action in [
        ServerAction::Maintain { reason: "it leaves".into() },
        ServerAction::Wipe { policy: None },
        ServerAction::Offboard { confirm_off: false },
    ] {
        let is_wipe = action == ServerAction::Wipe { policy: None };
        world.lifecycle.act_on_server(world.server_id(), action).await.unwrap();
        if is_wipe {
            world.erase().await;
        }
    }
    world.lifecycle.forget_server(world.server_id(), false).await.unwrap();
    let server = world.server_id();
    assert_eq!(world.store.read(move |tx| tx.server(server)).await.unwrap(), None);
    assert_eq!(wipe_receipts(&world).await.len(), 1);
}
