//! One simulation: everything put together, and moved forward.

use crate::{
    agent::{Agent, Running},
    controller::{Controller, Site},
    entropy,
    faults::Faults,
    invariants::Watch,
    journal::{Journal, Kinds},
    ledger::Ledger,
    machine::{self, Machine, State},
    network::Network,
    process::Process,
    rack::Machines,
    ramdisk,
    random::Random,
    secrets,
    snapshot::Snapshot,
    time::{EPOCH_MS, Skew, Timeline},
    traffic::{PROJECT, Place, Traffic},
};
use billet_agent::boot::{BootEventKind, Identity};
use billet_controller::{
    api::ports::LifecycleApi as _,
    clock::Timestamp,
    store::record::{Image, ManageState, Server, Subnet, Vpc},
};
use billet_proto::{
    ImageId, SubnetId, VpcId,
    identity::BootIdentity,
    planted::{self, Bug},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, net::Ipv4Addr, path::Path};
use uuid::Uuid;

const AGENTS: usize = 2;
const MACHINES: usize = 7;
/// At least so many instances are asked for, in at least so many milliseconds.
const INSTANCES: usize = 22;
const TRAFFIC_MS: u64 = 60 * 60 * 1000;
const LONGEST_TRAFFIC_MS: u64 = 4 * TRAFFIC_MS;
/// Without faults, everything accepted ends within so many milliseconds.
const SETTLE_MS: u64 = 4 * 60 * 60 * 1000;
/// Longer than a call takes.
const QUIET_MS: u64 = 10_000;
/// A step while anything is on its way, and while nothing is.
const BUSY_MS: u64 = 50;
const IDLE_MS: u64 = 500;
/// Between two looks at machines, and at the database where it changed.
const LOOK_MS: u64 = 4_000;
/// And where it did not: what was answered to nobody is seen too.
const LOOK_ANYWAY: u64 = 15;

/// What one simulation showed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Outcome {
    /// Which.
    pub seed: u64,
    /// What must not have happened; empty: well.
    pub violations: Vec<String>,
    /// BLAKE3 of the journal.
    pub digest: String,
    /// The journal, where it was wanted.
    pub lines: Vec<String>,
    /// Instances that were accepted.
    pub instances: usize,
    /// Those of them that ran.
    pub ran: usize,
    /// Faults that had an effect, by kind.
    pub faults: BTreeMap<String, u64>,
    /// Single calls and messages that went wrong, by kind.
    pub slips: BTreeMap<String, u64>,
    /// Faults that were begun and that nobody met, by kind.
    pub vain: BTreeMap<String, u64>,
    /// Virtual time, in milliseconds.
    pub virtual_ms: u64,
}

/// Runs one simulation in a thread of its own; `dir` is on a file system in memory, best.
///
/// It lives the same life in each process whose first it is. A later one, or one beside it, may live another: tokio numbers
/// the tasks of all runtimes of a process, and a runtime that is dropped ends its tasks in an order that follows from their
/// numbers.
///
/// # Errors
/// When it cannot be set up.
pub fn run(seed: u64, bug: Option<Bug>, dir: &Path, keep: bool) -> anyhow::Result<Outcome> {
    let dir = dir.to_owned();
    let simulation = move || {
        entropy::seed_this_thread(seed);
        planted::plant(bug);
        let folder = tempfile::tempdir_in(dir)?;
        let ledger = Ledger::default();
        let _looking = secrets::look_into_logs(&ledger);
        let mut world = World::new(seed, folder.path(), keep, ledger)?;
        world.live()?;
        secrets::look_into_records(&world.site, &world.seen.instances, &world.ledger)?;
        Ok(world.outcome(seed))
    };
    let thread = std::thread::Builder::new().name(format!("seed {seed}")).spawn(simulation)?;
    thread.join().unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(anyhow::anyhow!("seed {seed} panicked: {}", text.unwrap_or_default()))
    })
}

