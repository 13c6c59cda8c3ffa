//! Networks of a laboratory: a namespace with bridges and no address at all, and one for each who uses them.

use crate::record::Held;
use anyhow::{Context, Result, ensure};
use std::{fs, path::Path, process::Command};

/// Bridges that every laboratory has.
const BRIDGES: [&str; 3] = ["prov", "bmc", "mgmt"];

/// The names of a laboratory's namespaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    prefix: String,
}

impl Names {
    /// For a laboratory of that name.
    #[must_use]
    pub fn new(lab: &str) -> Self {
        Self { prefix: format!("bl-{lab}-") }
    }
    /// Bridges and servers' taps.
    #[must_use]
    pub fn fabric(&self) -> String {
        format!("{}fabric", self.prefix)
    }
    /// The BMCs.
    #[must_use]
    pub fn bmc(&self) -> String {
        format!("{}bmc", self.prefix)
    }
    /// The controller.
    #[must_use]
    pub fn controller(&self) -> String {
        format!("{}ctl", self.prefix)
    }
    /// An agent's host.
    #[must_use]
    pub fn rack(&self, rack: usize) -> String {
        format!("{}rack{rack}", self.prefix)
    }
    /// The router of the parameter plane.
    #[must_use]
    pub fn rails(&self) -> String {
        format!("{}rails", self.prefix)
    }
    /// A VPC's router, and where its tenant sits.
    #[must_use]
    pub fn vpc(&self, vpc: usize) -> String {
        format!("{}vpc{vpc}", self.prefix)
    }
}

/// The bridge of a VPC.
#[must_use]
pub fn vpc_bridge(vpc: usize) -> String {
    format!("vpc{vpc}")
}

/// Runs `ip` with these words.
///
/// # Errors
/// With what it said, when it does not end well.
pub fn ip(words: &str) -> Result<()> {
    let output = Command::new("ip").args(words.split_whitespace()).output().context("run ip (package iproute2)")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "ip {words}: {}", said.trim());
    Ok(())
}

/// A program in a namespace.
#[must_use]
pub fn inside(namespace: &str, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace]).arg(program);
    command
}

/// A command in a namespace: its program and arguments.
#[must_use]
pub fn within(namespace: &str, command: &Command) -> Command {
    let mut inside = inside(namespace, command.get_program());
    inside.args(command.get_args());
    inside
}

fn namespace(held: &mut Held, name: &str) -> Result<()> {
    held.note_namespace(name)?;
    // Not `ip netns add`, which has to return to the network that it came from: an ordinary user may not.
    let file = Path::new("/run/netns").join(name);
    fs::create_dir_all("/run/netns").context("make /run/netns")?;
    fs::write(&file, "").with_context(|| format!("make {}", file.display()))?;
    let made = Command::new("unshare").arg(format!("--net={}", file.display())).arg("true").output();
    let made = made.context("run unshare (package util-linux)")?;
    ensure!(made.status.success(), "make namespace {name}: {}", String::from_utf8_lossy(&made.stderr).trim());
    ip(&format!("-n {name} link set lo up"))
}

fn sysctl(namespace: &str, setting: &str) -> Result<()> {
    let done = inside(namespace, "sysctl").args(["-q", "-w", setting]).output().context("run sysctl")?;
    ensure!(done.status.success(), "sysctl {setting} in {namespace}: {}", String::from_utf8_lossy(&done.stderr).trim());
    Ok(())
}

/// A cable from a bridge to a namespace, with addresses there.
fn cable(names: &Names, bridge: &str, to: &str, interface: &str, port: &str, addresses: &[&str]) -> Result<()> {
    let fabric = names.fabric();
    ip(&format!("-n {to} link add name {interface} type veth peer name {port} netns {fabric}"))?;
    ip(&format!("-n {fabric} link set {port} master {bridge} up"))?;
    for address in addresses {
        ip(&format!("-n {to} addr add {address} dev {interface}"))?;
    }
    ip(&format!("-n {to} link set {interface} up"))
}

