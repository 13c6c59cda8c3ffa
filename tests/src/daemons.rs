//! The product's programs, and the configuration files that the laboratory gives them.

use crate::{
    access_key::AccessKey,
    lab::Lab,
    process,
    record::Process,
    server::{BMC_USER, Server},
    small_disk::SmallDisk,
};
use anyhow::{Context, Result, ensure};
use std::{
    fmt::Write as _,
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

/// The product, built.
#[derive(Debug, Clone)]
pub struct Binaries {
    /// The daemon on rack hosts, and PID 1 of the ramdisk.
    pub agent: PathBuf,
    /// The controller.
    pub controller: PathBuf,
    /// The client.
    pub client: PathBuf,
    /// Holds `vmlinuz` and `initrd`.
    pub ramdisk_dir: PathBuf,
}

/// A controller is up within this time.
const UP: Duration = Duration::from_secs(30);

/// Writes a file that its owner alone reads.
///
/// # Errors
/// When it cannot be written.
pub fn write_private(path: &Path, text: &str) -> Result<()> {
    let file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    let mut file = file.with_context(|| format!("open {}", path.display()))?;
    std::io::Write::write_all(&mut file, text.as_bytes()).with_context(|| format!("write {}", path.display()))
}

/// A controller of the laboratory: its files, and where its API is.
#[derive(Debug, Clone)]
pub struct Controller {
    /// Its folder.
    pub dir: PathBuf,
    /// The API, on this machine's loopback.
    pub address: SocketAddr,
    /// The tenant's, for signatures.
    pub access_key: AccessKey,
    binary: PathBuf,
}

impl Controller {
    /// Writes its configuration; `extra` is more TOML.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn configure(dir: &Path, binary: &Path, extra: &str) -> Result<Self> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .with_context(|| format!("make {}", dir.display()))?;
        // Free now; systemd-socket-activate opens it a moment later.
        let address =
            TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).context("find a port")?;
        let text = format!(
            "state_dir = \"{dir}/state\"\ntokens_file = \"{dir}/tokens.toml\"\n\n[rest]\nlisten = \"{address}\"\n\n\
             [link]\nlisten = \"10.79.0.1:8444\"\nnames = [\"10.79.0.1\"]\n\n\
             [auth]\nsignature = true\naccess_keys_file = \"{dir}/access_keys.toml\"\n\n{extra}",
            dir = dir.display(),
        );
        write_private(&dir.join("controller.toml"), &text)?;
        let access_key = AccessKey::make(&dir.join("access_keys.toml"))?;
        Ok(Self { dir: dir.to_owned(), address, access_key, binary: binary.to_owned() })
    }

    /// Makes a token, and answers the file that holds it.
    ///
    /// # Errors
    /// When the program refuses.
    pub fn new_token(&self, name: &str, project: Option<&str>) -> Result<PathBuf> {
        let mut command = Command::new(&self.binary);
        command.args(["token", "new", "--name", name, "--file"]).arg(self.dir.join("tokens.toml"));
        if let Some(project) = project {
            command.args(["--project", project]);
        }
        let output = command.output().with_context(|| format!("run {}", self.binary.display()))?;
        ensure!(output.status.success(), "make a token: {}", String::from_utf8_lossy(&output.stderr).trim());
        let path = self.dir.join(format!("{name}.token"));
        write_private(&path, &String::from_utf8_lossy(&output.stdout))?;
        Ok(path)
    }

    /// The authority to trust.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.dir.join("state/ca.pem")
    }

    /// What it logs.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.dir.join("controller.log")
    }

    /// Starts it in its namespace, with its API's port opened outside of it; returns when it listens.
    ///
    /// # Errors
    /// When it does not within 30 s.
    pub fn start(&self, lab: &mut Lab) -> Result<Process> {
        let mut command = Command::new("systemd-socket-activate");
        command.args(["-E", "BILLET_LOG", "-l", &self.address.to_string(), "/bin/ip", "netns", "exec"]);
        command
            .arg(lab.names.controller())
            .arg(&self.binary)
            .args(["serve", "--config"])
            .arg(self.dir.join("controller.toml"));
        command.env("BILLET_LOG", "info");
        let process = lab.start_process("controller", &mut command, &self.log())?;
        let began = Instant::now();
        // The first connection makes it start.
        while TcpStream::connect(self.address).is_err() || !self.is_ready() {
            let ended = !process::is_running(&process);
            ensure!(!ended && began.elapsed() < UP, "the controller does not come up; see {}", self.log().display());
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(process)
    }

    fn is_ready(&self) -> bool {
        // The newest start's line: the log goes on over restarts.
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let last = |text: &str| log.rfind(text);
        last("the controller is ready").is_some() && last("the controller is ready") > last("Listening on")
    }
}

