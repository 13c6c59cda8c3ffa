//! What the database says, read from outside of all processes.

use crate::{controller::Site, ledger::Ledger, traffic::PROJECT};
use billet_controller::store::{
    InstancesWanted,
    record::{Instance, ManageState, Server},
};
use billet_proto::InstanceId;
use std::collections::BTreeSet;

/// All of the API's words: those that were terminated are listed only where they are named.
const STATES: [&str; 6] = ["pending", "running", "stopped", "shutting-down", "terminated", "error"];

/// What the database says.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// All instances, terminated ones too.
    pub instances: Vec<Instance>,
    /// All servers.
    pub servers: Vec<Server>,
    /// Those that were promised another password and have one waiting.
    pub passwords: BTreeSet<InstanceId>,
}

impl Snapshot {
    /// As it is now.
    ///
    /// # Errors
    /// When the store fails.
    pub fn take(site: &Site, ledger: &Ledger) -> anyhow::Result<Self> {
        let promised = ledger.passwords_promised();
        let wanted = InstancesWanted {
            project: PROJECT.parse()?,
            ids: Vec::new(),
            servers: Vec::new(),
            states: STATES.map(str::to_owned).to_vec(),
            name: None,
            tag: None,
            marker: None,
            limit: 1000,
        };
        let (instances, mut servers, passwords) = site.write(move |tx| {
            let mut servers = Vec::new();
            for state in ManageState::ALL {
                servers.extend(tx.servers_in(state)?);
            }
            // Lists show no secrets.
            let mut passwords = BTreeSet::new();
            for id in promised {
                let waits = tx.instance(id)?.is_some_and(|instance| instance.next_password_hash.is_some());
                passwords.extend(waits.then_some(id));
            }
            Ok((tx.list_instances(&wanted)?.0, servers, passwords))
        })?;
        servers.sort_by_key(|server| server.id);
        Ok(Self { instances, servers, passwords })
    }

    /// Whether an order or a task is in progress.
    #[must_use]
    pub fn is_unfinished(&self) -> bool {
        self.instances.iter().any(|instance| instance.phase.has_order())
            || self.servers.iter().any(|server| server.task.is_some())
    }
}
