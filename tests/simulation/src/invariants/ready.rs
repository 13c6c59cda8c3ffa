//! What a server is like that may be placed on.

use crate::{
    ledger::Ledger,
    machine::{Disk, Machine},
};
use billet_agent::network::Network as Segment;

/// What is ready is erased, off, and on no network. Not to be asked while there is work on the server itself: it is powered by
/// that, and boots; and one whose inspection told what it saw is ready once its agent attaches anew, before the inspection ended.
/// Nobody is placed on it before that.
pub(super) fn look(machine: &Machine, ledger: &Ledger) {
    let body = machine.lock();
    let is_on_a_tenants = body.segments.iter().any(|segment| matches!(segment, Segment::Vpc { .. }));
    let wrong = [
        (body.disk != Disk::Blank, "was not erased"),
        (body.is_on(), "not off"),
        (body.segments.contains(&Segment::Provisioning), "on the network where it boots"),
        (is_on_a_tenants, "on a tenant's network"),
    ];
    for (_, what) in wrong.into_iter().filter(|(is_wrong, _)| *is_wrong) {
        ledger.violate(format!("{} is ready and {what}", body.name()));
    }
}
