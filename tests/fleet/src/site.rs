//! A controller and a simulated fleet in service, on loopback: no root, no namespaces.

use crate::{
    http::Connection,
    identity::Identity,
    plan::{AgentPlan, Plan},
};
use anyhow::{Context, Result, ensure};
use billet_lab::{
    access_key::AccessKey,
    daemons::write_private,
    process,
    record::{Held, Process},
    small_disk::SmallDisk,
};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

/// The tenant.
pub const PROJECT: &str = "lab";
/// A controller is up within this time.
const UP: Duration = Duration::from_secs(30);
/// All servers are ready within this time; each was inspected.
const READY: Duration = Duration::from_secs(300);
/// Calls at once while the fleet is registered.
const CALLERS: usize = 16;
/// No quota is in the way.
const PLENTY: u32 = 1_000_000;
/// A raw image of a few MiB.
const IMAGE_BYTES: usize = 4 << 20;

/// What a site is to be.
#[derive(Debug, Clone)]
pub struct Options {
    /// Its name on record.
    pub name: String,
    /// Its folder; what was in it is removed.
    pub dir: PathBuf,
    /// `billet-controller`.
    pub controller: PathBuf,
    /// `billet-fleet`.
    pub program: PathBuf,
    /// How many servers.
    pub servers: u32,
    /// How many agents.
    pub agents: u32,
    /// The controller's state is on a disk of so many MiB, which can be filled; else where the rest is.
    pub state_mib: Option<u32>,
}

/// A site in service; dropped, it is taken down.
#[derive(Debug)]
pub struct Site {
    /// Its folder.
    pub dir: PathBuf,
    /// The API.
    pub address: SocketAddr,
    /// The tenant's token.
    pub token: String,
    /// The operator's token.
    pub operator_token: String,
    /// The tenant's, for signatures.
    pub access_key: String,
    /// What it signs with.
    pub secret_key: String,
    /// The image.
    pub image: String,
    /// The VPC.
    pub vpc: String,
    /// Its subnets: two for all servers, and one of ten addresses.
    pub subnets: Vec<String>,
    /// The servers.
    pub servers: Vec<String>,
    /// The controller.
    pub controller: Process,
    /// What its state is on, where that is a disk of its own.
    pub disk: Option<SmallDisk>,
    binary: PathBuf,
    held: Held,
    keep: bool,
}

impl Site {
    /// Brings everything into service; returns when every server is ready.
    ///
    /// # Errors
    /// Naming the step that failed.
    pub fn start(options: &Options, say: impl Fn(&str)) -> Result<Self> {
        ensure!(options.servers >= 1 && options.agents >= 1, "a fleet has a server and an agent");
        let mut held = Held::take(&options.name)?;
        let dir = &options.dir;
        if dir.exists() {
            fs::remove_dir_all(dir).with_context(|| format!("remove {}", dir.display()))?;
        }
        make_private(dir)?;
        let dir = dir.canonicalize().context("find the site's folder")?;
        let (address, link) = (free_port()?, free_port()?);
        let text = format!(
            "state_dir = \"{dir}/state\"\ntokens_file = \"{dir}/tokens.toml\"\n\n[rest]\nlisten = \"{address}\"\ntls = \"off\"\n\n\
             [link]\nlisten = \"{link}\"\nnames = [\"127.0.0.1\"]\n\n\
             [limits]\nrequests_per_second = 1000000\nburst = 1000000\n\n\
             [quota]\ninstances = {PLENTY}\naddresses = {PLENTY}\nimages = {PLENTY}\nvpcs = {PLENTY}\nsubnets = {PLENTY}\n\n\
             [auth]\ntokens = true\nsignature = true\naccess_keys_file = \"{dir}/access_keys.toml\"\n\n",
            dir = dir.display(),
        );
        write_private(&dir.join("controller.toml"), &text)?;
        let operator_token = new_token(options, &dir, "operator", None)?;
        let token = new_token(options, &dir, "tenant", Some(PROJECT))?;
        let AccessKey { access: access_key, secret: secret_key } = AccessKey::make(&dir.join("access_keys.toml"))?;
        say("the controller");
        let disk = options.state_mib.map(|mib| -> Result<SmallDisk> {
            make_private(&dir.join("state"))?;
            let disk = SmallDisk::under(&dir.join("state"), mib)?;
            held.note_process(disk.holder.clone())?;
            Ok(disk)
        });
        let disk = disk.transpose()?;
        let controller = serve(&options.controller, &dir, disk.as_ref())?;
        let mut site = Self {
            dir,
            address,
            token,
            operator_token,
            access_key,
            secret_key,
            image: String::new(),
            vpc: String::new(),
            subnets: Vec::new(),
            servers: Vec::new(),
            controller: controller.clone(),
            disk,
            binary: options.controller.clone(),
            held,
            keep: false,
        };
        site.held.note_process(controller)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.context("start the runtime")?;
        runtime.block_on(site.furnish(options, &link.to_string(), say))?;
        Ok(site)
    }

