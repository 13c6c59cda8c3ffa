//! Before a ramdisk leaves, what boots afterwards is settled.

use super::rack::{End, Rack, granted};
use crate::bmc::{BootEnabled, BootTarget, ResetType::ForceRestart};
use billet_proto::link::{Step, report};
use std::time::Duration;
use tonic::Code;

#[tokio::test]
async fn a_ramdisk_whose_word_is_older_than_ten_seconds_does_not_leave() {
    let (mut rack, session) = Rack::configured_system().await;
    rack.has_the_word(&session).await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_millis(10_100)).await;
    tokio::time::resume();
    let late = rack.leave(&session).await.unwrap_err();
    assert_eq!(late.code(), Code::FailedPrecondition, "{late}");
    assert!(!rack.word_was_asked_for(), "nothing is begun for it");
    rack.has_the_word(&session).await;
    rack.leave(&session).await.expect("it is fresh");
}

#[tokio::test]
async fn a_reset_that_the_bmc_did_not_take_while_the_word_was_good_is_not_sent_any_more() {
    let (mut rack, session) = Rack::configured_system().await;
    rack.has_the_word(&session).await;
    rack.machine().actions_take = Duration::from_secs(40);
    rack.leave(&session).await.unwrap();
    rack.speaks(granted()).await;
    rack.told(|report| match &report.what {
        Some(report::What::Started(started)) if started.waiting_for.contains("to reset") => Some(()),
        _ => None,
    })
    .await;
    tokio::time::pause();
    let End::Failed(step, failed) = rack.end(1).await else { panic!("no system ever answers") };
    assert_eq!((step, failed.cause.as_str()), (Step::Verify, "host_key_not_seen"), "whether it came is asked");
    assert!(!rack.machine().actions.contains(&ForceRestart), "{:?}", rack.machine().actions);
}

#[tokio::test]
async fn no_ramdisk_leaves_before_the_bmc_reads_back_that_the_disk_boots_from_now_on() {
    let (mut rack, session) = Rack::configured_system().await;
    assert_eq!(rack.machine().runs, BootTarget::Pxe, "its own boot");

    // It would boot from the network again, and be installed for ever.
    rack.machine().forgets_overrides = true;
    let refused = rack.ask_to_leave(&session).await.await.unwrap().unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "the ramdisk asks again: {refused}");
    assert!(!rack.word_was_asked_for(), "the controller is not asked for a word that nobody may use");

    rack.machine().forgets_overrides = false;
    let _answer = rack.ask_to_leave(&session).await;
    rack.word_is_asked_for().await;
    let boots_by = rack.machine().boots_by;
    assert_eq!((boots_by.target, boots_by.enabled), (BootTarget::Hdd, BootEnabled::Continuous));
}