/// Everything.
pub struct World {
    /// Virtual time.
    pub timeline: Timeline,
    /// The controller's wall clock.
    pub skew: Skew,
    /// What happened.
    pub journal: Journal,
    /// The network of all.
    pub network: Network,
    /// What outlives the controller's process.
    pub site: Site,
    /// While it runs.
    pub controller: Option<Controller>,
    /// All agents.
    pub agents: Vec<Agent>,
    /// All machines.
    pub machines: Machines,
    /// What was asked for.
    pub ledger: Ledger,
    random: Random,
    ramdisks: BTreeMap<usize, (u64, Process)>,
    traffic: Traffic,
    watch: Watch,
    /// The database as it was looked at last.
    pub seen: Snapshot,
    next_look: u64,
    looks: u64,
    /// How often the controller was started.
    starts: u64,
    /// When the database was read last: how often the controller was started, and, where it ran, how often it had told that
    /// something changed.
    read_at: Option<(u64, Option<u64>)>,
    busy_until: u64,
}

impl World {
    fn new(seed: u64, dir: &Path, keep: bool, ledger: Ledger) -> anyhow::Result<Self> {
        let timeline = Timeline::default();
        let journal = Journal::new(timeline.clone(), keep);
        let network = Network::new(timeline.clone(), Random::new(seed, "network"));
        let site = Site::new(dir, Random::new(seed, "controller"), journal.clone())?;
        let shared = machine::World {
            timeline: timeline.clone(),
            random: Random::new(seed, "machines"),
            ledger: ledger.clone(),
            journal: journal.clone(),
        };
        let machines: Vec<Machine> = (0..MACHINES).map(|number| Machine::new(number, shared.clone())).collect();
        let id = |tail: u128| Uuid::from_u128(0x019b_0000_0000_7000_8000_0000_b000_0000 + tail);
        let images = [ImageId::new(id(1)), ImageId::new(id(4))];
        let place = Place { images, vpc: VpcId::new(id(2)), subnet: SubnetId::new(id(3)) };
        furnish(&site, place)?;
        let mut agents = Vec::new();
        for number in 0..AGENTS {
            let agent = Agent::new(number, &site, dir, place.vpc, machines.clone())?;
            for machine in machines.iter().skip(number).step_by(AGENTS) {
                let mut server = Server::unheard_of(machine.lock().id, Timestamp(EPOCH_MS));
                server.registered_agent = Some(agent.id);
                site.write(move |tx| tx.insert_server(&server))?;
            }
            agents.push(agent);
        }
        let names = agents.iter().map(|agent: &Agent| (agent.id, agent.node.to_string())).collect();
        let traffic = Traffic::new(Random::new(seed, "traffic"), ledger.clone(), journal.clone(), (place, names));
        let mut world = Self {
            timeline,
            skew: Skew::default(),
            journal,
            network,
            site,
            controller: None,
            agents,
            machines: Machines(machines),
            ledger,
            random: Random::new(seed, "faults"),
            ramdisks: BTreeMap::new(),
            traffic,
            watch: Watch::default(),
            seen: Snapshot::default(),
            next_look: 0,
            looks: 0,
            starts: 0,
            read_at: None,
            busy_until: 0,
        };
        world.start_controller();
        (0..AGENTS).for_each(|number| world.start_agent(number));
        Ok(world)
    }

    /// Starts the controller.
    pub fn start_controller(&mut self) {
        self.starts += 1;
        match Controller::start(&self.site, &self.network, &self.timeline, &self.skew) {
            Ok(controller) => self.controller = Some(controller),
            Err(error) => self.ledger.violate(format!("the controller does not start: {error:#}")),
        }
    }

    /// Starts an agent.
    pub fn start_agent(&mut self, number: usize) {
        if let Err(error) = self.agents[number].start(&self.network, &self.machines) {
            self.ledger.violate(format!("agent {number} does not start: {error:#}"));
        }
    }

    /// Which agent that machine is registered for.
    #[must_use]
    pub fn agent_of(&self, machine: usize) -> usize {
        let id = self.machines.0[machine].lock().id;
        let agent = self.seen.servers.iter().find(|server| server.id == id).and_then(|server| server.registered_agent);
        self.agents.iter().position(|known| Some(known.id) == agent).unwrap_or(machine % AGENTS)
    }

