//! A fault counts once somebody met it.

use billet_simulation::{
    journal::Journal,
    ledger::Ledger,
    machine::{Machine, World},
    network::{Network, Node},
    random::Random,
    spell::Spell,
    time::Timeline,
};
use futures_util::FutureExt as _;

#[test]
fn a_bmc_that_was_silent_while_nobody_called_it_is_no_fault() {
    let timeline = Timeline::default();
    let journal = Journal::new(timeline.clone(), false);
    let world = World {
        timeline: timeline.clone(),
        random: Random::new(1, "machines"),
        ledger: Ledger::default(),
        journal: journal.clone(),
    };
    let machine = Machine::new(0, world);
    for end in [1_000, 3_000] {
        journal.begin("bmc-silent", "m0");
        machine.lock().silent = Spell::until(end);
        timeline.advance(1_000);
    }
    assert_eq!((journal.faults().len(), journal.vain()["bmc-silent"]), (0, 2));
    for _ in 0..3 {
        assert!(machine.lock().is_silent());
    }
    timeline.advance(1_000);
    assert!(!machine.lock().is_silent());
    assert_eq!((journal.faults()["bmc-silent"], journal.vain()["bmc-silent"]), (1, 1));
}

#[test]
fn a_cut_that_held_nothing_back_is_no_fault() {
    let timeline = Timeline::default();
    let network = Network::new(timeline.clone(), Random::new(1, "network"));
    let (here, there): (Node, Node) = ("here".into(), "there".into());
    let listener = network.listen(&there, "192.0.2.1:1");
    network.cut(&here, &there);
    network.deliver();
    assert!(!network.heal(&here, &there));
    network.cut(&here, &there);
    let mut call = Box::pin(network.connect(&here, "192.0.2.1:1".into()));
    assert!((&mut call).now_or_never().is_none());
    timeline.advance(100);
    network.deliver();
    assert!(network.heal(&here, &there));
    network.deliver();
    assert!((&mut call).now_or_never().is_some_and(|answer| answer.is_ok()), "it was only held back");
    drop(listener);
}
