//! A journal that cannot be written: its disk is full, for one.

use super::rack::{End, Rack};
use crate::bmc::ResetType::ForceOff;
use billet_proto::link::{PowerOff, order::Work};
use std::fs;

#[tokio::test]
async fn an_order_that_the_journal_has_no_room_for_is_not_begun_and_comes_again_with_a_new_session() {
    let mut rack = Rack::new(true);
    // In the way of the file that is written before it takes the record's place.
    let in_the_way = rack.state_dir().join(format!("servers/{}.json.new", rack.id()));
    fs::create_dir(&in_the_way).unwrap();
    rack.order(1, Work::PowerOff(PowerOff::default())).await;
    rack.session_ends().await;
    assert!(rack.machine().on && rack.machine().actions.is_empty(), "what is not in the journal is not done");

    fs::remove_dir(&in_the_way).unwrap();
    rack.attach();
    rack.order(1, Work::PowerOff(PowerOff::default())).await;
    assert!(matches!(rack.end(1).await, End::Done(_)));
    assert_eq!(rack.machine().actions, [ForceOff]);
}