    fn live(&mut self) -> anyhow::Result<()> {
        let mut faults = Faults::new(self.random.clone());
        // The fleet is inspected first.
        while self.seen.servers.iter().filter(|server| server.manage_state == ManageState::Ready).count() < 3 {
            self.step(u64::MAX)?;
            if self.timeline.now() > TRAFFIC_MS {
                self.ledger.violate("no servers were ready within an hour".into());
                return Ok(());
            }
        }
        let began = self.timeline.now();
        let since = |world: &Self| world.timeline.now() - began;
        while since(self) < TRAFFIC_MS || (self.ledger.instances() < INSTANCES && since(self) < LONGEST_TRAFFIC_MS) {
            faults.step(self);
            self.step(faults.due())?;
            if let Some(controller) = &self.controller {
                self.traffic.step(self.timeline.now(), &self.seen, controller, INSTANCES + 6);
            }
        }
        // What was asked for is answered, or lost, before a machine that is gone comes back.
        let quiet = self.timeline.now() + QUIET_MS;
        while self.timeline.now() < quiet {
            self.step(u64::MAX)?;
        }
        self.journal.write("--- no faults any more");
        faults.stop(self);
        let settled = self.until(|world| !world.seen.is_unfinished())?;
        if !settled {
            self.tell_stuck("did not end");
        }
        self.journal.write("--- all is given back");
        let cleaned = self.until(|world| {
            if let Some(controller) = &world.controller {
                world.traffic.clean(world.timeline.now(), &world.seen, controller);
            }
            !world.seen.is_unfinished()
                && world.seen.servers.iter().all(|server| server.manage_state == ManageState::Ready)
        })?;
        if !cleaned {
            self.tell_stuck("was not given back");
        }
        Ok(())
    }

    /// Goes on until that holds; false where it does not in time.
    fn until(&mut self, mut holds: impl FnMut(&mut Self) -> bool) -> anyhow::Result<bool> {
        let end = self.timeline.now() + SETTLE_MS;
        (self.next_look, self.read_at) = (0, None);
        self.step(u64::MAX)?;
        while self.timeline.now() < end {
            if holds(self) {
                return Ok(true);
            }
            self.step(u64::MAX)?;
        }
        Ok(false)
    }

    fn tell_stuck(&self, what: &str) {
        for instance in self.seen.instances.iter().filter(|instance| instance.phase.has_order()) {
            let (name, operation, phase) = (self.ledger.name(instance.id), instance.operation, instance.phase);
            self.ledger.violate(format!("{name} {what}: {}/{}", operation.word(), phase.word()));
        }
        for server in self.seen.servers.iter().filter(|server| server.manage_state != ManageState::Ready) {
            let state = server.manage_state.as_str();
            let task = server.task.as_ref().map_or("no task", |task| task.kind.word());
            let cause = server.error.as_ref().map_or("", |error| error.cause.as_str());
            self.ledger.violate(format!("{} {what}: {state}, {task} {cause}", server.serial));
        }
    }

    /// Moves everything forward, to `before` at the latest.
    fn step(&mut self, before: u64) -> anyhow::Result<()> {
        let now = self.timeline.now();
        if self.network.is_busy() {
            self.busy_until = now + 4 * BUSY_MS;
        }
        let whole = if now < self.busy_until { BUSY_MS } else { IDLE_MS };
        let step = whole.min(before.saturating_sub(now)).max(BUSY_MS);
        self.timeline.advance(step);
        self.network.deliver();
        if let Some(controller) = &self.controller {
            controller.process.step(step);
        }
        for running in self.agents.iter().filter_map(|agent| agent.running.as_ref()) {
            running.process.step(step);
        }
        self.end_ramdisks();
        for (_, process) in self.ramdisks.values() {
            process.step(step);
        }
        for number in 0..self.machines.0.len() {
            let machine = self.machines.0[number].clone();
            if machine.lock().step() {
                self.boot(number, &machine);
            }
        }
        self.traffic.hear();
        if self.timeline.now() >= self.next_look {
            self.next_look = self.timeline.now() + LOOK_MS;
            self.looks += 1;
            let changes = self.controller.as_ref().map(|controller| *controller.lifecycle.changes().borrow());
            // A controller that lived between two looks may have written too.
            let at = Some((self.starts, changes));
            if at != self.read_at || self.looks.is_multiple_of(LOOK_ANYWAY) {
                self.read_at = at;
                self.seen = Snapshot::take(&self.site, &self.ledger)?;
            }
            let now = (self.timeline.now(), &self.seen);
            self.watch.look(now, &self.machines.0, &self.ledger, &self.journal);
        }
        Ok(())
    }

