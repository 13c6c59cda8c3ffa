//! What was powered off for good.

use crate::{
    ledger::Ledger,
    machine::{Disk, Machine},
};
use billet_agent::network::Network as Segment;
use billet_controller::{
    lifecycle::table::{Operation, Phase},
    store::record::Instance,
};

/// What is off or gone was off, and what is to go is not brought to its network any more.
pub(super) fn look(instance: &Instance, machine: &Machine, (since, ledger): (u64, &Ledger)) {
    /// The database is looked at now and then, and a word is good for 10 s.
    const LATE: u64 = 30_000;
    let (body, name) = (machine.lock(), ledger.name(instance.id));
    let mine = matches!(&body.disk, Disk::System(system) if system.instance == instance.id);
    let was_off = !body.is_on() || body.off_at + LATE >= since || body.on_at + LATE >= since;
    if matches!(instance.phase, Phase::Stopped | Phase::Terminated) && mine && !was_off {
        ledger.violate(format!("{name} is {} and {} was not off", instance.phase.word(), body.name()));
    }
    let goes = instance.operation == Operation::Uninstall;
    let attached = body.segments.iter().any(|segment| *segment != Segment::Provisioning);
    if goes && mine && attached && body.attached_at > since + LATE {
        ledger.violate(format!("{name} is to go and came to its network"));
    }
}
