//! A server that another agent has by now is let be, wherever the order on it stands.

use super::rack::{End, Rack};
use crate::host::state::Stage;
use billet_proto::link::{Install, PowerOff, order::Work};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

async fn installing(generation: u64) -> (Rack, String) {
    let mut rack = Rack::new(false);
    let install = Install { hostname: "web-1".into(), nics: vec![rack.nic()], ..Install::default() };
    rack.order(generation, Work::Install(install)).await;
    let session = rack.enlist().await;
    (rack, session)
}

/// Waits until the worker heard it.
async fn lost(rack: &Rack) {
    let before = rack.machine().closed;
    rack.lost().await;
    rack.until(|machine| machine.closed > before).await;
}

#[tokio::test]
async fn a_server_that_was_lost_is_let_be_and_its_ramdisk_is_nobodys() {
    let (rack, session) = installing(7).await;
    lost(&rack).await;
    assert!(rack.tools.ramdisks.session(&session).is_err(), "nothing more is done for that ramdisk");
    assert_eq!(rack.tools.boots.token_of(rack.id()), None);
    assert!(rack.machine().on, "its new agent knows what is to become of it");
    tokio::time::pause();
    let (calls, moves) = (rack.machine().calls, rack.moves());
    // For whoever looked, it lost its power: the new agent takes it off, to boot it for itself.
    rack.machine().on = false;
    tokio::time::sleep(30 * MINUTE).await;
    assert_eq!((rack.machine().calls, rack.moves()), (calls, moves), "neither its BMC nor its ports are touched");
}

#[tokio::test]
async fn a_server_that_was_lost_keeps_its_fence_and_goes_on_where_it_stood_when_it_comes_back() {
    let (mut rack, _) = installing(7).await;
    lost(&rack).await;
    let record = rack.tools.records.load(rack.id()).unwrap().unwrap();
    assert!(record.generation == 7 && matches!(record.stage, Stage::Ramdisk { .. }), "{record:?}");
    let before = rack.machine().actions.clone();
    rack.order(6, Work::PowerOff(PowerOff::default())).await;
    rack.order(8, Work::PowerOff(PowerOff { nics: vec![rack.nic()] })).await;
    assert!(matches!(rack.end(8).await, End::Done(_)));
    assert_eq!(rack.machine().actions.len(), before.len() + 1, "the older one was refused");
}
