//! The controller refuses its word: it ended the order itself, or something newer has the server.

use super::rack::{End, Rack, failed};
use crate::bmc::ResetType::{ForceOff, On};
use billet_proto::link::{Power, PowerAction, Step, Word, order::Work};
use std::time::Duration;

fn refused(over: bool) -> Word {
    Word { reason: "as the test says".into(), over, ..Word::default() }
}

#[tokio::test]
async fn a_server_whose_order_the_controller_ended_is_powered_off_and_one_that_something_newer_has_is_let_be() {
    for over in [true, false] {
        let (mut rack, session) = Rack::configured_system().await;
        let moved = rack.moves().len();
        let answer = rack.ask_to_leave(&session).await;
        rack.speaks(refused(over)).await;
        assert!(!answer.await.unwrap().unwrap().granted);
        let End::Failed(step, failed) = rack.end(1).await else { panic!("it was refused") };
        assert_eq!((step, failed.cause.as_str()), (Step::HandOver, "hand_over_refused"));
        assert_eq!(failed.message.ends_with("the server was powered off"), over, "{}", failed.message);
        let actions = rack.machine().actions.clone();
        assert_eq!(actions, if over { vec![On, ForceOff] } else { vec![On] });
        let after: &[&str] = if over { &["detach 52:54:00:00:00:01 provisioning"] } else { &[] };
        assert_eq!(rack.moves()[moved..], *after);
    }
}

#[tokio::test]
async fn a_server_whose_order_is_over_when_its_ramdisk_left_is_powered_off_too() {
    let (mut rack, session) = Rack::configured_system().await;
    rack.has_the_word(&session).await;
    rack.leave(&session).await.unwrap();
    rack.speaks(refused(true)).await;
    let End::Failed(Step::HandOver, failed) = rack.end(1).await else { panic!("it was refused") };
    assert!(failed.message.ends_with("the server was powered off"), "{}", failed.message);
    assert_eq!(rack.machine().actions, [On, ForceOff]);
}

#[tokio::test]
async fn a_newer_order_is_not_hit_by_the_powering_off_of_one_that_was_over() {
    let (mut rack, session) = Rack::configured_system().await;
    rack.machine().actions_take = Duration::from_secs(10);
    let answer = rack.ask_to_leave(&session).await;
    rack.speaks(refused(true)).await;
    assert!(!answer.await.unwrap().unwrap().granted);
    let power = Power { action: PowerAction::On.into(), ..Power::default() };
    rack.order(2, Work::Power(power)).await;
    assert!(matches!(rack.end(2).await, End::Done(_)));
    tokio::time::pause();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(rack.machine().on, "its power-off was dropped before the newer one began");
    assert_eq!(rack.machine().actions, [On]);
}

#[tokio::test]
async fn what_a_ramdisk_tells_of_its_word_is_no_newer_order() {
    let (mut rack, session) = Rack::configured_system().await;
    rack.report(&session, Step::HandOver, failed("hand_over_refused")).await;
    assert!(matches!(rack.end(1).await, End::Failed(Step::HandOver, _)));
    assert!(!rack.machine().on, "nobody else powers it off");
}
