//! Orders whose work a ramdisk does.

use super::rack::{End, Rack, failed, wiped};
use billet_proto::{
    link::{Disk, Started, Step, Wipe, WipeMethod, order::Work, report},
    ramdisk::ramdisk_report::What,
};
use std::time::Duration;

fn wipe() -> Work {
    let disks = vec![Disk { serial: "A".into(), size_bytes: 512, direct: true, ..Disk::default() }];
    Work::Wipe(Wipe { method: WipeMethod::Full.into(), disks, ..Wipe::default() })
}

#[tokio::test]
async fn a_wipe_that_saw_an_unknown_disk_fails_with_its_cause_and_leaves_the_server_off() {
    let mut rack = Rack::new(false);
    rack.order(1, wipe()).await;
    let session = rack.enlist().await;
    rack.report(&session, Step::Inspect, failed("disks_not_recorded")).await;
    let End::Failed(step, failed) = rack.end(1).await else { panic!("nothing was erased") };
    assert_eq!((step, failed.cause.as_str()), (Step::Inspect, "disks_not_recorded"));
    assert!(failed.message.ends_with("the server was powered off"), "{}", failed.message);
    assert!(!rack.machine().on);
    assert!(rack.tools.ramdisks.session(&session).is_err(), "the ramdisk's session is over");
    assert!(rack.moves().last().unwrap().starts_with("detach"), "{:?}", rack.moves());
    // The controller asks again: the same answer, and no other boot.
    let actions = rack.machine().actions.len();
    rack.order(1, wipe()).await;
    assert!(matches!(rack.end(1).await, End::Failed(Step::Inspect, _)));
    assert_eq!(rack.machine().actions.len(), actions);
}

#[tokio::test]
async fn a_wipe_is_done_when_the_server_is_off_again_and_tells_what_was_erased() {
    let mut rack = Rack::new(false);
    rack.order(1, wipe()).await;
    let session = rack.enlist().await;
    rack.report(&session, Step::Wipe, wiped("A")).await;
    let End::Done(done) = rack.end(1).await else { panic!("it was erased") };
    assert_eq!(done.wiped[0].disk.as_ref().unwrap().serial, "A");
    assert!(!rack.machine().on);
}

#[tokio::test]
async fn a_server_that_cannot_be_powered_off_after_its_wipe_is_not_told_as_done() {
    let mut rack = Rack::new(false);
    rack.order(1, wipe()).await;
    let session = rack.enlist().await;
    tokio::time::pause();
    rack.machine().is_deaf = true;
    rack.report(&session, Step::Wipe, wiped("A")).await;
    let End::Failed(Step::Wipe, failed) = rack.end(1).await else { panic!("it is on still") };
    assert!(failed.message.contains("the server may be on still"), "{}", failed.message);
}

#[tokio::test]
async fn a_wipe_that_took_all_its_time_is_done_all_the_same() {
    let mut rack = Rack::new(false);
    rack.order(1, wipe()).await;
    let session = rack.enlist().await;
    let waiting_for = "the disks to be erased".into();
    rack.report(&session, Step::Wipe, What::Started(Started { waiting_for, ..Started::default() })).await;
    tokio::time::pause();
    // Of 60 s.
    tokio::time::advance(Duration::from_millis(59_800)).await;
    tokio::time::resume();
    rack.report(&session, Step::Wipe, wiped("A")).await;
    let end = rack.end(1).await;
    assert!(matches!(end, End::Done(_)), "powering off has its own time: {end:?}");
}

#[tokio::test]
async fn a_bmc_that_lets_nobody_in_after_a_boot_was_lost_is_asked_once_and_the_server_may_be_on() {
    let mut rack = Rack::new(false);
    rack.order(1, wipe()).await;
    rack.enlist().await;
    tokio::time::pause();
    rack.machine().on = false;
    rack.told(|report| match &report.what {
        Some(report::What::Note(note)) if note.kind == "boot-lost" => Some(()),
        _ => None,
    })
    .await;
    rack.machine().refuses_login = true;
    let calls = rack.machine().calls;
    let End::Failed(step, failed) = rack.end(1).await else { panic!("nobody is let in") };
    assert_eq!((step, failed.cause.as_str()), (Step::Power, "bmc_auth_failed"));
    assert!(failed.message.contains("the server may be on still"), "{}", failed.message);
    assert_eq!(rack.machine().calls, calls + 1, "a second wrong password may lock the account");
}
