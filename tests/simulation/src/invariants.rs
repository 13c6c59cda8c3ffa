//! What must hold at every moment, whatever happened: looked at from outside, in the database and at the machines.

use crate::{
    controller::Site,
    journal::Journal,
    ledger::Ledger,
    machine::{Disk, Machine},
    powered::Powered,
    secrets::HASH,
    traffic::PROJECT,
};
use billet_agent::network::Network as Segment;
use billet_controller::{
    lifecycle::table::{Operation, Phase},
    store::{
        InstancesWanted,
        record::{Instance, ManageState, Server},
    },
};
use billet_proto::{InstanceId, ServerId, VpcId};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::Ipv4Addr,
};

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

/// The watcher.
#[derive(Default)]
pub struct Watch {
    instances: BTreeMap<InstanceId, String>,
    servers: BTreeMap<ServerId, String>,
    generations: BTreeMap<ServerId, u64>,
    /// Since when an instance's present operation is known, in milliseconds.
    operations: BTreeMap<InstanceId, (u64, u64)>,
    powered: Powered,
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
        accounted_for(now, machines.len(), ledger);
        let by_id: HashMap<InstanceId, &Instance> = now.instances.iter().map(|i| (i.id, i)).collect();
        let numbers: HashMap<ServerId, usize> = machines.iter().enumerate().map(|(n, m)| (m.lock().id, n)).collect();
        on_the_wire(&by_id, machines, ledger);
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
                installed(instance, machine, ledger);
            }
            let known = self.operations.entry(instance.id).or_insert((0, at));
            if known.0 != instance.generation {
                *known = (instance.generation, at);
            }
            powered_off(instance, machine, (known.1, ledger));
        }
        for server in &now.servers {
            let before = self.generations.insert(server.id, server.generation).unwrap_or(0);
            if server.generation < before {
                ledger.violate(format!("the generation of {} went back", server.serial));
            }
            let Some(machine) = numbers.get(&server.id).map(|number| &machines[*number]) else { continue };
            if server.manage_state == ManageState::Ready && server.task.is_none() {
                ready(machine, ledger);
            }
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

/// Every server is there, what was accepted is known, what is in progress says what it waits for and until when, and what
/// failed says why.
fn accounted_for(now: &Snapshot, servers: usize, ledger: &Ledger) {
    if now.servers.len() != servers {
        ledger.violate(format!("{} of {servers} servers are there", now.servers.len()));
    }
    for promise in ledger.take_promises().iter().filter(|promise| !promise.is_kept(now)) {
        ledger.violate(format!("{}: it was accepted, and nothing is known of it", promise.what));
    }
    for instance in &now.instances {
        let name = ledger.name(instance.id);
        if instance.phase.has_order() && (instance.waiting_for.is_empty() || instance.deadline.is_none()) {
            ledger.violate(format!("{name} does not say what it waits for, or until when"));
        }
        if instance.error.as_ref().is_some_and(|error| error.cause.is_empty() || error.message.is_empty()) {
            ledger.violate(format!("{name} does not say why it failed"));
        }
    }
    for server in &now.servers {
        let silent = server.task.as_ref().is_some_and(|task| task.waiting_for.is_empty());
        if silent || server.task.is_some() != server.task_deadline.is_some() {
            ledger.violate(format!("{} does not say what it waits for, or until when", server.serial));
        }
        if server.error.as_ref().is_some_and(|error| error.cause.is_empty() || error.message.is_empty()) {
            ledger.violate(format!("{} does not say why it failed", server.serial));
        }
    }
}

/// No address twice, and nobody who was terminated.
fn on_the_wire(by_id: &HashMap<InstanceId, &Instance>, machines: &[Machine], ledger: &Ledger) {
    let mut owners: HashMap<(VpcId, Ipv4Addr), InstanceId> = HashMap::new();
    for machine in machines {
        let body = machine.lock();
        let vpcs = body.segments.iter().filter_map(|segment| match segment {
            Segment::Vpc { vpc_id } => Some(*vpc_id),
            Segment::Provisioning => None,
        });
        for vpc in vpcs {
            let Some(system) = body.answers_in(vpc) else { continue };
            let name = ledger.name(system.instance);
            if let Some(other) = owners.insert((vpc, system.address), system.instance) {
                ledger.violate(format!("{name} and {} answer at one address", ledger.name(other)));
            }
            if by_id.get(&system.instance).is_none_or(|instance| instance.phase == Phase::Terminated) {
                ledger.violate(format!("{}: {name} runs on its network after it was terminated", body.name()));
            }
        }
    }
}

/// What the API calls usable is what was ordered.
fn installed(instance: &Instance, machine: &Machine, ledger: &Ledger) {
    let (body, name) = (machine.lock(), ledger.name(instance.id));
    let Disk::System(system) = &body.disk else {
        return ledger.violate(format!(
            "{name} is {} and {} has {:?}",
            instance.phase.word(),
            body.name(),
            kind(&body.disk)
        ));
    };
    let address = instance.nics.first().map(|nic| nic.address);
    let first = format!("{HASH}{}-0", instance.name);
    let has_its_password = ledger.may_have_password(instance.id, &first, &system.password_hash);
    let its_network = Segment::Vpc { vpc_id: system.vpc };
    // Where the controller did not wait for the end, its agent may be at it still.
    let runs = instance.phase == Phase::Running && instance.error.is_none();
    let wrong = [
        (runs && !body.segments.contains(&its_network), "no port on its network"),
        (system.instance != instance.id, "another's system"),
        (Some(system.address) != address, "another address"),
        (Some(&system.host_key) != instance.host_key.as_ref(), "another host key"),
        (!has_its_password, "another password"),
        (system.hostname != instance.name, "another host name"),
        (!system.is_proven && runs, "never proved it"),
    ];
    for (_, what) in wrong.into_iter().filter(|(is_wrong, _)| *is_wrong) {
        ledger.violate(format!("{name} is {} and has {what}", instance.phase.word()));
    }
}

/// What is off or gone was off, and what is to go is not brought to its network any more.
fn powered_off(instance: &Instance, machine: &Machine, (since, ledger): (u64, &Ledger)) {
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

/// What is ready is erased, off, and on no network.
fn ready(machine: &Machine, ledger: &Ledger) {
    let body = machine.lock();
    if body.disk != Disk::Blank {
        ledger.violate(format!("{} is ready and was not erased", body.name()));
    }
    if body.segments.iter().any(|segment| matches!(segment, Segment::Vpc { .. })) {
        ledger.violate(format!("{} is ready and on a tenant's network", body.name()));
    }
}

fn kind(disk: &Disk) -> &'static str {
    match disk {
        Disk::Blank => "zeros",
        Disk::Half(_) => "half an image",
        Disk::Image(_) => "no configuration",
        Disk::System(_) => "a system",
    }
}
