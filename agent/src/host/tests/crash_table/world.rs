//! One server with everything that an agent works on, played; and one thing that goes wrong.

use crate::{
    bmc::{BootTarget, ResetType},
    boot::BootTable,
    config::Config,
    host::{
        link::{Link, Told},
        orders::Tools,
        ramdisks::Ramdisks,
        state::{PlayedDisk, Records, Stage},
        tests::chassis::{Chassis, Fault},
        worker,
    },
    inject::HostKeyPair,
    network::{Action, Move, Network, NetworkError, Provider, Switch},
    probe::{HostKey, Probe, ProbeError},
};
use billet_proto::{
    ServerId,
    link::{AgentMessage, NicConfig},
};
use futures_util::future::BoxFuture;
use std::{
    collections::BTreeSet,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};
use tokio::{sync::mpsc, task::JoinHandle};

const SAMPLE: &str = include_str!("../../../../../packaging/config/agent.toml");

/// What goes wrong; each with one call, by its number from 1, or with what a ramdisk says, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    Nothing,
    /// The order comes again all the time, and each report twice.
    Repeated,
    Bmc(usize, Fault),
    Port(usize, Fault),
    /// The switch takes a minute for that move.
    SlowPort(usize),
    /// The agent's own disk: full, or the agent is killed before or after a record is on it.
    Record(usize, Fault),
    /// The ramdisk tells that it failed, in place of that word.
    Told(usize),
    /// Before that word the power is gone; or comes back at once, and firmware starts the network boot, or the disk.
    Dark(usize),
    Restarted(usize, BootTarget),
    /// Before that word the power is gone, at every boot.
    DarkAlways(usize),
    /// The system from the disk loses its power as it starts.
    DarkSystem,
    /// The system from the disk starts only when it is reset once more, and the BMC takes minutes to say whether it
    /// is on.
    HungSystem,
    /// Before that word the ramdisk is cut off for so many seconds.
    CutOff(usize, u64),
    /// Before that word the system from the disk starts, and the agent is killed when it knows that the boot is lost.
    RestartedAndKilled(usize),
}

/// What is outside of the agent, and goes on when that is killed.
pub(super) struct World {
    pub(super) chassis: Arc<Chassis>,
    pub(super) wrong: Wrong,
    /// Whether that happened.
    pub(super) happened: Mutex<bool>,
    /// The networks that the port is on.
    pub(super) networks: Mutex<BTreeSet<&'static str>>,
    moves: Mutex<usize>,
    saves: Mutex<usize>,
    /// The host key of the system on the disk.
    pub(super) disk: Mutex<Option<String>>,
    /// Of the agent that runs now.
    tools: Mutex<Option<Tools>>,
}

impl World {
    pub(super) fn tools(&self) -> Tools {
        self.tools.lock().unwrap().clone().expect("an agent runs")
    }

    pub(super) fn happens(&self) {
        *self.happened.lock().unwrap() = true;
    }

    /// Whether it is this call's turn.
    fn turn(&self, at: usize, counter: &Mutex<usize>) -> bool {
        let mut counter = counter.lock().unwrap();
        *counter += 1;
        let is_now = *counter == at;
        if is_now {
            self.happens();
        }
        is_now
    }

    fn kept(&self, is_kept: bool) -> std::io::Result<()> {
        if let Wrong::RestartedAndKilled(_) = self.wrong {
            let tools = self.tools();
            let record = tools.records.load(tools.server.id).unwrap();
            if is_kept && record.is_some_and(|record| record.boots_lost == 1) && self.turn(1, &self.saves) {
                self.chassis.kill();
            }
            return Ok(());
        }
        let Wrong::Record(at, fault) = self.wrong else { return Ok(()) };
        let is_after = fault == Fault::KilledAfter;
        if is_kept != is_after || !self.turn(at, &self.saves) {
            return Ok(());
        }
        match fault {
            Fault::KilledBefore | Fault::KilledAfter => self.chassis.kill(),
            Fault::Lost | Fault::AnswerLost => Err(std::io::ErrorKind::StorageFull.into()),
        }
    }
}

/// The switch.
struct Played(Arc<World>);

impl Switch for Played {
    fn carry_out<'a>(&'a self, wanted: &'a Move) -> BoxFuture<'a, Result<(), NetworkError>> {
        let world = &self.0;
        let fault = match world.wrong {
            Wrong::Port(at, fault) if world.turn(at, &world.moves) => Some(fault),
            _ => None,
        };
        if fault == Some(Fault::KilledBefore) {
            world.chassis.kill();
        }
        if fault != Some(Fault::Lost) {
            let network = match wanted.network {
                Network::Provisioning => "provisioning",
                Network::Vpc { .. } => "vpc",
            };
            let mut networks = world.networks.lock().unwrap();
            match wanted.action {
                Action::Attach => drop(networks.insert(network)),
                Action::Detach => drop(networks.remove(network)),
            }
        }
        if fault == Some(Fault::KilledAfter) {
            world.chassis.kill();
        }
        let answer = match fault {
            Some(_) => Err(NetworkError::Deadline { mac: wanted.mac, seconds: 30 }),
            None => Ok(()),
        };
        let takes = match world.wrong {
            Wrong::SlowPort(at) if world.turn(at, &world.moves) => Duration::from_secs(60),
            _ => Duration::ZERO,
        };
        Box::pin(async move {
            tokio::time::sleep(takes).await;
            answer
        })
    }
}

