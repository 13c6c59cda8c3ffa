//! A laboratory in service: controller and agents run, servers are ready, images are imported.

use crate::{
    daemons::{Agent, Binaries, Controller, write_private},
    images::Images,
    lab::{Lab, Options},
    net::inside,
    record::Process,
    server::Server,
};
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

/// The tenant.
pub const PROJECT: &str = "lab";
/// Agents join within this time.
const JOINED: Duration = Duration::from_secs(60);
/// Servers are claimed and inspected, by a real boot, within this time.
const READY: Duration = Duration::from_secs(600);

/// What a site is to be.
pub struct SiteOptions {
    /// The laboratory.
    pub lab: Options,
    /// The product.
    pub binaries: Binaries,
    /// What can be imported.
    pub images: Images,
    /// What of it is: `cloudinit`, `plain`.
    pub imports: &'static [&'static str],
    /// More of `controller.toml`.
    pub controller: String,
    /// A server's `disk` hint in TOML.
    pub disk_hint: fn(&Server) -> String,
    /// Told what is being done.
    pub say: fn(&str),
}

/// The disk with the first serial number.
#[must_use]
pub fn first_disk(server: &Server) -> String {
    format!("{{ serial = \"{}\" }}", server.disk_serial(0))
}

/// A site.
#[derive(Debug)]
pub struct Site {
    /// The laboratory.
    pub lab: Lab,
    /// The controller.
    pub controller: Controller,
    /// By rack.
    pub agents: Vec<Agent>,
    /// The tenant's token.
    pub tenant_token: PathBuf,
    /// The administrator's token.
    pub admin_token: PathBuf,
    /// By number.
    pub vpcs: Vec<String>,
    /// Of the first VPC.
    pub subnets: Vec<String>,
    /// `cloudinit` and `plain`.
    pub images: BTreeMap<String, String>,
    client: PathBuf,
}

impl Site {
    /// Brings everything into service.
    ///
    /// # Errors
    /// Naming the step that failed, and where its log is.
    pub fn start(options: SiteOptions) -> Result<Self> {
        let SiteOptions { lab: lab_options, binaries, images, imports, controller: extra, disk_hint, say } = options;
        say("networks, servers and BMCs");
        let lab = Lab::start(&lab_options)?;
        say("the controller");
        let controller = Controller::configure(&lab.dir.join("controller"), &binaries.controller, &extra)?;
        let admin_token = controller.new_token("admin", None)?;
        let tenant_token = controller.new_token("tenant", Some(PROJECT))?;
        let client = binaries.client.clone();
        let (vpcs, subnets, imported) = (Vec::new(), Vec::new(), BTreeMap::new());
        let mut site = Self {
            lab,
            controller,
            agents: Vec::new(),
            tenant_token,
            admin_token,
            vpcs,
            subnets,
            images: imported,
            client,
        };
        site.start_controller()?;
        site.make_networks(lab_options.vpcs)?;
        site.make_rails()?;
        say("the agents");
        for rack in 0..lab_options.racks {
            let token = site.text(true, &["agent", "enroll", "--name", &format!("rack{rack}")])?;
            let agent =
                Agent::configure(&site.lab, rack, &binaries, &lab_options.program, (&site.vpcs, &token), &disk_hint)?;
            agent.start(&mut site.lab)?;
            site.agents.push(agent);
        }
        let known = [("cloudinit", &images.cloudinit), ("plain", &images.plain)];
        for (name, file) in known.into_iter().filter(|(name, _)| imports.contains(name)) {
            say(&format!("image {name}"));
            let file = file.display().to_string();
            let image = site.json(false, &["image", "import", &file, "--name", name])?;
            let id = image["id"].as_str().or(image["image"]["id"].as_str()).context("the imported image has an id")?;
            site.images.insert(name.into(), id.to_owned());
        }
        say("the servers to be ready");
        site.register()?;
        Ok(site)
    }

