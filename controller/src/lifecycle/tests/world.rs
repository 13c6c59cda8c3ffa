//! One agent with one server, one image, one network.

use super::super::{Dispatch, Lifecycle, Parts, refusal::Refusal, secrets::InstanceSecrets};
use crate::{
    api::ports::LifecycleApi,
    clock::{Clock, Edge, SystemEntropy, Timestamp},
    config::Config,
    receipt::ReceiptKey,
    request::{CreateInstance, RegisterServer},
    seal::Sealer,
    store::{
        Handle, StoreError,
        record::{Agent, Image, Instance, Server, Subnet, Vpc},
        sqlite::SqliteStore,
    },
};
use billet_proto::{
    AgentId, ImageId, InstanceId, ServerId, SubnetId, VpcId,
    link::{
        ByteRange, Claim, Disk, Done, Hello, Inventory, Order, OwnedServer, PowerRead, Report, Step, WipedDisk,
        order::Work, report::What,
    },
};
use serde_json::{Value, json};
use std::{
    net::Ipv4Addr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

pub(crate) const PROJECT: &str = "lab";
pub(crate) const HASH: &str = "$6$saltsaltsalt$hash";
const SERVER: &str = "0198170e-4ca7-7000-8000-000000000001";

/// A clock that is moved by hand.
pub(crate) struct Hands {
    /// What it tells.
    now: AtomicU64,
    /// Milliseconds that passed.
    passed: AtomicU64,
}

impl Hands {
    fn at(now: Timestamp) -> Self {
        Self { now: AtomicU64::new(now.0), passed: AtomicU64::new(0) }
    }
    /// Time passes until then.
    pub(crate) fn set(&self, to: Timestamp) {
        let passed = u64::try_from(to.since(self.now()).as_millis()).unwrap();
        self.passed.fetch_add(passed, Ordering::SeqCst);
        self.now.store(to.0, Ordering::SeqCst);
    }
    /// So much time passes.
    pub(crate) fn advance(&self, by: Duration) {
        self.set(self.now().after(by));
    }
    /// Somebody sets it by so many milliseconds, and no time passes.
    pub(crate) fn jump(&self, milliseconds: i64) {
        self.now.store(self.now().moved(milliseconds).0, Ordering::SeqCst);
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp(self.now.load(Ordering::SeqCst))
    }
    fn passed(&self) -> Duration {
        Duration::from_millis(self.passed.load(Ordering::SeqCst))
    }
}

#[derive(Default)]
struct Sent(Mutex<Vec<(AgentId, Order)>>);

impl Dispatch for Sent {
    fn send(&self, agent: AgentId, order: Order) {
        self.0.lock().unwrap().push((agent, order));
    }
}

pub(crate) struct World {
    pub(crate) lifecycle: Lifecycle,
    pub(crate) store: Handle,
    pub(crate) edge: Edge,
    pub(crate) clock: Arc<Hands>,
    pub(crate) sealer: Arc<Sealer>,
    pub(crate) secrets: InstanceSecrets,
    pub(crate) agent: AgentId,
    pub(crate) image: ImageId,
    pub(crate) vpc: VpcId,
    pub(crate) subnet: SubnetId,
    receipts: ReceiptKey,
    sent: Arc<Sent>,
}

/// A controller by the default configuration.
fn parts(
    (store, edge): (&Handle, &Edge),
    (secrets, receipts): (&InstanceSecrets, &ReceiptKey),
    dispatch: Arc<dyn Dispatch>,
) -> Parts {
    let Config { deadlines, policy, .. } = Config::default();
    let (store, edge, secrets) = (store.clone(), edge.clone(), secrets.clone());
    Parts { store, edge, secrets, receipts: receipts.clone(), deadlines, policy, dispatch }
}

/// The operator's word that a server is that agent's, and nothing else.
pub(crate) fn registration(agent: &str) -> RegisterServer {
    RegisterServer {
        agent_name: agent.into(),
        project_id: None,
        roles: None,
        clear_other_bootable_disks: None,
        name: None,
        location: None,
        wipe_policy: None,
        allow_reset: None,
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::over(Handle::inline(SqliteStore::open_in_memory().unwrap())).await
    }

    /// With a store of one's own.
    pub(crate) async fn over(store: Handle) -> Self {
        let clock = Arc::new(Hands::at(Timestamp(1_800_000_000_000)));
        let edge = Edge { clock: clock.clone(), entropy: Arc::new(SystemEntropy) };
        let keys = tempfile::tempdir().unwrap();
        let sealer = Sealer::load_or_create(&keys.path().join("key"), &edge.entropy).unwrap();
        let sealer = Arc::new(sealer);
        let secrets = InstanceSecrets::new(sealer.clone());
        let receipts = ReceiptKey::load_or_create(&keys.path().join("receipt.key"), &*edge.entropy).unwrap();
        let sent = Arc::new(Sent::default());
        let parts = parts((&store, &edge), (&secrets, &receipts), sent.clone());
        let (agent, image) = (AgentId::new(edge.id()), ImageId::new(edge.id()));
        let (vpc, subnet) = (VpcId::new(edge.id()), SubnetId::new(edge.id()));
        let world = Self {
            lifecycle: Lifecycle::new(parts),
            store,
            edge,
            clock,
            sealer,
            secrets,
            agent,
            image,
            vpc,
            subnet,
            receipts,
            sent,
        };
        world.furnish().await;
        world
    }

    /// The controller ends, with all that it has in memory, and another starts on the same store.
    pub(crate) fn start_again(&mut self) {
        let parts = parts((&self.store, &self.edge), (&self.secrets, &self.receipts), self.sent.clone());
        self.lifecycle = Lifecycle::new(parts);
    }

    /// Another controller starts, whose configuration lets servers be used unwiped.
    pub(crate) fn start_again_without_wipes(&mut self) {
        let mut parts = parts((&self.store, &self.edge), (&self.secrets, &self.receipts), self.sent.clone());
        parts.policy.allow_unwiped_reuse = true;
        self.lifecycle = Lifecycle::new(parts);
    }

    async fn furnish(&self) {
        let (image, vpc, subnet, now) = (self.image, self.vpc, self.subnet, self.edge.now());
        let agent = self.agent_row(self.agent, "rack0");
        self.store
            .run(move |tx| {
                tx.insert_agent(&agent)?;
                let mut server = Server::unheard_of(SERVER.parse().unwrap(), now);
                server.registered_agent = Some(agent.id);
                tx.insert_server(&server)?;
                tx.insert_image(&Image {
                    id: image,
                    project_id: None,
                    name: "debian".into(),
                    os_type: "Linux".into(),
                    size_bytes: 512,
                    sha256: "00".repeat(32),
                    manifest_digest: [7; 32],
                    created_at: now,
                })?;
                let project_id: billet_proto::ProjectId = PROJECT.parse().unwrap();
                let cidr = "10.20.0.0/16".parse().unwrap();
                tx.insert_vpc(&Vpc {
                    id: vpc,
                    project_id: project_id.clone(),
                    name: "v".into(),
                    cidr,
                    created_at: now,
                })?;
                tx.insert_subnet(&Subnet {
                    id: subnet,
                    project_id,
                    vpc_id: vpc,
                    name: "s".into(),
                    cidr: "10.20.0.0/24".parse().unwrap(),
                    gateway: Ipv4Addr::new(10, 20, 0, 1),
                    dns: vec![],
                    reserved: vec![],
                    created_at: now,
                })?;
                Ok::<_, StoreError>(())
            })
            .await
            .unwrap();
        let (claims, orders) = self.hello(self.agent, 1).await.unwrap();
        assert!(claims[0].accepted, "{claims:?}");
        assert!(matches!(orders[0].work, Some(Work::Inspect(_))), "{orders:?}");
        self.inspected(orders[0].generation, Self::inventory()).await;
        // Tests count the generations of what they begin themselves.
        let id = self.server_id();
        let counted_anew = self.store.run(move |tx| {
            let server = tx.server(id)?.ok_or(StoreError::Stale)?;
            tx.update_server(&Server { generation: 0, ..server })
        });
        counted_anew.await.unwrap();
        self.sent.0.lock().unwrap().clear();
    }

    /// More servers of the same agent, each ready; answers their ids.
    pub(crate) async fn more_servers(&self, count: u8) -> Vec<ServerId> {
        let known = self.server().await;
        let make = move |number: u8| Server {
            id: format!("0198170e-4ca7-7000-8000-0000000001{number:02x}").parse().unwrap(),
            macs: vec![format!("52:54:00:00:01:{number:02x}").parse().unwrap()],
            serial: format!("SN1{number:02x}"),
            ..known.clone()
        };
        let servers: Vec<Server> = (0..count).map(make).collect();
        let ids = servers.iter().map(|server| server.id).collect();
        let insert = move |tx: &mut dyn crate::store::Transaction| {
            servers.iter().try_for_each(|server| tx.insert_server(server))
        };
        self.store.read(insert).await.unwrap();
        ids
    }

    /// The server's agent tells that the ramdisk saw this, and that the inspection ended.
    pub(crate) async fn inspected(&self, generation: u64, inventory: Inventory) {
        self.report(generation, Step::Power, What::PowerRead(PowerRead { on: false })).await;
        self.report(generation, Step::Inspect, What::Inspected(inventory)).await;
        self.report(generation, Step::Inspect, What::Done(Done::default())).await;
    }

    /// Of the server: one disk of its own, and one that it shares.
    pub(crate) fn inventory() -> Inventory {
        let disk = |name: &str, direct| Disk {
            name: name.into(),
            size_bytes: 10 << 30,
            serial: format!("{name}-1"),
            direct,
            ..Disk::default()
        };
        Inventory { serial: "SN1".into(), disks: vec![disk("vda", true), disk("sdb", false)], ..Inventory::default() }
    }

    /// The end of a wipe of all that [`Self::inventory`] has to wipe.
    pub(crate) fn wiped() -> What {
        let disks = Self::inventory().disks.into_iter().filter(|disk| disk.direct);
        let wiped = |disk: Disk| WipedDisk {
            bytes: disk.size_bytes,
            ranges: vec![ByteRange { from: 0, bytes: disk.size_bytes }],
            disk: Some(disk),
            method: "nvme-format".into(),
            read_back: 64,
            samples_blake3: "ab".repeat(32),
            zeroed_after: true,
            erase_ms: 7000,
            read_back_ms: 800,
            refused: vec!["nvme-sanitize-block: it failed".into()],
        };
        What::Done(Done { wiped: disks.map(wiped).collect(), ..Done::default() })
    }

    fn agent_row(&self, id: AgentId, name: &str) -> Agent {
        let mut certificate_sha256 = [0; 32];
        certificate_sha256[..16].copy_from_slice(id.uuid().as_bytes());
        Agent {
            id,
            name: name.into(),
            certificate_sha256,
            key_sha256: [0; 32],
            join_secret_sha256: [0; 32],
            epoch: 0,
            joined_at: self.edge.now(),
            next: None,
            revoked_at: None,
        }
    }

    /// Another agent.
    pub(crate) async fn join(&self, name: &str) -> AgentId {
        let row = self.agent_row(AgentId::new(self.edge.id()), name);
        let id = row.id;
        self.store.run(move |tx| tx.insert_agent(&row)).await.unwrap();
        id
    }

    /// An agent attaches and claims the server.
    pub(crate) async fn hello(
        &self,
        agent: AgentId,
        epoch: u64,
    ) -> Result<(Vec<Claim>, Vec<Order>), super::super::HelloError> {
        let macs = vec!["52:54:00:00:00:01".into(), "52:54:00:00:00:02".into()];
        let server = OwnedServer { id: SERVER.into(), uuid: String::new(), serial: "SN1".into(), macs };
        let hello = Hello { version: "test".into(), epoch, servers: vec![server] };
        let claims = self.lifecycle.hello(agent, hello).await?;
        Ok((claims, self.lifecycle.open_orders(agent).await?))
    }

    pub(crate) fn server_id(&self) -> ServerId {
        SERVER.parse().unwrap()
    }

    /// A good body of CreateInstance.
    pub(crate) fn body(&self) -> Value {
        json!({
            "name": "web-1",
            "image_id": self.image.to_string(),
            "vpc_id": self.vpc.to_string(),
            "network_interfaces": [{ "subnet_id": self.subnet.to_string() }],
            "password": "Aa1-Bb2-Cc3",
            "metadata": { "role": "front" },
        })
    }

    pub(crate) async fn create(&self) -> Result<InstanceId, Refusal> {
        self.create_from(&self.body()).await
    }

    pub(crate) async fn create_from(&self, body: &Value) -> Result<InstanceId, Refusal> {
        let request = CreateInstance::parse(body.to_string().as_bytes())?;
        self.lifecycle.create(PROJECT.parse().unwrap(), request, HASH.into(), None).await
    }

    /// Deletes an instance, whose server is then powered off.
    pub(crate) async fn terminate(&self, id: InstanceId) {
        self.lifecycle.delete(None, id).await.unwrap();
        let generation = self.instance(id).await.generation;
        self.report(generation, Step::PowerOff, What::Done(Done::default())).await;
        assert_eq!(self.instance(id).await.standing().state(), "terminated");
    }

    /// The server is wiped, as its agent tells.
    pub(crate) async fn erase(&self) {
        let generation = self.server().await.generation;
        self.report(generation, Step::Wipe, Self::wiped()).await;
    }

    pub(crate) async fn report(&self, generation: u64, step: Step, what: What) {
        self.report_of(self.agent, generation, step, what).await;
    }

    pub(crate) async fn report_of(&self, agent: AgentId, generation: u64, step: Step, what: What) {
        let report = Report { server_id: SERVER.into(), generation, step: step.into(), what: Some(what) };
        self.lifecycle.report(agent, vec![report]).await.unwrap();
    }

    pub(crate) async fn instance(&self, id: InstanceId) -> Instance {
        self.store.read(move |tx| tx.instance(id)).await.unwrap().unwrap()
    }

    pub(crate) async fn server(&self) -> Server {
        let id = self.server_id();
        self.store.read(move |tx| tx.server(id)).await.unwrap().unwrap()
    }

    pub(crate) async fn reserved(&self) -> Vec<Ipv4Addr> {
        let vpc = self.vpc;
        self.store.read(move |tx| tx.reserved_addresses(vpc)).await.unwrap()
    }

    /// Orders that were sent so far.
    pub(crate) fn sent(&self) -> Vec<(AgentId, Order)> {
        self.sent.0.lock().unwrap().clone()
    }
}