    async fn furnish(&mut self, options: &Options, link: &str, say: impl Fn(&str)) -> Result<()> {
        self.wait_for_api().await?;
        let mut operator = Connection::open(self.address, &self.operator_token).await?;
        let mut tenant = Connection::open(self.address, &self.token).await?;
        self.make_networks(&mut tenant).await?;
        self.image = import(&mut tenant).await?;
        let agents = Plan::share(options.servers, options.agents);
        say(&format!("{} agents join", options.agents));
        let identities_dir = self.dir.join("agents");
        make_private(&identities_dir)?;
        for agent in &agents {
            let asked = json!({ "agent_name": agent.name });
            let made = operator.json("POST", "/admin/v1/agents/join-tokens", &asked).await?.expect(201)?;
            let token = made["token"].as_str().context("a join token is a text")?;
            Identity::join(link, token).await?.save(&identities_dir, &agent.name)?;
        }
        say(&format!("{} servers are registered", options.servers));
        self.register(&agents).await?;
        self.servers = agents.iter().flat_map(|agent| &agent.servers).map(|server| server.id.clone()).collect();
        self.servers.sort();
        let rules_file = self.rules_file();
        let plan = Plan { link: link.to_owned(), identities_dir, rules_file, agents };
        let file = self.dir.join("fleet.json");
        plan.save(&file)?;
        say("they are inspected, and ready");
        let mut command = Command::new(&options.program);
        command.args(["agents", "--plan"]).arg(&file);
        let fleet = process::start("fleet", &mut command, &self.dir.join("fleet.log"))?;
        self.held.note_process(fleet)?;
        self.wait_for_servers(&mut operator, options.servers).await
    }

    /// Delays and faults of the fleet; there is none at first.
    #[must_use]
    pub fn rules_file(&self) -> PathBuf {
        self.dir.join("rules.toml")
    }

