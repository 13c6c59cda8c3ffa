//! One server's worker, with everything around it played by the test.

use super::chassis::{Chassis, Machine};
use crate::{
    boot::BootTable,
    config::Config,
    host::{
        link::{Link, Told},
        orders::Tools,
        ramdisks::{Call, Ramdisks},
        state::Records,
        worker,
    },
    network::{self, Provider, hook_script::hook_script},
    probe::SshProbe,
};
use billet_proto::{
    ServerId,
    link::{
        AgentMessage, Done, Failed, Install, Inventory, NicConfig, Order, Report, Step, StepDeadline, Word,
        WordRequest, agent_message, order::Work, report::What,
    },
    ramdisk::{self, Configured, HandOverReply, RamdiskReport, enlist_reply::Task, ramdisk_report},
};
use std::{sync::Arc, time::Duration};
use tokio::sync::{mpsc, oneshot};
use tonic::Status;

/// Written by `ssh-keygen -t ed25519`.
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFKAoMx/gB+cjOJMaYrvzf7cICdPxdYpzn5yoMkXatdQ";
const SAMPLE: &str = include_str!("../../../../packaging/config/agent.toml");
/// No test waits longer for anything.
const PATIENCE: Duration = Duration::from_secs(1200);

pub(super) struct Rack {
    pub(super) tools: Tools,
    chassis: Arc<Chassis>,
    dir: tempfile::TempDir,
    orders: mpsc::Sender<Told>,
    told: mpsc::Receiver<AgentMessage>,
    /// What the last ramdisk that enlisted was told to do.
    pub(super) offered: Option<Task>,
}

/// How an order ended.
#[derive(Debug)]
pub(super) enum End {
    Done(Done),
    Failed(Step, Failed),
}

impl Rack {
    /// The sample's server, on or off; its ports are moved by a hook that writes down what it was told.
    pub(super) fn new(on: bool) -> Self {
        Self::configured(on, &[])
    }

    /// As above, with other words in the sample.
    pub(super) fn configured(on: bool, words: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let lines = format!("cat >> {0}\necho >> {0}\necho '{{\"ok\":true}}'", dir.path().join("moves").display());
        let hook = hook_script(dir.path(), &lines);
        let text = SAMPLE
            .replace("/var/lib/billet-agent", &dir.path().display().to_string())
            .replace("provider = \"static\"", &format!("provider = \"hook\"\ncommand = \"{}\"", hook.display()));
        let text = words.iter().fold(text, |text, (from, to)| text.replace(from, to));
        let config = Arc::new(Config::parse(&text).unwrap());
        let server = config.servers[0].clone();
        let chassis = Arc::new(Chassis::new(server.uuid.unwrap(), on));
        let (link, told) = Link::to_a_test();
        let tools = Tools {
            provider: Provider::over(network::switch(config.network.clone()), &server),
            probe: Arc::new(SshProbe),
            config,
            server: Arc::new(server),
            bmc: chassis.clone(),
            boots: BootTable::new(),
            ramdisks: Ramdisks::default(),
            records: Records::open(dir.path()).unwrap(),
            link,
            boot_ca: "".into(),
        };
        let (orders, taken) = mpsc::channel(8);
        tokio::spawn(worker::run(tools.clone(), taken));
        Self { tools, chassis, dir, orders, told, offered: None }
    }

    /// Waits until that holds of the machine.
    pub(super) async fn until(&self, holds: impl Fn(&Machine) -> bool) {
        let looks = async {
            while !holds(&self.machine()) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(PATIENCE, looks).await.expect("it comes to that in time");
    }

    /// With a ramdisk that installed a system, and did all but leave; and its session.
    pub(super) async fn configured_system() -> (Self, String) {
        let mut rack = Self::new(false);
        let install = Install { hostname: "web-1".into(), nics: vec![rack.nic()], ..Install::default() };
        rack.order(1, Work::Install(install)).await;
        let session = rack.enlist().await;
        let configured = Configured { host_key: KEY.into(), disk_serial: "A".into() };
        rack.report(&session, Step::Configure, ramdisk_report::What::Configured(configured)).await;
        (rack, session)
    }

    pub(super) fn id(&self) -> ServerId {
        self.tools.server.id
    }

    pub(super) fn state_dir(&self) -> &std::path::Path {
        self.dir.path()
    }

    pub(super) fn machine(&self) -> std::sync::MutexGuard<'_, Machine> {
        self.chassis.machine()
    }

    pub(super) async fn order(&self, generation: u64, work: Work) {
        let steps = [Step::Power, Step::Boot, Step::Inspect, Step::HandOver, Step::PowerOff, Step::Wipe];
        let deadlines = steps.map(|step| StepDeadline { step: step.into(), seconds: 60 }).to_vec();
        let order = Order { server_id: self.id().to_string(), generation, deadlines, work: Some(work) };
        self.orders.send(order.into()).await.unwrap();
    }

    /// The controller says that another agent has the server.
    pub(super) async fn lost(&self) {
        self.orders.send(Told::Lost("it is registered for agent rack2".into())).await.unwrap();
    }

