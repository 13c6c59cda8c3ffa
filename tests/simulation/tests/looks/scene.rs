//! A small world in which all is well, to be doctored: an instance that runs on the first server, and a second one that is ready.

use billet_agent::network::Network as Segment;
use billet_controller::{
    clock::Timestamp,
    lifecycle::table::{Operation, Phase},
    store::record::{Instance, InstanceNic, ManageState, Server, Waiting},
};
use billet_proto::{AgentId, ImageId, InstanceId, SubnetId, VpcId};
use billet_simulation::{
    invariants::Watch,
    journal::Journal,
    ledger::Ledger,
    machine::{self, Body, Disk, Machine, State, System},
    random::Random,
    secrets::first_hash,
    snapshot::Snapshot,
    time::Timeline,
    traffic::PROJECT,
};
use std::{net::Ipv4Addr, sync::MutexGuard};
use uuid::Uuid;

/// When it is looked at again, in milliseconds: later than anything may be late.
pub const LATER: u64 = 100_000;

/// It.
pub struct Scene {
    /// What the database says.
    pub now: Snapshot,
    /// What was asked for.
    pub ledger: Ledger,
    machines: Vec<Machine>,
    journal: Journal,
    watch: Watch,
}

impl Scene {
    /// All is well, and was looked at.
    pub fn new() -> Self {
        let (timeline, ledger) = (Timeline::default(), Ledger::default());
        let journal = Journal::new(timeline.clone(), false);
        let random = Random::new(1, "machines");
        let shared = machine::World { timeline, random, ledger: ledger.clone(), journal: journal.clone() };
        let machines: Vec<Machine> = (0..2).map(|number| Machine::new(number, shared.clone())).collect();
        let servers = machines.iter().map(|machine| ready(&machine.lock())).collect();
        let now = Snapshot { servers, ..Snapshot::default() };
        let mut scene = Self { now, ledger, machines, journal, watch: Watch::default() };
        scene.run(1, 0);
        scene.look(0);
        scene
    }

    /// The machine of that number.
    pub fn body(&self, number: usize) -> MutexGuard<'_, Body> {
        self.machines[number].lock()
    }

    /// An instance runs on a server that was ready.
    pub fn run(&mut self, number: u8, server: usize) {
        let mut body = self.machines[server].lock();
        let instance = running(number, &body);
        (body.state, body.disk) = (State::System, Disk::System(system(&instance)));
        body.segments = vec![Segment::Vpc { vpc_id: instance.vpc_id }];
        self.now.servers[server].manage_state = ManageState::InUse;
        self.now.instances.push(instance);
    }

    /// Changes the system on a machine's disk.
    pub fn system(&self, number: usize, change: impl FnOnce(&mut System)) {
        match &mut self.body(number).disk {
            Disk::System(system) => change(system),
            other => panic!("no system: {other:?}"),
        }
    }

    /// Looks, at that time in milliseconds.
    pub fn look(&mut self, at: u64) {
        self.watch.look((at, &self.now), &self.machines, &self.ledger, &self.journal);
    }
}

/// The instance of that number.
pub fn instance(number: u8) -> InstanceId {
    InstanceId::new(id(0x10, number))
}

/// The image of that number.
pub fn image(number: u8) -> ImageId {
    ImageId::new(id(0x30, number))
}

fn id(kind: u128, number: u8) -> Uuid {
    Uuid::from_u128((kind << 8) | u128::from(number))
}

fn ready(body: &Body) -> Server {
    let agent = AgentId::new(id(0x50, 1));
    Server {
        serial: body.serial.clone(),
        manage_state: ManageState::Ready,
        generation: 7,
        registered_agent: Some(agent),
        owner: Some(agent),
        ..Server::unheard_of(body.id, Timestamp(0))
    }
}

fn running(number: u8, body: &Body) -> Instance {
    let address = Ipv4Addr::new(10, 20, 0, number);
    let nic = InstanceNic { subnet_id: SubnetId::new(id(0x20, 1)), address, mac: body.mac, rail: None };
    Instance {
        id: instance(number),
        version: 1,
        project_id: PROJECT.parse().expect("the name of a project"),
        name: format!("vm-{number}"),
        description: String::new(),
        image_id: image(1),
        vpc_id: VpcId::new(id(0x40, 1)),
        server_id: body.id,
        nics: vec![nic],
        operation: Operation::Install,
        operation_began_at: Timestamp(0),
        network_change: None,
        phase: Phase::Running,
        waiting_for: String::new(),
        waiting: Waiting::default(),
        deadline: None,
        generation: 7,
        password_hash: None,
        next_password_hash: None,
        metadata: None,
        user_data: None,
        ssh_keys: vec![],
        tags: vec![],
        error: None,
        host_key: Some("its key".into()),
        proof: None,
        boot_trust: None,
        disk_serial: None,
        wipe_before: None,
        receipt: None,
        clear_other_bootable_disks: false,
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
        launched_at: None,
        terminated_at: None,
    }
}

fn system(of: &Instance) -> System {
    System {
        instance: of.id,
        writes: 1,
        image: of.image_id,
        hostname: of.name.clone(),
        address: of.nics[0].address,
        vpc: of.vpc_id,
        password_hash: first_hash(&of.name),
        host_key: "its key".into(),
        is_used: true,
        is_proven: true,
    }
}