    /// Starts the controller, or starts it again.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start_controller(&mut self) -> Result<Process> {
        let controller = self.controller.clone();
        controller.start(&mut self.lab)
    }

    /// Starts an agent again.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_agent(&mut self, rack: usize) -> Result<Process> {
        let agent = self.agents[rack].clone();
        agent.start(&mut self.lab)
    }

    fn make_networks(&mut self, vpcs: usize) -> Result<()> {
        for number in 0..vpcs {
            let vpc =
                self.json(false, &["vpc", "create", "--name", &format!("vpc{number}"), "--cidr", "10.20.0.0/16"])?;
            let id = vpc["id"].as_str().or(vpc["vpc"]["id"].as_str()).context("the VPC has an id")?.to_owned();
            self.lab.map_vpc(&id, number)?;
            self.vpcs.push(id);
        }
        let vpc = self.vpcs.first().context("a site has a VPC")?.clone();
        for third in 0..2 {
            let (name, cidr) = (format!("subnet{third}"), format!("10.20.{third}.0/24"));
            let gateway = format!("10.20.{third}.1");
            let mut words =
                vec!["subnet", "create", "--name", &name, "--vpc", &vpc, "--cidr", &cidr, "--gateway", &gateway];
            words.extend(["--dns", &gateway]);
            // The agents' probe points.
            let reserved: Vec<String> = (0..4).map(|rack| format!("10.20.{third}.{}", 254 - rack)).collect();
            for address in &reserved {
                words.extend(["--reserve", address]);
            }
            let subnet = self.json(false, &words)?;
            let id = subnet["id"].as_str().or(subnet["subnet"]["id"].as_str()).context("the subnet has an id")?;
            self.subnets.push(id.to_owned());
        }
        Ok(())
    }

    fn register(&self) -> Result<()> {
        for server in &self.lab.servers {
            let rack = format!("rack{}", server.rack);
            let nics = 0..server.macs.len();
            let role = |nic| server.rail(nic).map_or("vpc".into(), |rail| format!("parameter-plane:{rail}"));
            let ports = nics.filter(|nic| !server.bonds.iter().any(|bond| bond.nics[1..].contains(nic)));
            let word = json!({ "agent_name": rack, "roles": ports.map(role).collect::<Vec<_>>() });
            let path = format!("/admin/v1/servers/{}", server.id);
            let words = ["server", "register", &server.id, "--agent", &rack];
            // An agent that has just been started joins within a moment.
            retry(JOINED, &format!("server {} to be registered", server.number), || {
                if server.rails > 0 { self.api("PUT", &path, &word) } else { self.json(true, &words) }.map(drop)
            })?;
        }
        retry(READY, "the servers to be ready", || {
            let list = self.json(true, &["server", "list"])?;
            let servers = list.as_array().or(list["servers"].as_array()).context("a list")?;
            let ready =
                servers.iter().filter(|server| server["manage_state"] == "ready" && server["online"] == true).count();
            ensure!(ready == self.lab.servers.len(), "{ready} of {} are", self.lab.servers.len());
            Ok(())
        })
    }

    /// A subnet for each rail; the last has no gateway.
    fn make_rails(&self) -> Result<()> {
        let rails = self.lab.servers.iter().map(|server| server.rails).max().unwrap_or_default();
        for rail in 0..rails {
            let (cidr, first) = (format!("172.16.{rail}.0/24"), format!("172.16.{rail}.1"));
            let mut subnet = json!({ "rail": rail, "cidr": cidr, "reserved": [first] });
            if rail + 1 < rails {
                subnet["gateway"] = first.into();
            }
            self.api("POST", "/admin/v1/parameter-plane/subnets", &subnet)?;
        }
        Ok(())
    }

    /// Asks the API as the operator, for what the client has no word for.
    ///
    /// # Errors
    /// When the answer is no success, with its words.
    pub fn api(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let token = std::fs::read_to_string(&self.admin_token).context("read the operator's token")?;
        let header = self.private_file("api-header", &format!("x-auth-token: {}\n", token.trim()))?;
        let body = self.private_file("api-body", &body.to_string())?;
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--fail-with-body", "--noproxy", "*", "-X", method, "--cacert"])
            .arg(self.controller.ca_file());
        curl.args(["-H", &format!("@{header}"), "-H", "content-type: application/json", "-d", &format!("@{body}")]);
        let output = curl.arg(format!("{}{path}", self.endpoint())).output().context("run curl")?;
        let (told, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        ensure!(output.status.success(), "{method} {path}: {} {told}", said.trim());
        serde_json::from_str(&told).with_context(|| format!("{method} {path}: read {told:?}"))
    }

    /// The client, as tenant or administrator.
    #[must_use]
    pub fn billet(&self, as_admin: bool, words: &[&str]) -> Command {
        let mut command = Command::new(&self.client);
        let token = if as_admin { &self.admin_token } else { &self.tenant_token };
        command
            .args(["--endpoint", &self.endpoint(), "--project", PROJECT, "--ca-file"])
            .arg(self.controller.ca_file());
        command.arg("--token-file").arg(token).args(words);
        command
    }

    /// Where the API is.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("https://{}", self.controller.address)
    }

    /// Runs the client and answers what it printed.
    ///
    /// # Errors
    /// With its words, when it does not end well.
    pub fn text(&self, as_admin: bool, words: &[&str]) -> Result<String> {
        let output = self.billet(as_admin, words).output().with_context(|| format!("run {}", self.client.display()))?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "billet {}: {}", words.join(" "), said.trim());
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs the client with `--json`.
    ///
    /// # Errors
    /// When it does not end well, or prints something else.
    pub fn json(&self, as_admin: bool, words: &[&str]) -> Result<Value> {
        let text = self.text(as_admin, &[&["--json"], words].concat())?;
        serde_json::from_str(&text).with_context(|| format!("billet {}: read {text:?}", words.join(" ")))
    }

    /// Asks for an instance; answers its id.
    ///
    /// # Errors
    /// When it is refused.
    pub fn create(&self, name: &str, image: &str, password_file: &Path, more: &[&str]) -> Result<String> {
        let image = self.images.get(image).with_context(|| format!("there is no image {image}"))?;
        let file = password_file.display().to_string();
        let words =
            ["instance", "create", "--name", name, "--image", image, "--vpc", &self.vpcs[0], "--password-file", &file];
        Ok(self.text(false, &[&words, more].concat())?.trim().to_owned())
    }

    /// Shows an instance.
    ///
    /// # Errors
    /// When it is not there.
    pub fn show(&self, id: &str) -> Result<Value> {
        self.json(false, &["instance", "show", id])
    }

    /// Waits for an instance to be running or in error; answers it.
    ///
    /// # Errors
    /// When it is neither in that time.
    pub fn settled(&self, id: &str, time: Duration) -> Result<Value> {
        let began = Instant::now();
        loop {
            let last = match self.show(id) {
                Ok(instance) => {
                    let state = instance["state"].as_str().unwrap_or_default().to_owned();
                    if state == "running" || state == "error" {
                        return Ok(instance);
                    }
                    format!("{state}, {}", instance["waiting_for"])
                }
                // The controller may be away for a moment.
                Err(error) => format!("{error:#}"),
            };
            if began.elapsed() > time {
                bail!("instance {id} is not settled after {} s: {last}", time.as_secs());
            }
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    /// Makes a password file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn password_file(&self, password: &str) -> Result<PathBuf> {
        let path = self.lab.dir.join("instance-password");
        write_private(&path, &format!("{password}\n"))?;
        Ok(path)
    }

    /// Makes a file that its owner alone reads; answers its path.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn private_file(&self, name: &str, text: &str) -> Result<String> {
        let path = self.lab.dir.join(name);
        write_private(&path, text)?;
        Ok(path.display().to_string())
    }

    /// Runs a command inside an instance as root, by SSH with its password; the host key must be the instance's.
    ///
    /// # Errors
    /// When the login or the command fails.
    pub fn ssh(&self, instance: &Value, password_file: &Path, command: &str) -> Result<String> {
        let mut ssh = inside(&self.lab.names.vpc(0), "sshpass");
        ssh.arg("-f").arg(password_file).arg("ssh");
        ssh.args(["-o", "PreferredAuthentications=password", "-o", "PubkeyAuthentication=no"]);
        self.log_in(ssh, instance, command)
    }

    /// As [`Site::ssh`], with a key and without any password.
    ///
    /// # Errors
    /// When the login or the command fails.
    pub fn ssh_by_key(&self, instance: &Value, key: &Path, command: &str) -> Result<String> {
        let mut ssh = inside(&self.lab.names.vpc(0), "ssh");
        ssh.args(["-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-i"]).arg(key);
        self.log_in(ssh, instance, command)
    }

    fn log_in(&self, mut ssh: Command, instance: &Value, command: &str) -> Result<String> {
        let address =
            instance["network_interfaces"][0]["ipv4_address"].as_str().context("the instance has an address")?;
        let key = instance["host_key"].as_str().context("the instance has a host key")?;
        let known = self.lab.dir.join("known_hosts");
        std::fs::write(&known, format!("{address} {key}\n")).context("write known_hosts")?;
        ssh.args(["-o", "StrictHostKeyChecking=yes", "-o", "ConnectTimeout=20", "-o"]);
        ssh.arg(format!("UserKnownHostsFile={}", known.display()));
        ssh.arg(format!("root@{address}")).arg(command);
        let output = ssh.output().context("run ssh")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "ssh {address} {command}: {}: {}", output.status, said.trim());
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// Tries until it works.
///
/// # Errors
/// The last one, after that time.
pub fn retry(time: Duration, what: &str, mut work: impl FnMut() -> Result<()>) -> Result<()> {
    let began = Instant::now();
    loop {
        match work() {
            Ok(()) => return Ok(()),
            Err(error) if began.elapsed() > time => return Err(error.context(format!("wait for {what}"))),
            Err(_) => std::thread::sleep(Duration::from_millis(250)),
        }
    }
}