/// The probe finds the key of the system that runs, where that is on the tenant's network.
impl Probe for Played {
    fn host_key<'a>(
        &'a self,
        target: SocketAddr,
        _interface: &'a str,
        expected: &'a HostKey,
        _deadline: Duration,
    ) -> BoxFuture<'a, Result<(), ProbeError>> {
        let world = &self.0;
        let runs = {
            let mut machine = world.chassis.machine();
            if world.wrong == Wrong::DarkSystem && !std::mem::replace(&mut *world.happened.lock().unwrap(), true) {
                machine.on = false;
            }
            let hangs = world.wrong == Wrong::HungSystem && {
                *world.happened.lock().unwrap() = true;
                machine.looks_take = Duration::from_secs(400);
                machine.actions.iter().filter(|action| **action == ResetType::ForceRestart).count() < 2
            };
            machine.on && machine.runs == BootTarget::Hdd && !hangs
        };
        let is_there = world.networks.lock().unwrap().contains("vpc");
        let key = world.disk.lock().unwrap().clone();
        let answers = runs && is_there && key.is_some_and(|key| key == expected.to_string());
        Box::pin(async move {
            let source = std::io::ErrorKind::ConnectionRefused.into();
            if answers { Ok(()) } else { Err(ProbeError::NoConnection { target, source }) }
        })
    }
}

/// The agent, in that world.
pub(super) struct Agent {
    pub(super) world: Arc<World>,
    pub(super) told: mpsc::Receiver<AgentMessage>,
    pub(super) orders: mpsc::Sender<Told>,
    worker: JoinHandle<()>,
    config: Arc<Config>,
    dir: tempfile::TempDir,
}

impl Agent {
    pub(super) fn new(wrong: Wrong, on: bool, disk: Option<String>, networks: &[&'static str]) -> Self {
        // In memory: a thousand agents wait for no disk.
        let memory = Path::new("/dev/shm");
        let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let config = Arc::new(Config::parse(SAMPLE).unwrap());
        let chassis = Arc::new(Chassis::new(config.servers[0].uuid.unwrap(), on));
        if let Wrong::Bmc(at, fault) = wrong {
            chassis.machine().fault = Some((at, fault));
        }
        let world = Arc::new(World {
            chassis,
            wrong,
            happened: Mutex::new(false),
            networks: Mutex::new(networks.iter().copied().collect()),
            moves: Mutex::new(0),
            saves: Mutex::new(0),
            disk: Mutex::new(disk),
            tools: Mutex::new(None),
        });
        let (told, orders, worker) = start(&world, &config, dir.path());
        Self { world, told, orders, worker, config, dir }
    }

    pub(super) fn id(&self) -> ServerId {
        self.config.servers[0].id
    }

    pub(super) fn nic(&self) -> NicConfig {
        NicConfig {
            mac: self.config.servers[0].nics[0].mac.to_string(),
            vpc_id: self.config.probes[0].vpc_id.to_string(),
            address: "10.20.0.7".into(),
            prefix_length: 24,
            ..NicConfig::default()
        }
    }

    /// Whether it was killed by now; then another one is started, with what is on disk.
    pub(super) async fn starts_again(&mut self) -> bool {
        if !self.world.chassis.killed.swap(false, Ordering::Relaxed) {
            return false;
        }
        self.world.happens();
        self.worker.abort();
        let _ = (&mut self.worker).await;
        tokio::task::yield_now().await;
        self.world.chassis.machine().identified = false;
        (self.told, self.orders, self.worker) = start(&self.world, &self.config, self.dir.path());
        true
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.worker.abort();
        // They know each other.
        *self.world.tools.lock().unwrap() = None;
    }
}

/// A host key that no system had before.
pub(super) fn new_key() -> String {
    let key: HostKey = HostKeyPair::generate().unwrap().public().unwrap().parse().unwrap();
    key.to_string()
}

type Started = (mpsc::Receiver<AgentMessage>, mpsc::Sender<Told>, JoinHandle<()>);

/// As the daemon does.
fn start(world: &Arc<World>, config: &Arc<Config>, dir: &Path) -> Started {
    let (link, told) = Link::to_a_test();
    let mut records = Records::open(dir).unwrap();
    let kept = Arc::downgrade(world);
    records.disk =
        Some(PlayedDisk(Arc::new(move |is_kept| kept.upgrade().map_or(Ok(()), |world| world.kept(is_kept)))));
    let (server, ramdisks) = (config.servers[0].clone(), Ramdisks::default());
    if let Some(Stage::Ramdisk { session, token, .. }) = records.load(server.id).unwrap().map(|record| record.stage) {
        ramdisks.await_order(server.id, (token, session));
    }
    let tools = Tools {
        provider: Provider::over(Arc::new(Played(world.clone())), &server),
        probe: Arc::new(Played(world.clone())),
        config: config.clone(),
        server: Arc::new(server),
        bmc: world.chassis.clone(),
        boots: BootTable::new(),
        ramdisks,
        records,
        link,
        boot_ca: "".into(),
    };
    *world.tools.lock().unwrap() = Some(tools.clone());
    let (orders, taken) = mpsc::channel(8);
    (told, orders, tokio::spawn(worker::run(tools, taken)))
}
