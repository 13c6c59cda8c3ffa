//! Nobody powers a server for which there is no order.

use crate::{ledger::Ledger, machine::Machine, snapshot::Snapshot};
use billet_controller::{lifecycle::table::Phase, store::record::Server};
use billet_proto::{InstanceId, ServerId};
use std::collections::BTreeMap;

/// A server that nothing is to be done with: its generation, and the instance on it.
type AtRest = (u64, Option<(InstanceId, Phase)>);

/// What stood still when the database was looked at last.
#[derive(Debug, Default)]
pub(super) struct Powered(BTreeMap<ServerId, AtRest>);

impl Powered {
    /// Tells the ledger of machines whose BMC was told to do something while they stood still.
    pub(super) fn look(&mut self, now: &Snapshot, machines: &[Machine], ledger: &Ledger) {
        let at_rest = at_rest(now);
        for machine in machines {
            let (id, name, told) = {
                let mut body = machine.lock();
                (body.id, body.name(), std::mem::take(&mut body.told))
            };
            let stood = self.0.get(&id).is_some_and(|before| at_rest.get(&id) == Some(before));
            for action in told.into_iter().filter(|_| stood) {
                ledger.violate(format!("{name}: its BMC was told {action:?}, and there is no order"));
            }
        }
        self.0 = at_rest;
    }
}

/// Where something failed, its agent may be at it still: the controller did not wait. So may one that the server was taken from,
/// until it hears of that.
fn at_rest(now: &Snapshot) -> BTreeMap<ServerId, AtRest> {
    let is_free = |server: &&Server| server.task.is_none() && server.error.is_none() && server.owner.is_some();
    let free = now.servers.iter().filter(is_free);
    free.filter_map(|server| {
        let on_it = |phase: Phase| phase != Phase::Terminated;
        let instance = now.instances.iter().find(|i| i.server_id == server.id && on_it(i.phase));
        let rests = instance.is_none_or(|i| i.error.is_none() && matches!(i.phase, Phase::Running | Phase::Stopped));
        rests.then(|| (server.id, (server.generation, instance.map(|i| (i.id, i.phase)))))
    })
    .collect()
}
