//! A server's record that does not read back.

use super::rack::{End, Rack};
use billet_proto::link::{PowerOff, Step, order::Work};

fn off() -> Work {
    Work::PowerOff(PowerOff::default())
}

fn path(rack: &Rack, end: &str) -> std::path::PathBuf {
    rack.state_dir().join(format!("servers/{}.json{end}", rack.id()))
}

#[tokio::test]
async fn an_order_whose_record_does_not_read_back_has_failed_and_the_next_one_is_taken() {
    let mut rack = Rack::new(true);
    std::fs::write(path(&rack, ""), b"{\"generation\":7,\"st").unwrap();
    rack.order(7, off()).await;
    let End::Failed(step, failed) = rack.end(7).await else { panic!("it may be done already") };
    assert_eq!((step, failed.cause.as_str()), (Step::PowerOff, "agent_state"), "nobody knows whether it is off");
    assert!(rack.machine().actions.is_empty(), "nothing is done twice");
    assert!(path(&rack, ".broken").is_file(), "for whoever wants to know");
    rack.order(7, off()).await;
    assert!(matches!(rack.end(7).await, End::Failed(..)), "the same answer");
    rack.order(6, off()).await;
    rack.order(8, off()).await;
    assert!(matches!(rack.end(8).await, End::Done(_)));
    assert_eq!(rack.machine().actions.len(), 1, "the older one is refused as ever");
}

#[tokio::test]
async fn what_a_newer_version_kept_is_a_fence_and_no_hindrance_to_what_is_newer() {
    let mut rack = Rack::new(true);
    let kept = br#"{"generation":7,"stage":{"something-new":{}}}"#;
    std::fs::write(path(&rack, ""), kept).unwrap();
    rack.order(6, off()).await;
    rack.order(8, off()).await;
    assert!(matches!(rack.end(8).await, End::Done(_)), "nothing of it can have been done before");
    assert_eq!(rack.machine().actions.len(), 1, "the older one is refused");
    assert_eq!(std::fs::read(path(&rack, ".broken")).unwrap(), kept);
}

#[tokio::test]
async fn an_order_that_cannot_be_kept_says_nothing_of_the_servers_power() {
    let mut rack = Rack::new(true);
    // Neither read nor written.
    std::fs::create_dir(path(&rack, "")).unwrap();
    rack.order(7, off()).await;
    let End::Failed(step, failed) = rack.end(7).await else { panic!("it is on no disk") };
    assert_eq!((step, failed.cause.as_str()), (Step::PowerOff, "agent_state"));
    assert!(rack.machine().actions.is_empty());
}
