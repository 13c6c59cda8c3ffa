//! What must hold at every moment, whatever happened: looked at from outside, in the database and at the machines.

mod accounted;
mod installed;
mod kept_out;
mod off;
mod powered;
mod ready;
mod wire;

use crate::{journal::Journal, ledger::Ledger, machine::Machine, snapshot::Snapshot};
use billet_controller::{
    lifecycle::table::{Operation, Phase},
    store::record::Instance,
};
use billet_proto::{InstanceId, ServerId};
use kept_out::KeptOut;
use powered::Powered;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The watcher.
#[derive(Default)]
pub struct Watch {
    instances: BTreeMap<InstanceId, String>,
    servers: BTreeMap<ServerId, String>,
    generations: BTreeMap<ServerId, u64>,
    /// Since when an instance's present operation is known, in milliseconds.
    operations: BTreeMap<InstanceId, (Operation, u64, u64)>,
    powered: Powered,
    kept_out: KeptOut,
    /// Instances that ran.
    ran: BTreeSet<InstanceId>,
}

impl Watch {
    /// Looks, writes what changed into the journal, and tells the ledger what must not be.
    ///
    /// `at` is the time, in milliseconds.
    pub fn look(&mut self, (at, now): (u64, &Snapshot), machines: &[Machine], ledger: &Ledger, journal: &Journal) {
        self.tell(now, ledger, journal);
        self.powered.look(now, machines, ledger);
        self.kept_out.look(now, ledger);
        accounted::look(now, machines.len(), ledger);
        let by_id: HashMap<InstanceId, &Instance> = now.instances.iter().map(|i| (i.id, i)).collect();
        let numbers: HashMap<ServerId, usize> = machines.iter().enumerate().map(|(n, m)| (m.lock().id, n)).collect();
        wire::look(&by_id, machines, ledger);
        for gone in ledger.accepted().into_iter().filter(|id| !by_id.contains_key(id)) {
            ledger.violate(format!("{} was accepted and is not there", ledger.name(gone)));
        }
        let mut held: HashMap<ServerId, InstanceId> = HashMap::new();
        for instance in &now.instances {
            let name = ledger.name(instance.id);
            if instance.phase != Phase::Terminated
                && let Some(other) = held.insert(instance.server_id, instance.id)
            {
                ledger.violate(format!("{name} and {} have one server", ledger.name(other)));
            }
            let Some(machine) = numbers.get(&instance.server_id).map(|number| &machines[*number]) else { continue };
            if instance.phase == Phase::Running {
                self.ran.insert(instance.id);
            }
            if matches!(instance.phase, Phase::Running | Phase::Stopped) {
                installed::look(instance, machine, ledger);
            }
            // By the operator's word an instance may be gone without an order.
            let (operation, generation) = (instance.operation, instance.generation);
            let known = self.operations.entry(instance.id).or_insert((operation, generation, at));
            if (known.0, known.1) != (operation, generation) {
                *known = (operation, generation, at);
            }
            off::look(instance, machine, (known.2, ledger));
        }
        for server in &now.servers {
            let before = self.generations.insert(server.id, server.generation).unwrap_or(0);
            if server.generation < before {
                ledger.violate(format!("the generation of {} went back", server.serial));
            }
            let Some(machine) = numbers.get(&server.id).map(|number| &machines[*number]) else { continue };
            ready::look(server, machine, ledger);
        }
    }

    /// How many instances ran at some time.
    #[must_use]
    pub fn ran(&self) -> usize {
        self.ran.len()
    }

    fn tell(&mut self, now: &Snapshot, ledger: &Ledger, journal: &Journal) {
        for instance in &now.instances {
            if let Some(error) = &instance.error {
                ledger.look_for_secrets("an error", &error.message);
            }
            ledger.look_for_secrets("what is waited for", &instance.waiting_for);
            let cause = instance.error.as_ref().map_or("", |error| error.cause.as_str());
            let line = format!("{}/{} {cause}", instance.operation.word(), instance.phase.word());
            if self.instances.get(&instance.id) != Some(&line) {
                journal.write(&format!("{} {line}", ledger.name(instance.id)));
                self.instances.insert(instance.id, line);
            }
        }
        for server in &now.servers {
            let task =
                server.task.as_ref().map_or_else(String::new, |task| format!("{} {}", task.kind.word(), task.step));
            if let Some(task) = &server.task {
                ledger.look_for_secrets("what a server waits for", &task.waiting_for);
            }
            if let Some(error) = &server.error {
                ledger.look_for_secrets("a server's error", &error.message);
            }
            let cause = server.error.as_ref().map_or("", |error| error.cause.as_str());
            let line = format!("{} {task} {cause}", server.manage_state.as_str());
            if self.servers.get(&server.id) != Some(&line) {
                journal.write(&format!("{} {line}", server.serial));
                self.servers.insert(server.id, line);
            }
        }
    }
}
