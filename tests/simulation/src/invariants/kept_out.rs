//! What the operator took out goes to nobody before he puts it back.

use crate::{ledger::Ledger, snapshot::Snapshot};
use billet_controller::{lifecycle::table::Phase, store::record::ManageState};
use billet_proto::{InstanceId, ServerId};
use std::collections::BTreeMap;

/// What was out when the database was looked at last, and what was on it.
#[derive(Debug, Default)]
pub(super) struct KeptOut(BTreeMap<ServerId, Option<InstanceId>>);

impl KeptOut {
    /// Tells the ledger of servers that are free, or were given to another instance, and are to be out.
    pub(super) fn look(&mut self, now: &Snapshot, ledger: &Ledger) {
        let mut out = BTreeMap::new();
        for server in now.servers.iter().filter(|server| ledger.is_out(server.id)) {
            if server.manage_state == ManageState::Ready {
                ledger.violate(format!("{} is ready, and the operator took it out", server.serial));
            }
            let lives = |phase: Phase| phase != Phase::Terminated;
            let on_it = now.instances.iter().find(|i| i.server_id == server.id && lives(i.phase)).map(|i| i.id);
            let before = self.0.get(&server.id).copied();
            if let Some(placed) = on_it.filter(|_| before.is_some_and(|before| before != on_it)) {
                let name = ledger.name(placed);
                ledger.violate(format!("{name} was placed on {}, which the operator took out", server.serial));
            }
            out.insert(server.id, on_it);
        }
        self.0 = out;
    }
}
