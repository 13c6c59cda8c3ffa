//! How many instances are accepted each second, durably, when the password's hash is ready: planning, rows and the flush to
//! the disk, by the life cycle on SQLite in a file; no HTTP, no hashing, no agents.
//!
//! `cargo bench -p billet-controller --bench accept -- [FILE]` prints the figures, and writes them to FILE as JSON. The
//! database is made beside FILE, or in the current folder: what is measured is that disk. The machine's hash rate is
//! measured too, for those who compare with creations over HTTP.

use anyhow::{Context, Result};
use billet_controller::{
    api::ports::LifecycleApi,
    clock::Edge,
    config::Config,
    lifecycle::{Dispatch, Lifecycle, Parts, secrets::InstanceSecrets},
    password::Hasher,
    receipt::ReceiptKey,
    request::CreateInstance,
    seal::Sealer,
    store::{
        Handle, StoreError, Transaction,
        access::Quota,
        record::{Agent, Image, ManageState, Server, Subnet, Vpc},
        sqlite::SqliteStore,
    },
};
use billet_proto::{AgentId, ImageId, ProjectId, ServerId, SubnetId, VpcId, link::Order};
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};
use uuid::Uuid;

const SERVERS: u16 = 10_000;
/// So many are left free, so that none is refused.
const ACCEPTED: u32 = 8_000;
const CALLERS: u32 = 64;
const HASHING: Duration = Duration::from_secs(3);
const PROJECT: &str = "lab";
/// Some id.
const ID: &str = "0198170e-4ca7-7000-8000-000000000001";
const HASH: &str = "$6$rounds=5000$................$xpML7LG9O4e831Ks7m8cKejPRydQviSqlEYZmDWpxWIiDe6LX.KBYvonWym7WbtfKdku3y.OOT2kMYKwaTgyJ.";

/// Nobody is attached.
struct Nobody;

impl Dispatch for Nobody {
    fn send(&self, _: AgentId, _: Order) {}
}

fn main() -> Result<()> {
    // `cargo bench` adds a flag of its own.
    let out = std::env::args_os().skip(1).find(|word| word != "--bench").map(PathBuf::from);
    let beside = out.as_deref().and_then(Path::parent).filter(|dir| !dir.as_os_str().is_empty());
    let dir = tempfile::tempdir_in(beside.unwrap_or(Path::new("."))).context("make a folder")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let (accepted, slowest) = runtime.block_on(accept(dir.path()))?;
    let hashes = runtime.block_on(hash())?;
    println!(
        "{accepted:.0} durable accepts a second with {SERVERS} servers and {CALLERS} callers (in-process, hash ready; slowest {slowest:.1} ms)"
    );
    println!("{hashes:.0} password hashes a second");
    if let Some(out) = out {
        let figures = json!({ "accepted_per_second": accepted, "hashes_per_second": hashes, "slowest_ms": slowest });
        std::fs::write(&out, figures.to_string()).with_context(|| format!("write {}", out.display()))?;
    }
    Ok(())
}

async fn accept(dir: &Path) -> Result<(f64, f64)> {
    let edge = Edge::system();
    let store = Handle::threaded(SqliteStore::open(&dir.join("billet.db"))?)?;
    let sealer = Arc::new(Sealer::load_or_create(&dir.join("key"), &edge.entropy)?);
    let receipts = ReceiptKey::load_or_create(&dir.join("receipt-key"), &*edge.entropy)?;
    let defaults = Config::parse("").context("use the defaults")?;
    let body = store.run(furnish).await?;
    let lifecycle = Lifecycle::new(Parts {
        store,
        edge,
        secrets: InstanceSecrets::new(sealer),
        deadlines: defaults.deadlines,
        policy: defaults.policy,
        dispatch: Arc::new(Nobody),
        receipts,
    });
    let project: ProjectId = PROJECT.parse()?;
    let began = Instant::now();
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..CALLERS {
        let (lifecycle, project, body) = (lifecycle.clone(), project.clone(), body.clone());
        callers.spawn(async move {
            let mut slowest = Duration::ZERO;
            for _ in 0..ACCEPTED / CALLERS {
                let request = CreateInstance::parse(&body).map_err(|_| anyhow::anyhow!("the request is good"))?;
                let called = Instant::now();
                lifecycle.create(project.clone(), request, HASH.to_owned(), None).await?;
                slowest = slowest.max(called.elapsed());
            }
            Ok::<_, anyhow::Error>(slowest)
        });
    }
    let mut slowest = Duration::ZERO;
    while let Some(done) = callers.join_next().await {
        slowest = slowest.max(done??);
    }
    Ok((f64::from(ACCEPTED) / began.elapsed().as_secs_f64(), slowest.as_secs_f64() * 1e3))
}