    /// The next report that `wanted` takes.
    pub(super) async fn told<T>(&mut self, wanted: impl Fn(&Report) -> Option<T>) -> T {
        let find = async {
            loop {
                let message = self.told.recv().await.expect("the worker is there");
                if let Some(agent_message::Body::Report(report)) = message.body
                    && let Some(found) = wanted(&report)
                {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, find).await.expect("it is told in time")
    }

    pub(super) async fn end(&mut self, generation: u64) -> End {
        self.told(|report| match &report.what {
            Some(What::Done(done)) if report.generation == generation => Some(End::Done(done.clone())),
            Some(What::Failed(failed)) if report.generation == generation => {
                Some(End::Failed(report.step(), failed.clone()))
            }
            _ => None,
        })
        .await
    }

    /// The ramdisk enlists as soon as its boot is open; answers its session.
    pub(super) async fn enlist(&mut self) -> String {
        self.told(|report| {
            matches!(&report.what, Some(What::Started(started)) if started.waiting_for.contains("firmware"))
                .then_some(())
        })
        .await;
        let token = self.tools.boots.token_of(self.id()).expect("a boot is open");
        let server = &self.tools.server;
        let inventory = Inventory {
            uuid: server.uuid.unwrap().to_string(),
            serial: server.serial.clone().unwrap_or_default(),
            macs: server.nics.iter().map(|nic| nic.mac.to_string()).collect(),
            ..Inventory::default()
        };
        let session = "session".to_owned();
        self.offered = self.tools.ramdisks.enlist(&token, inventory, 1, session.clone()).await.unwrap().task;
        session
    }

    /// The ramdisk reports, and is answered.
    pub(super) async fn report(&self, session: &str, step: Step, what: ramdisk_report::What) {
        let way = self.tools.ramdisks.session(session).expect("the session is good");
        let (answer, answered) = oneshot::channel();
        let report = RamdiskReport { session: session.into(), step: step.into(), what: Some(what) };
        way.calls.send(Call::Report { report, answer }).await.unwrap_or_else(|_| panic!("the worker is there"));
        answered.await.unwrap().unwrap();
    }

    /// The ramdisk asks for the controller's word; the answer comes when the worker has one.
    pub(super) async fn ask_to_leave(&self, session: &str) -> oneshot::Receiver<Result<HandOverReply, Status>> {
        let way = self.tools.ramdisks.session(session).expect("the session is good");
        let (answer, answered) = oneshot::channel();
        let call = Call::HandOver { nonce: vec![7; 16], answer };
        way.calls.send(call).await.unwrap_or_else(|_| panic!("the worker is there"));
        answered
    }

    /// Whether the controller was asked for its word by now.
    pub(super) fn word_was_asked_for(&mut self) -> bool {
        let asked = |message: AgentMessage| matches!(message.body, Some(agent_message::Body::WordRequest(_)));
        std::iter::from_fn(|| self.told.try_recv().ok()).any(asked)
    }

    /// Waits until the controller is asked for its word.
    pub(super) async fn word_is_asked_for(&mut self) {
        let asked = async {
            while !matches!(
                self.told.recv().await.expect("the worker is there").body,
                Some(agent_message::Body::WordRequest(_))
            ) {}
        };
        tokio::time::timeout(PATIENCE, asked).await.expect("it is asked for in time");
    }

    /// Waits until the controller is asked for its word, which answers `says`, but for what it was asked.
    pub(super) async fn speaks(&mut self, says: Word) {
        let asked = async {
            loop {
                let message = self.told.recv().await.expect("the worker is there");
                if let Some(agent_message::Body::WordRequest(asked)) = message.body {
                    return asked;
                }
            }
        };
        let WordRequest { server_id, generation, nonce } =
            tokio::time::timeout(PATIENCE, asked).await.expect("it is asked for in time");
        self.tools.link.answer(Word { server_id, generation, nonce, ..says });
    }

    /// The ramdisk asks for the word, and is given it.
    pub(super) async fn has_the_word(&mut self, session: &str) {
        let answer = self.ask_to_leave(session).await;
        self.speaks(granted()).await;
        assert!(answer.await.unwrap().unwrap().granted);
    }

    /// The ramdisk is done, and leaves; the worker's answer.
    pub(super) async fn leave(&self, session: &str) -> Result<(), Status> {
        let way = self.tools.ramdisks.session(session).expect("the session is good");
        let (answer, answered) = oneshot::channel();
        way.calls.send(Call::Leave { answer }).await.unwrap_or_else(|_| panic!("the worker is there"));
        answered.await.unwrap()
    }

    /// What the hook was told: action and network of each call.
    pub(super) fn moves(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.dir.path().join("moves")).unwrap_or_default();
        let each = |line: &str| {
            let call: serde_json::Value = serde_json::from_str(line).unwrap();
            format!("{} {} {}", text_of(&call["action"]), text_of(&call["mac"]), text_of(&call["network"]["kind"]))
        };
        text.lines().filter(|line| !line.is_empty()).map(each).collect()
    }

    /// The tenant's NIC, which is the one to boot from too.
    pub(super) fn nic(&self) -> NicConfig {
        NicConfig {
            mac: self.tools.server.nics[0].mac.to_string(),
            vpc_id: self.tools.config.probes[0].vpc_id.to_string(),
            address: "10.20.0.7".into(),
            prefix_length: 24,
            ..NicConfig::default()
        }
    }
}

/// What the controller answers where nothing speaks against it.
pub(super) fn granted() -> Word {
    Word { granted: true, ..Word::default() }
}

fn text_of(value: &serde_json::Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// What a ramdisk says when something fails.
pub(super) fn failed(cause: &str) -> ramdisk_report::What {
    ramdisk_report::What::Failed(Failed { cause: cause.into(), message: "as the test says".into() })
}

/// What a ramdisk says of the disks that it erased.
pub(super) fn wiped(serial: &str) -> ramdisk_report::What {
    use billet_proto::link::{Disk, WipedDisk};
    let disk = Some(Disk { serial: serial.into(), ..Disk::default() });
    let erased = WipedDisk { disk, method: "overwrite".into(), bytes: 512, read_back: 2, ..WipedDisk::default() };
    ramdisk_report::What::Wiped(ramdisk::Wiped { disks: vec![erased], boot_variables: None })
}
