//! A laboratory: networks and powered-off servers.

use crate::{
    hook::Knowledge,
    net::{self, Names, inside},
    ordinary, process,
    record::{Held, Process},
    server::{Server, ServerSpec},
    trunk,
};
use anyhow::{Context, Result, ensure};
use nix::unistd::geteuid;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::{Duration, Instant},
};

/// What a laboratory is to have.
#[derive(Debug, Clone)]
pub struct Options {
    /// Laboratories of different names can run side by side; at most 8 letters or digits.
    pub name: String,
    /// Its folder; what was in it is removed.
    pub dir: PathBuf,
    /// The laboratory's own program (`billet-lab`).
    pub program: PathBuf,
    /// Its servers.
    pub servers: Vec<ServerSpec>,
    /// How many agents' hosts.
    pub racks: usize,
    /// How many VPCs.
    pub vpcs: usize,
}

/// A laboratory that runs; dropped, it is taken down.
#[derive(Debug)]
pub struct Lab {
    /// Its namespaces' names.
    pub names: Names,
    /// Its folder.
    pub dir: PathBuf,
    /// Its servers, powered off.
    pub servers: Vec<Server>,
    held: Held,
    keep: bool,
}

/// A BMC answers within this time after its start.
const BMC_DEADLINE: Duration = Duration::from_secs(20);