    /// Where a machine's power went, its ramdisk ends, and nobody is told.
    fn end_ramdisks(&mut self) {
        let machines = &self.machines.0;
        let over: Vec<usize> = self
            .ramdisks
            .iter()
            .filter(|(number, (life, _))| machines[**number].lock().life != *life)
            .map(|(number, _)| *number)
            .collect();
        for number in over {
            self.network.vanish(&ramdisk::node(number));
            self.ramdisks.remove(&number);
        }
    }

    /// Firmware asks the network: the boot services of the agent that wants it to boot answer, or nobody.
    fn boot(&mut self, number: usize, machine: &Machine) {
        let mut body = machine.lock();
        let mut running = self.agents.iter().filter_map(|agent| agent.running.as_ref());
        let answers = |running: &Running| running.boots.of_mac(body.mac).map(|answered| answered.id);
        let Some((running, boot)) = running.find_map(|running| Some((running, answers(running)?))) else { return };
        for kind in [
            BootEventKind::Offered,
            BootEventKind::LoaderFetched,
            BootEventKind::ScriptFetched,
            BootEventKind::KernelFetched,
        ] {
            running.boots.reached(body.mac, kind);
        }
        let Identity::First(file) = running.boots.take_identity(body.mac, boot) else { return };
        let Ok(identity) = serde_json::from_slice::<BootIdentity>(&file) else { return };
        self.ledger.keep_secret("a boot's token", identity.boot_token.clone());
        body.state = State::Ramdisk(self.timeline.now());
        body.say("boots a ramdisk");
        let life = body.life;
        drop(body);
        let process = ramdisk::boot(machine, identity, &self.network);
        self.ramdisks.insert(number, (life, process));
    }

    fn outcome(&self, seed: u64) -> Outcome {
        Outcome {
            seed,
            violations: self.ledger.violations(),
            digest: self.journal.digest().0,
            lines: self.journal.lines(),
            instances: self.ledger.instances(),
            ran: self.watch.ran(),
            faults: owned(self.journal.faults()),
            slips: owned(self.journal.slips()),
            vain: owned(self.journal.vain()),
            virtual_ms: self.timeline.now(),
        }
    }
}

fn owned(kinds: Kinds) -> BTreeMap<String, u64> {
    kinds.into_iter().map(|(kind, count)| (kind.to_owned(), count)).collect()
}

/// Images and a network.
fn furnish(site: &Site, Place { images, vpc, subnet }: Place) -> anyhow::Result<()> {
    let (now, project_id) = (Timestamp(EPOCH_MS), PROJECT.parse::<billet_proto::ProjectId>()?);
    let (cidr, part) = ("10.20.0.0/16".parse()?, "10.20.0.0/28".parse()?);
    site.write(move |tx| {
        for (id, name, digest) in [(images[0], "debian", 7), (images[1], "ubuntu", 8)] {
            tx.insert_image(&Image {
                id,
                project_id: None,
                name: name.into(),
                os_type: "Linux".into(),
                size_bytes: 2 << 30,
                sha256: "00".repeat(32),
                manifest_digest: [digest; 32],
                created_at: now,
            })?;
        }
        tx.insert_vpc(&Vpc { id: vpc, project_id: project_id.clone(), name: "v".into(), cidr, created_at: now })?;
        tx.insert_subnet(&Subnet {
            id: subnet,
            project_id,
            vpc_id: vpc,
            name: "s".into(),
            cidr: part,
            gateway: Ipv4Addr::new(10, 20, 0, 1),
            dns: Vec::new(),
            reserved: Vec::new(),
            created_at: now,
        })
    })?;
    Ok(())
}