/// Makes all of it: bridges, the BMCs' network with `servers` addresses, `racks` hosts, the controller's, and `vpcs` VPCs.
///
/// # Errors
/// When the kernel refuses.
pub fn build(held: &mut Held, names: &Names, servers: usize, racks: usize, vpcs: usize) -> Result<()> {
    let fabric = names.fabric();
    namespace(held, &fabric)?;
    // Whatever a guest sends, nothing in the fabric itself answers.
    sysctl(&fabric, "net.ipv6.conf.default.disable_ipv6=1")?;
    let bridges = BRIDGES.iter().map(|name| (*name).to_owned()).chain((0..vpcs).map(vpc_bridge));
    for bridge in bridges {
        ip(&format!("-n {fabric} link add {bridge} type bridge"))?;
        ip(&format!("-n {fabric} link set {bridge} arp off up"))?;
    }
    let bmc = names.bmc();
    namespace(held, &bmc)?;
    let addresses: Vec<String> = (0..servers).map(|server| format!("10.78.0.{}/24", 100 + server)).collect();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    cable(names, "bmc", &bmc, "bmc0", "bmc0", &addresses)?;
    let controller = names.controller();
    namespace(held, &controller)?;
    cable(names, "mgmt", &controller, "mgmt0", "ctl0", &["10.79.0.1/24"])?;
    for vpc in 0..vpcs {
        let router = names.vpc(vpc);
        namespace(held, &router)?;
        cable(names, &vpc_bridge(vpc), &router, "gw0", &format!("gw{vpc}"), &["10.20.0.1/24", "10.20.1.1/24"])?;
        sysctl(&router, "net.ipv4.ip_forward=1")?;
    }
    for rack in 0..racks {
        let host = names.rack(rack);
        namespace(held, &host)?;
        let end = 1 + rack;
        cable(names, "prov", &host, "prov0", &format!("r{rack}prov"), &[&format!("10.77.0.{end}/24")])?;
        cable(names, "bmc", &host, "bmc0", &format!("r{rack}bmc"), &[&format!("10.78.0.{end}/24")])?;
        cable(names, "mgmt", &host, "mgmt0", &format!("r{rack}mgmt"), &[&format!("10.79.0.{}/24", 10 + rack)])?;
        for vpc in 0..vpcs {
            let last = 254 - rack;
            let addresses = [format!("10.20.0.{last}/24"), format!("10.20.1.{last}/24")];
            let port = format!("r{rack}vpc{vpc}");
            cable(names, &vpc_bridge(vpc), &host, &format!("probe{vpc}"), &port, &[&addresses[0], &addresses[1]])?;
        }
        // Overlapping VPCs: an answer comes in where the route would not go out.
        sysctl(&host, "net.ipv4.conf.all.rp_filter=0")?;
        sysctl(&host, "net.ipv4.conf.default.rp_filter=0")?;
    }
    Ok(())
}

/// The bridge of a rail.
#[must_use]
pub fn rail_bridge(rail: usize) -> String {
    format!("rail{rail}")
}

/// Makes the parameter plane: a bridge for each rail, and a router that is 172.16.RAIL.1 there and has 172.31.0.1 behind it.
///
/// # Errors
/// When the kernel refuses.
pub fn rails(held: &mut Held, names: &Names, rails: usize) -> Result<()> {
    let (fabric, router) = (names.fabric(), names.rails());
    namespace(held, &router)?;
    ip(&format!("-n {router} addr add 172.31.0.1/32 dev lo"))?;
    for rail in 0..rails {
        let bridge = rail_bridge(rail);
        ip(&format!("-n {fabric} link add {bridge} type bridge"))?;
        ip(&format!("-n {fabric} link set {bridge} arp off up"))?;
        cable(names, &bridge, &router, &bridge, &format!("{bridge}gw"), &[&format!("172.16.{rail}.1/24")])?;
    }
    Ok(())
}

/// Puts a server's tap on a bridge.
///
/// # Errors
/// When the kernel refuses.
pub fn plug(names: &Names, tap: &str, bridge: &str) -> Result<()> {
    ip(&format!("-n {} link set {tap} master {bridge}", names.fabric()))
}

/// Makes a server's tap, on the provisioning bridge.
///
/// # Errors
/// When the kernel refuses.
pub fn tap(names: &Names, tap: &str) -> Result<()> {
    let fabric = names.fabric();
    ip(&format!("-n {fabric} tuntap add dev {tap} mode tap"))?;
    ip(&format!("-n {fabric} link set {tap} master prov up"))
}

/// Makes a tap that is on no bridge yet.
///
/// # Errors
/// When the kernel refuses.
pub fn loose_tap(names: &Names, tap: &str) -> Result<()> {
    let fabric = names.fabric();
    ip(&format!("-n {fabric} tuntap add dev {tap} mode tap"))?;
    ip(&format!("-n {fabric} link set {tap} up"))
}
