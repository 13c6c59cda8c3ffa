//! An agent's process: the real one's sessions, workers and door.

use crate::{
    bmc::Chassis,
    controller::Site,
    machine::Machine,
    network::{Network, Node},
    process::Process,
    rack::Machines,
    stream::dial,
};
use anyhow::Context;
use billet_agent::{
    bmc::Rotate,
    boot::BootTable,
    config::Config,
    host::{Around, Identity, Rack},
};
use billet_proto::{AgentId, VpcId};
use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::sync::watch;

/// An agent's host, whether the agent runs or not.
pub struct Agent {
    /// Its name on the network.
    pub node: Node,
    /// The controller's name for it.
    pub id: AgentId,
    config: Arc<Config>,
    identity: Identity,
    machines: Vec<Machine>,
    /// While it runs.
    pub running: Option<Running>,
}

/// An agent that runs.
pub struct Running {
    /// Its runtime.
    pub process: Process,
    /// What its boot services answer from.
    pub boots: BootTable,
    _stop: watch::Sender<bool>,
}

impl Agent {
    /// An agent that joined, whose configuration has these machines: it owns those that it is registered for. It does not run yet.
    ///
    /// # Errors
    /// When its folder or certificate cannot be made.
    pub fn new(number: usize, site: &Site, dir: &Path, vpc: VpcId, machines: Vec<Machine>) -> anyhow::Result<Self> {
        let state_dir = dir.join(format!("agent-{number}"));
        std::fs::create_dir_all(&state_dir).context("make the agent's state folder")?;
        let text = configuration(number, &state_dir, vpc, &machines)?;
        let config = Config::parse(&text).map_err(|error| anyhow::anyhow!("{error}"))?;
        let (id, identity) = site.join(&format!("agent-{number}"))?;
        let node = format!("agent-{number}").into();
        Ok(Self { node, id, config: Arc::new(config), identity, machines, running: None })
    }

    /// Starts it.
    ///
    /// # Errors
    /// When its state cannot be read.
    pub fn start(&mut self, network: &Network, all: &Machines) -> anyhow::Result<()> {
        let chassis = |machine: &Machine| {
            let id = machine.lock().id;
            (id, Arc::new(Chassis::new(machine.clone())) as Arc<dyn Rotate>)
        };
        let boots = BootTable::new();
        let around = Around {
            bmcs: self.machines.iter().map(chassis).collect(),
            switch: Arc::new(all.clone()),
            probe: Arc::new(all.clone()),
            dial: dial(network, &self.node),
            boots: boots.clone(),
        };
        let (stop, stopped) = watch::channel(false);
        let listener = network.listen(&self.node, &self.config.provisioning.grpc_address().to_string());
        let (process, started) = Process::start(|| {
            let rack = Rack::new(self.config.clone(), &self.identity, around)?;
            let door = rack.door(listener, stopped.clone())?;
            tokio::spawn(async move { drop(door.await) });
            tokio::spawn(rack.run(stopped));
            anyhow::Ok(())
        });
        started?;
        self.running = Some(Running { process, boots, _stop: stop });
        Ok(())
    }
}

fn configuration(number: usize, state_dir: &Path, vpc: VpcId, machines: &[Machine]) -> anyhow::Result<String> {
    let none: PathBuf = state_dir.join("none");
    let (dir, none) = (state_dir.display(), none.display());
    let mut text = format!(
        "state_dir = \"{dir}\"\ncontroller = \"192.0.2.10:8444\"\njoin_token_file = \"{none}\"\n\
         [provisioning]\ninterface = \"boot\"\naddress = \"10.77.{number}.1\"\nprefix_length = 24\nhttp_port = 8080\n\
         grpc_port = 8443\nloader_dir = \"{none}\"\nramdisk_dir = \"{none}\"\n\
         [[probe]]\nvpc_id = \"{vpc}\"\ninterface = \"{vpc}\"\n"
    );
    for (place, machine) in machines.iter().enumerate() {
        let body = machine.lock();
        write!(
            text,
            "[[server]]\nid = \"{}\"\nuuid = \"{}\"\nserial = \"{}\"\nfirmware = \"uefi\"\n\
             nics = [{{ mac = \"{}\", provisioning_address = \"10.77.{number}.{}\" }}]\n\
             [server.bmc]\naddress = \"10.78.{number}.{}:623\"\nuser = \"oper\"\npassword_file = \"{none}\"\n\
             soft_off_seconds = 30\n[server.disk]\nserial = \"DISK-{}\"\n",
            body.id,
            body.uuid,
            body.serial,
            body.mac,
            place + 101,
            place + 101,
            body.serial,
        )?;
    }
    // A switch moves ports, as an operator's hook does.
    text.push_str("[network]\nprovider = \"hook\"\ncommand = \"/bin/true\"\n");
    Ok(text)
}