/// Makes the fleet and what a request names; answers the request.
fn furnish(tx: &mut dyn Transaction) -> Result<Vec<u8>, StoreError> {
    let edge = Edge::system();
    let now = edge.now();
    let project: ProjectId = PROJECT.parse().map_err(|_| StoreError::Corrupt("project"))?;
    tx.set_quota(None, &Quota { instances: ACCEPTED, addresses: ACCEPTED, images: 1, vpcs: 1, subnets: 1 })?;
    let agent = Agent {
        id: AgentId::new(edge.id()),
        name: "bench".into(),
        certificate_sha256: [1; 32],
        key_sha256: [2; 32],
        join_secret_sha256: [3; 32],
        epoch: 1,
        joined_at: now,
        next: None,
        revoked_at: None,
    };
    tx.insert_agent(&agent)?;
    for number in 0..SERVERS {
        let mut server = Server::unheard_of(ServerId::new(Uuid::from_u128(u128::from(number))), now);
        (server.registered_agent, server.owner) = (Some(agent.id), Some(agent.id));
        server.serial = format!("B{number}");
        let [high, low] = number.to_be_bytes();
        let macs: Option<Vec<_>> =
            (0..2).map(|port| format!("52:54:00:{port:02x}:{high:02x}:{low:02x}").parse().ok()).collect();
        server.macs = macs.ok_or(StoreError::Corrupt("macs"))?;
        server.manage_state = ManageState::Ready;
        tx.insert_server(&server)?;
    }
    let image = Image {
        id: ImageId::new(edge.id()),
        project_id: None,
        name: "bench".into(),
        os_type: "Linux".into(),
        size_bytes: 1 << 20,
        sha256: String::new(),
        manifest_digest: [4; 32],
        created_at: now,
    };
    tx.insert_image(&image)?;
    let cidr = "10.20.0.0/16".parse().map_err(|_| StoreError::Corrupt("cidr"))?;
    let vpc =
        Vpc { id: VpcId::new(edge.id()), project_id: project.clone(), name: "bench".into(), cidr, created_at: now };
    tx.insert_vpc(&vpc)?;
    let subnet = Subnet {
        id: SubnetId::new(edge.id()),
        project_id: project,
        vpc_id: vpc.id,
        name: "bench".into(),
        cidr,
        gateway: std::net::Ipv4Addr::new(10, 20, 0, 1),
        dns: Vec::new(),
        reserved: Vec::new(),
        created_at: now,
    };
    tx.insert_subnet(&subnet)?;
    Ok(request(&[&image.id.to_string(), &vpc.id.to_string(), &subnet.id.to_string()]))
}

fn request([image, vpc, subnet]: &[&str; 3]) -> Vec<u8> {
    let request = json!({
        "name": "bench",
        "image_id": image,
        "vpc_id": vpc,
        "network_interfaces": [{ "subnet_id": subnet }],
        "password": "Bench-marks1",
    });
    request.to_string().into_bytes()
}

/// As many at once as there are cores.
async fn hash() -> Result<f64> {
    let threads = std::thread::available_parallelism()?.get();
    let hasher = Hasher::new(threads, &Edge::system());
    let began = Instant::now();
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..threads {
        let hasher = hasher.clone();
        workers.spawn(async move {
            let request =
                CreateInstance::parse(&request(&[ID; 3])).map_err(|_| anyhow::anyhow!("the request is good"))?;
            while began.elapsed() < HASHING {
                hasher.hash(&request.password).await?;
            }
            Ok::<_, anyhow::Error>(())
        });
    }
    while let Some(done) = workers.join_next().await {
        done??;
    }
    let hashes = u32::try_from(hasher.begun()).unwrap_or(u32::MAX);
    Ok(f64::from(hashes) / began.elapsed().as_secs_f64())
}
