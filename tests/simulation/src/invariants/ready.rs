//! What a server is like that may be placed on.

use crate::{
    ledger::Ledger,
    machine::{Disk, Machine},
};
use billet_agent::network::Network as Segment;
use billet_controller::store::record::{ManageState, Server, TaskKind};

/// What is ready is erased, off, and on no network. Not looked at while there is work on the server itself: it is powered by
/// that, and boots; and one whose inspection told what it saw is ready once its agent attaches anew, before the inspection ended.
/// Nobody is placed on it before that.
///
/// It may be on where the operator asked for that since something was on it or booted in it, and until he had it powered off.
pub(super) fn look(server: &Server, machine: &Machine, ledger: &Ledger) {
    let kind = server.task.as_ref().map(|task| task.kind);
    let boots = matches!(kind, Some(TaskKind::Inspect { .. } | TaskKind::Wipe { .. }));
    if boots || server.manage_state == ManageState::InUse {
        ledger.douse(server.id);
    }
    if server.manage_state != ManageState::Ready || kind.is_some() {
        return;
    }
    let body = machine.lock();
    let may_be_on = ledger.is_lit(server.id) && server.operation_state != "power-off-succeed";
    let is_on_a_tenants = body.segments.iter().any(|segment| matches!(segment, Segment::Vpc { .. }));
    let wrong = [
        (body.disk != Disk::Blank, "was not erased"),
        (body.is_on() && !may_be_on, "not off"),
        (body.segments.contains(&Segment::Provisioning), "on the network where it boots"),
        (is_on_a_tenants, "on a tenant's network"),
    ];
    for (_, what) in wrong.into_iter().filter(|(is_wrong, _)| *is_wrong) {
        ledger.violate(format!("{} is ready and {what}", body.name()));
    }
}