    /// The controller's database.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.dir.join("state/billet.db")
    }

    /// How to reach it: addresses, tokens and ids, and its files.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "endpoint": format!("http://{}", self.address),
            "ca_file": self.dir.join("state/ca.pem"),
            "token": self.token,
            "operator_token": self.operator_token,
            "access_key": self.access_key,
            "secret_key": self.secret_key,
            "project_id": PROJECT,
            "image_ids": { "simulated": self.image },
            "vpc_id": self.vpc,
            "subnet_ids": self.subnets,
            "server_ids": self.servers,
            "ssh_argv": [],
            "rules_file": self.rules_file(),
            "database": self.database(),
            "controller_pid": self.controller.pid,
        })
    }

    /// Kills the controller where it stands, and starts it again; returns when it answers.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn crash_controller(&mut self) -> Result<()> {
        process::signal(&self.controller, Signal::SIGKILL)?;
        process::end(&self.controller)?;
        self.start_controller()?;
        self.wait_for_api().await
    }

    /// Starts the controller again; returns at once.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_controller(&mut self) -> Result<()> {
        self.controller = serve(&self.binary, &self.dir, self.disk.as_ref())?;
        self.held.note_process(self.controller.clone())
    }

    /// Leaves everything running.
    pub fn keep(mut self) {
        self.keep = true;
    }

    /// Waits until the controller answers.
    ///
    /// # Errors
    /// When it ends, or does not answer within 30 s.
    pub async fn wait_for_api(&self) -> Result<()> {
        let began = Instant::now();
        loop {
            let answer = match Connection::open(self.address, "").await {
                Ok(mut connection) => connection.get("/healthz").await,
                Err(error) => Err(error),
            };
            if answer.is_ok_and(|answer| answer.status == 200) {
                return Ok(());
            }
            let ended = !process::is_running(&self.controller);
            let log = self.dir.join("controller.log");
            ensure!(!ended && began.elapsed() < UP, "the controller does not come up; see {}", log.display());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn make_networks(&mut self, tenant: &mut Connection) -> Result<()> {
        let id = |made: Value, what: &str| {
            made[what]["id"].as_str().map(str::to_owned).with_context(|| format!("the {what} has an id"))
        };
        let asked = json!({ "vpc": { "name": "simulated", "cidr": "10.0.0.0/8" } });
        let made = tenant.json("POST", &format!("/v1/{PROJECT}/vpcs"), &asked).await?.expect(201)?;
        self.vpc = id(made, "vpc")?;
        for (name, cidr, gateway) in [
            ("front", "10.20.0.0/16", "10.20.0.1"),
            ("back", "10.21.0.0/16", "10.21.0.1"),
            // Sixteen less network, broadcast, gateway and three that are reserved.
            ("ten", "10.22.0.0/28", "10.22.0.1"),
        ] {
            let reserved = if name == "ten" { vec!["10.22.0.2", "10.22.0.3", "10.22.0.4"] } else { Vec::new() };
            let subnet = json!({
                "name": name, "cidr": cidr, "gateway_ip": gateway, "vpc_id": self.vpc, "reserved_addresses": reserved,
            });
            let asked = json!({ "subnet": subnet });
            let made = tenant.json("POST", &format!("/v1/{PROJECT}/subnets"), &asked).await?.expect(201)?;
            self.subnets.push(id(made, "subnet")?);
        }
        Ok(())
    }

    async fn register(&self, agents: &[AgentPlan]) -> Result<()> {
        let all: Vec<(String, String)> = agents
            .iter()
            .flat_map(|agent| agent.servers.iter().map(|server| (server.id.clone(), agent.name.clone())))
            .collect();
        let mut callers = tokio::task::JoinSet::new();
        for part in all.chunks(all.len().div_ceil(CALLERS)) {
            let (address, token, part) = (self.address, self.operator_token.clone(), part.to_vec());
            callers.spawn(async move {
                let mut operator = Connection::open(address, &token).await?;
                for (server, agent) in part {
                    // The tenant's own: it sees those that stand idle, too.
                    let asked = json!({ "agent_name": agent, "project_id": PROJECT });
                    operator.json("PUT", &format!("/admin/v1/servers/{server}"), &asked).await?.expect(200)?;
                }
                Ok::<_, anyhow::Error>(())
            });
        }
        while let Some(done) = callers.join_next().await {
            done.context("register servers")??;
        }
        Ok(())
    }

    async fn wait_for_servers(&self, operator: &mut Connection, wanted: u32) -> Result<()> {
        let began = Instant::now();
        loop {
            let path = format!("/v1/{PROJECT}/physicalservers?manage_state=ready&limit=10");
            let ready = operator.get(&path).await?.expect(200)?["count"].as_u64().unwrap_or_default();
            if ready == u64::from(wanted) {
                return Ok(());
            }
            ensure!(began.elapsed() < READY, "{ready} of {wanted} servers are ready; see {}", self.dir.display());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if self.keep {
            return;
        }
        if let Err(error) = self.held.clear() {
            eprintln!("the simulated fleet was not taken down: {error:#}");
        }
    }
}

fn serve(binary: &Path, dir: &Path, disk: Option<&SmallDisk>) -> Result<Process> {
    let mut command = disk.map_or_else(|| Command::new(binary), |disk| disk.command(binary));
    command.args(["serve", "--config"]).arg(dir.join("controller.toml"));
    if std::env::var_os("BILLET_LOG").is_none() {
        command.env("BILLET_LOG", "warn");
    }
    process::start("controller", &mut command, &dir.join("controller.log"))
}

async fn import(tenant: &mut Connection) -> Result<String> {
    // Anything will do: nobody boots it.
    let raw: Vec<u8> =
        (0..IMAGE_BYTES / 4).flat_map(|word| u32::try_from(word / 64).unwrap_or(0).to_le_bytes()).collect();
    let digest = hex::encode(Sha256::digest(&raw));
    let path = format!("/v1/{PROJECT}/images?name=simulated&os_type=Linux&sha256={digest}&size_bytes={}", raw.len());
    let made = tenant.call("POST", &path, "application/octet-stream", &raw).await?.expect(201)?;
    made["image"]["id"].as_str().map(str::to_owned).context("the image has an id")
}

fn new_token(options: &Options, dir: &Path, name: &str, project: Option<&str>) -> Result<String> {
    let mut command = Command::new(&options.controller);
    command.args(["token", "new", "--name", name, "--file"]).arg(dir.join("tokens.toml"));
    if let Some(project) = project {
        command.args(["--project", project]);
    }
    let output = command.output().with_context(|| format!("run {}", options.controller.display()))?;
    ensure!(output.status.success(), "make a token: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn make_private(dir: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.with_context(|| format!("make {}", dir.display()))
}

/// Free now; who asked for it opens it a moment later.
fn free_port() -> Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).context("find a port")
}
