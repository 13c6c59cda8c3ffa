//! What is looked at from outside is seen where it is wrong.

use billet_proto::InstanceId;
use billet_simulation::{
    invariants::Watch,
    journal::Journal,
    ledger::Ledger,
    secrets::{HASH, PASSWORD},
    snapshot::Snapshot,
    time::Timeline,
};

#[test]
fn an_instance_that_was_accepted_and_is_not_there_is_missed() {
    let ledger = Ledger::default();
    ledger.accept(InstanceId::new(uuid::Uuid::from_u128(1)));
    let journal = Journal::new(Timeline::default(), false);
    Watch::default().look((0, &Snapshot::default()), &[], &ledger, &journal);
    assert_eq!(ledger.violations(), ["i1 was accepted and is not there"]);
}

#[test]
fn a_secret_is_seen_in_the_middle_of_a_text() {
    let ledger = Ledger::default();
    ledger.keep_token("0123abcd".into());
    ledger.look_for_secrets("an older text", "89ab is made");
    ledger.keep_token("89ab".into());
    for text in [format!("the password {PASSWORD} is"), format!("<{HASH}x>"), "token=0123abcd.".into(), "none".into()] {
        ledger.look_for_secrets("a text", &text);
    }
    let seen = [
        "a boot's token stands in an older text",
        "a password stands in a text",
        "a password's hash stands in a text",
        "a boot's token stands in a text",
    ];
    assert_eq!(ledger.violations(), seen);
}