impl Lab {
    /// Clears what an earlier one of that name left, and brings this one up.
    ///
    /// # Errors
    /// When it is in use, or something cannot be made.
    pub fn start(options: &Options) -> Result<Self> {
        let name = &options.name;
        let good = (1..=8).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric());
        ensure!(good, "a laboratory's name has 1 to 8 letters or digits, not \"{name}\"");
        ensure!(geteuid().is_root(), "a laboratory needs root, be it of a user namespace of its own");
        ordinary::check()?;
        let mut held = Held::take(name)?;
        let dir = &options.dir;
        if dir.exists() {
            fs::remove_dir_all(dir).with_context(|| format!("remove {}", dir.display()))?;
        }
        fs::create_dir_all(dir).with_context(|| format!("make {}", dir.display()))?;
        let dir = dir.canonicalize().context("find the laboratory's folder")?;
        let names = Names::new(name);
        net::build(&mut held, &names, options.servers.len(), options.racks, options.vpcs)?;
        let rails = options.servers.iter().map(|spec| spec.rails).max().unwrap_or_default();
        if rails > 0 {
            net::rails(&mut held, &names, rails)?;
        }
        let mut lab = Self { names, dir, servers: Vec::new(), held, keep: false };
        let mut known = Knowledge { fabric: lab.names.fabric(), ..Knowledge::default() };
        for (number, spec) in options.servers.iter().enumerate() {
            let server = Server::make(&lab.dir, number, spec, &options.program)?;
            for (nic, (tap, mac)) in server.taps.iter().zip(&server.macs).enumerate() {
                known.taps.insert(mac.clone(), tap.clone());
                match server.vlan(nic) {
                    // What a tenant sends without a tag reaches nobody.
                    Some(_) if nic > 0 => net::loose_tap(&lab.names, tap)?,
                    _ => net::tap(&lab.names, tap)?,
                }
                if let Some(rail) = server.rail(nic) {
                    net::plug(&lab.names, tap, &net::rail_bridge(rail))?;
                }
                if let Some(tag) = server.vlan(nic) {
                    let tagged = trunk::tagged_tap(tap);
                    net::loose_tap(&lab.names, &tagged)?;
                    known.tagged.insert(mac.clone(), tagged);
                    let mut port = inside(&lab.names.fabric(), &options.program);
                    port.args(["trunk", "--nic", &nic.to_string(), "--tap", tap, "--vlan", &tag.to_string()]);
                    port.arg("--dir").arg(&server.dir);
                    lab.start_process(&format!("port{number}n{nic}"), &mut port, &server.dir.join("ports.log"))?;
                }
            }
            let mut chassis = inside(&lab.names.fabric(), &options.program);
            chassis.args(["chassis", "--dir"]).arg(&server.dir);
            lab.start_process(&format!("chassis{number}"), &mut chassis, &server.dir.join("chassis.log"))?;
            lab.servers.push(server);
            lab.start_bmc(number)?;
        }
        known.save(&lab.dir)?;
        Ok(lab)
    }

    /// Starts a program of the laboratory; it is ended with it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_process(&mut self, what: &str, command: &mut Command, log: &Path) -> Result<Process> {
        let process = process::start(what, command, log)?;
        self.held.note_process(process.clone())?;
        Ok(process)
    }

    /// Puts on record what was started already; it is ended with the laboratory.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn hold(&mut self, process: Process) -> Result<()> {
        self.held.note_process(process)
    }

    /// Runs a program in the terminal to its end; a laboratory that is taken down meanwhile ends it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn run(&mut self, what: &str, command: &mut Command) -> Result<ExitStatus> {
        let (mut child, process) = process::start_here(what, command)?;
        self.held.note_process(process)?;
        child.wait().with_context(|| format!("wait for {what}"))
    }

    /// Starts a server's BMC, and returns when it answers.
    ///
    /// # Errors
    /// When it does not.
    pub fn start_bmc(&mut self, number: usize) -> Result<Process> {
        let server = self.servers[number].clone();
        let mut simulator = inside(&self.names.bmc(), "ipmi_sim");
        simulator.args(["-n", "-c", "lan.conf", "-f", "machine.emu", "-s", "bmc-state"]).current_dir(&server.dir);
        let process = self.start_process(&format!("bmc{number}"), &mut simulator, &server.dir.join("bmc.log"))?;
        let began = Instant::now();
        while !self.power_of(&server).is_ok_and(|said| said.contains("Chassis Power is")) {
            ensure!(
                began.elapsed() < BMC_DEADLINE,
                "BMC {number} does not answer; see {}",
                server.dir.join("bmc.log").display()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(process)
    }

    /// What `ipmitool` says of a server's power.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn power_status(&self, number: usize) -> Result<String> {
        self.power_of(&self.servers[number])
    }

    fn power_of(&self, server: &Server) -> Result<String> {
        let mut tool = inside(&self.names.bmc(), "ipmitool");
        tool.args(["-I", "lanplus", "-C", "3", "-N", "1", "-R", "1", "-H", &server.bmc_address]);
        tool.args(["-U", crate::server::BMC_USER, "-f"]).arg(server.accepted_password_file());
        let output = tool.args(["chassis", "power", "status"]).output().context("run ipmitool")?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The process on record last under that name.
    #[must_use]
    pub fn process(&self, what: &str) -> Option<Process> {
        self.held.processes().iter().rev().find(|process| process.what == what).cloned()
    }

    /// Tells the network hook on which bridge a VPC is.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn map_vpc(&self, id: &str, vpc: usize) -> Result<()> {
        let mut known = Knowledge::load(&self.dir)?;
        known.vpcs.insert(id.to_owned(), net::vpc_bridge(vpc));
        known.save(&self.dir)
    }

    /// Leaves everything running; [`Lab::down`] takes it down later.
    pub fn keep(mut self) {
        self.keep = true;
    }

    /// Takes down what this process itself brought up under that name, from another thread of it.
    ///
    /// # Errors
    /// When something stays.
    pub fn down_own(name: &str) -> Result<()> {
        Held::again(name)?.clear()
    }

    /// Takes down whatever a laboratory of that name has on this machine.
    ///
    /// # Errors
    /// When something stays.
    pub fn down(name: &str) -> Result<()> {
        Held::take(name).map(drop)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if self.keep {
            return;
        }
        if let Err(error) = self.held.clear() {
            eprintln!("the laboratory was not taken down: {error:#}");
        }
    }
}
