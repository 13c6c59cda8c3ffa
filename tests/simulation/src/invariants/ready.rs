//! What a server is like that may be placed on.

use crate::{
    ledger::Ledger,
    machine::{Disk, Machine},
};
use billet_agent::network::Network as Segment;

/// What is ready is erased, off, and on no network.
pub(super) fn look(machine: &Machine, ledger: &Ledger) {
    let body = machine.lock();
    if body.disk != Disk::Blank {
        ledger.violate(format!("{} is ready and was not erased", body.name()));
    }
    if body.segments.iter().any(|segment| matches!(segment, Segment::Vpc { .. })) {
        ledger.violate(format!("{} is ready and on a tenant's network", body.name()));
    }
}