/// An agent of the laboratory.
#[derive(Debug, Clone)]
pub struct Agent {
    /// Which host it is on.
    pub rack: usize,
    /// Its folder.
    pub dir: PathBuf,
    /// What its journal is on, where that is a disk of its own.
    pub disk: Option<SmallDisk>,
    binary: PathBuf,
}

impl Agent {
    /// Its name at the controller.
    #[must_use]
    pub fn name(&self) -> String {
        format!("rack{}", self.rack)
    }

    /// What it logs.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.dir.join("agent.log")
    }

    /// Its state, as it can be read from here.
    #[must_use]
    pub fn state_dir(&self) -> PathBuf {
        self.disk.as_ref().map_or_else(|| self.dir.join("state"), SmallDisk::seen)
    }

    /// Writes its configuration, for the laboratory's servers of that rack.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn configure(
        lab: &Lab,
        rack: usize,
        binaries: &Binaries,
        hook: &Path,
        (vpcs, token): (&[String], &str),
        disks: &dyn Fn(&Server) -> String,
    ) -> Result<Self> {
        let dir = lab.dir.join(format!("rack{rack}"));
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(dir.join("state"));
        made.with_context(|| format!("make {}", dir.display()))?;
        write_private(&dir.join("join-token"), token)?;
        let mut text = format!(
            "state_dir = \"{dir}/state\"\ncontroller = \"10.79.0.1:8444\"\njoin_token_file = \"{dir}/join-token\"\n\n\
             [provisioning]\ninterface = \"prov0\"\naddress = \"10.77.0.{end}\"\nprefix_length = 24\nramdisk_dir = \"{ramdisk}\"\n\n\
             [network]\nprovider = \"hook\"\ncommand = \"{hook}\"\narguments = [\"network-hook\", \"--dir\", \"{lab}\"]\n",
            dir = dir.display(),
            end = 1 + rack,
            ramdisk = binaries.ramdisk_dir.display(),
            hook = hook.display(),
            lab = lab.dir.display(),
        );
        for (index, vpc) in vpcs.iter().enumerate() {
            write!(text, "\n[[probe]]\nvpc_id = \"{vpc}\"\ninterface = \"probe{index}\"\n")
                .context("write the configuration")?;
        }
        for server in lab.servers.iter().filter(|server| server.rack == rack) {
            text.push_str(&section(server, &disks(server))?);
        }
        write_private(&dir.join("agent.toml"), &text)?;
        Ok(Self { rack, dir, disk: None, binary: binaries.agent.clone() })
    }

    /// Starts it on its host.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(&self, lab: &mut Lab) -> Result<Process> {
        let namespace = lab.names.rack(self.rack);
        let mut command = match &self.disk {
            Some(disk) => crate::net::within(&namespace, &disk.command(&self.binary)),
            None => crate::net::inside(&namespace, &self.binary),
        };
        command.args(["run", "--config"]).arg(self.dir.join("agent.toml")).env("BILLET_LOG", "info");
        lab.start_process(&format!("agent{}", self.rack), &mut command, &self.log())
    }
}

fn section(server: &Server, disk: &str) -> Result<String> {
    let mut nics = Vec::new();
    for (index, mac) in server.macs.iter().enumerate() {
        let address = &server.provisioning_address;
        nics.push(if index == 0 {
            format!("{{ mac = \"{mac}\", provisioning_address = \"{address}\" }}")
        } else {
            format!("{{ mac = \"{mac}\" }}")
        });
    }
    let bonds: Vec<String> = server
        .bonds
        .iter()
        .map(|bond| {
            let macs: Vec<String> = bond.nics.iter().map(|nic| format!("\"{}\"", server.macs[*nic])).collect();
            let vlan = bond.vlan.map(|tag| format!(", vlan = {tag}")).unwrap_or_default();
            format!("{{ mode = \"{}\", macs = [{}]{vlan} }}", bond.mode, macs.join(", "))
        })
        .collect();
    let mut text = String::new();
    write!(
        text,
        "\n[[server]]\nid = \"{}\"\nuuid = \"{}\"\nserial = \"{}\"\nfirmware = \"{}\"\n\
         bmc = {{ address = \"{}:623\", user = \"{BMC_USER}\", password_file = \"{}\", privilege = \"administrator\", soft_off_seconds = 20, quirks = [\"keeps-only-the-boot-device\"] }}\n\
         nics = [{}]\nbonds = [{}]\ndisk = {disk}\n",
        server.id,
        server.uuid,
        server.serial,
        server.firmware.word(),
        server.bmc_address,
        server.password_file().display(),
        nics.join(", "),
        bonds.join(", "),
    )
    .context("write the configuration")?;
    Ok(text)
}
