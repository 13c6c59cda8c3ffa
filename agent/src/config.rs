//! The agent's configuration: which servers it owns, and how it reaches them.
//!
//! Parsing is pure and tells every problem at once; nothing is bound or dialled before the whole is known good.

mod wires;

use billet_proto::{MacAddr, ServerId, VpcId, ramdisk::DiskHint};
use serde::Deserialize;
use std::{
    collections::HashSet,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    path::PathBuf,
    time::Duration,
};

pub use wires::{Accelerator, Bond, BondMode};

/// A configuration known to be good.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Keys, certificates and where each order stands; mode 0700.
    pub state_dir: PathBuf,
    /// Where the controller takes agents.
    pub controller: SocketAddr,
    /// A name or address in the controller's certificate; by default `controller`'s address.
    pub controller_name: Option<String>,
    /// Holds the join token of `billet agent enroll`; read only while there is no certificate.
    pub join_token_file: Option<PathBuf>,
    /// The network on which servers boot.
    pub provisioning: Provisioning,
    /// What moves ports between networks.
    #[serde(default)]
    pub network: Network,
    /// From where each VPC is probed.
    #[serde(default, rename = "probe")]
    pub probes: Vec<Probe>,
    /// The servers that this agent owns; at most [`MAX_SERVERS`].
    #[serde(default, rename = "server")]
    pub servers: Vec<Server>,
}

/// More servers than any rack has.
pub const MAX_SERVERS: usize = 512;

/// The network on which servers boot.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provisioning {
    /// Everything that serves a boot listens here and nowhere else.
    pub interface: String,
    /// Our address on it.
    pub address: Ipv4Addr,
    /// 1 to 30 bits.
    pub prefix_length: u8,
    /// Port of the boot files.
    #[serde(default = "default_http_port")]
    pub http_port: u16,
    /// Port that ramdisks call.
    #[serde(default = "default_grpc_port")]
    pub grpc_port: u16,
    /// Holds iPXE's `undionly.kpxe` and `snponly.efi`.
    #[serde(default = "default_loader_dir")]
    pub loader_dir: PathBuf,
    /// Holds `vmlinuz` and `initrd`.
    #[serde(default = "default_ramdisk_dir")]
    pub ramdisk_dir: PathBuf,
}

fn default_http_port() -> u16 {
    8080
}
fn default_grpc_port() -> u16 {
    8443
}
fn default_loader_dir() -> PathBuf {
    "/usr/lib/ipxe".into()
}
fn default_ramdisk_dir() -> PathBuf {
    "/usr/lib/billet/ramdisk".into()
}

impl Provisioning {
    /// Where ramdisks call.
    pub fn grpc_address(&self) -> SocketAddrV4 {
        SocketAddrV4::new(self.address, self.grpc_port)
    }
}

/// What moves a server's port.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(tag = "provider", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Network {
    /// Ports stay where they are: provisioning has NICs of its own.
    #[default]
    Static,
    /// The operator's executable moves them.
    Hook {
        /// The executable; never run through a shell.
        command: PathBuf,
        /// Its arguments.
        #[serde(default)]
        arguments: Vec<String>,
        /// How long one call may take, 1 to 300 s.
        #[serde(default = "default_hook_seconds")]
        deadline_seconds: u64,
    },
}

fn default_hook_seconds() -> u64 {
    30
}

/// From where a VPC is probed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// The VPC.
    pub vpc_id: VpcId,
    /// An interface with an address in it; nothing of the agent listens there.
    pub interface: String,
}

/// A server that this agent owns.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// As the operator registered it.
    pub id: ServerId,
    /// SMBIOS UUID. This or `serial` is required.
    pub uuid: Option<uuid::Uuid>,
    /// Chassis or system serial number.
    pub serial: Option<String>,
    /// How it boots: `uefi` or `bios`.
    #[serde(default)]
    pub firmware: Firmware,
    /// How to reach its BMC.
    pub bmc: Bmc,
    /// Its NICs in port order, 1 to 16.
    pub nics: Vec<Nic>,
    /// Those of its NICs that are one port together.
    #[serde(default)]
    pub bonds: Vec<Bond>,
    /// Which disk is the right one.
    #[serde(default)]
    pub disk: Disk,
}

/// How a server boots; the BMC is told with each boot override.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Firmware {
    /// UEFI.
    #[default]
    Uefi,
    /// BIOS.
    Bios,
}

impl From<Firmware> for crate::bmc::BootMode {
    fn from(firmware: Firmware) -> Self {
        match firmware {
            Firmware::Uefi => Self::Uefi,
            Firmware::Bios => Self::Legacy,
        }
    }
}

/// How to reach a BMC.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bmc {
    /// IPMI over LAN, usually port 623.
    pub address: SocketAddr,
    /// The account.
    pub user: String,
    /// Holds the password in its first line.
    pub password_file: PathBuf,
    /// Holds the BMC's own key (Kg, IPMI v2.0 §13.33) in its first line, where it has one.
    pub kg_file: Option<PathBuf>,
    /// `operator` (enough for all that is done here) or `administrator`.
    #[serde(default)]
    pub privilege: Privilege,
    /// What it is known to do against the specification.
    #[serde(default)]
    pub quirks: Vec<crate::bmc::Quirk>,
    /// How long a system that is asked to shut down may take before its power is cut, 0 (it is not asked) to 600 s.
    #[serde(default = "default_soft_off_seconds")]
    pub soft_off_seconds: u64,
}

fn default_soft_off_seconds() -> u64 {
    45
}

impl Bmc {
    /// How long a system that is asked to shut down may take.
    pub fn soft_off(&self) -> Duration {
        Duration::from_secs(self.soft_off_seconds)
    }
}

/// An IPMI privilege level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Privilege {
    /// Power and boot options.
    #[default]
    Operator,
    /// For BMCs that refuse an operator's boot options.
    Administrator,
}

/// A NIC.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nic {
    /// Its address.
    pub mac: MacAddr,
    /// Its IPv4 address while it boots; the first NIC that has one is the one to boot from.
    pub provisioning_address: Option<Ipv4Addr>,
    /// 802.1Q tag of the tenant's network on its port; provisioning is never tagged.
    pub vlan: Option<u16>,
    /// An accelerator's own port, which the operating system does not see.
    pub accelerator: Option<Accelerator>,
}

/// Hints: all that are given must match, and exactly one disk may.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Disk {
    /// Serial number.
    pub serial: String,
    /// World-wide name.
    pub wwn: String,
    /// Model.
    pub model: String,
    /// Kernel name, such as `nvme0n1`.
    pub name: String,
    /// Smallest size in bytes.
    pub min_bytes: u64,
    /// Largest size in bytes; 0 is no limit.
    pub max_bytes: u64,
}

impl Server {
    /// The NIC to boot from.
    pub fn boot_nic(&self) -> Option<(MacAddr, Ipv4Addr)> {
        self.nics.iter().find_map(|nic| Some((nic.mac, nic.provisioning_address?)))
    }
    /// The hints in the protocol's form.
    pub fn disk_hint(&self) -> DiskHint {
        let Disk { serial, wwn, model, name, min_bytes, max_bytes } = self.disk.clone();
        DiskHint { serial, wwn, model, name, min_bytes, max_bytes }
    }
}

/// Everything that is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
#[error("use the configuration:{}", .0.iter().map(|p| format!("\n  {p}")).collect::<String>())]
pub struct ConfigErrors(pub Vec<String>);

impl Config {
    /// Reads a configuration from TOML.
    ///
    /// # Errors
    /// Every problem at once; those of form with their line.
    pub fn parse(text: &str) -> Result<Self, ConfigErrors> {
        let config: Self = toml::from_str(text).map_err(|error| ConfigErrors(vec![error.to_string()]))?;
        let problems = config.problems();
        if problems.is_empty() { Ok(config) } else { Err(ConfigErrors(problems)) }
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut check = |good: bool, problem: String| {
            if !good {
                problems.push(problem);
            }
        };
        let prefix = self.provisioning.prefix_length;
        check((1..=30).contains(&prefix), format!("provisioning.prefix_length: 1 to 30, not {prefix}"));
        check(self.servers.len() <= MAX_SERVERS, format!("server: at most {MAX_SERVERS}, not {}", self.servers.len()));
        if let Network::Hook { command, deadline_seconds, .. } = &self.network {
            check(command.is_absolute(), format!("network.command: an absolute path, not {}", command.display()));
            let good = (1..=300).contains(deadline_seconds);
            check(good, format!("network.deadline_seconds: 1 to 300, not {deadline_seconds}"));
        }
        let (mut ids, mut macs, mut addresses) = (HashSet::new(), HashSet::new(), HashSet::new());
        addresses.insert(self.provisioning.address);
        for server in &self.servers {
            let id = server.id;
            check(ids.insert(id), format!("server {id}: its id stands twice"));
            check(server.uuid.is_some() || server.serial.is_some(), format!("server {id}: uuid or serial is required"));
            check((1..=16).contains(&server.nics.len()), format!("server {id}: 1 to 16 nics"));
            check(server.boot_nic().is_some(), format!("server {id}: one of its nics needs a provisioning_address"));
            check(
                server.bmc.user.len() <= 16,
                format!("server {id}: bmc.user has at most 16 bytes (IPMI v2.0 §22.28)"),
            );
            let soft = server.bmc.soft_off_seconds;
            check(soft <= 600, format!("server {id}: bmc.soft_off_seconds: 0 to 600, not {soft}"));
            for nic in &server.nics {
                check(macs.insert(nic.mac), format!("server {id}: nic {} stands twice", nic.mac));
                if let Some(address) = nic.provisioning_address {
                    check(addresses.insert(address), format!("server {id}: {address} stands twice"));
                    let mask = u32::MAX.checked_shl(32 - u32::from(prefix.clamp(1, 32))).unwrap_or(u32::MAX);
                    let inside = (address.to_bits() ^ self.provisioning.address.to_bits()) & mask == 0;
                    check(inside, format!("server {id}: {address} is not on the provisioning network"));
                }
            }
        }
        problems.extend(self.servers.iter().flat_map(Server::wiring_problems));
        let mut check = |good: bool, problem: String| {
            if !good {
                problems.push(problem);
            }
        };
        let mut vpcs = HashSet::new();
        for probe in &self.probes {
            check(vpcs.insert(probe.vpc_id), format!("probe: vpc_id {} stands twice", probe.vpc_id));
            let apart = probe.interface != self.provisioning.interface;
            check(apart, format!("probe {}: its interface is the provisioning network's", probe.vpc_id));
        }
        problems
    }

    /// The name that the controller's certificate must have.
    pub fn controller_name(&self) -> String {
        self.controller_name.clone().unwrap_or_else(|| self.controller.ip().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = include_str!("../../packaging/config/agent.toml");

    #[test]
    fn the_sample_is_good() {
        let config = Config::parse(SAMPLE).unwrap();
        assert_eq!(config.servers.len(), 1);
        assert_eq!(config.provisioning.grpc_port, 8443);
    }

    #[test]
    fn the_sample_names_every_key() {
        let config = Config::parse(SAMPLE).unwrap();
        // Debug names the fields; a key that the sample forgot would not stand in it.
        let debug = format!("{config:?}").replace("probes:", "probe:").replace("servers:", "server:");
        for field in
            debug.split([' ', '{', '[']).filter_map(|word| word.strip_suffix(':')).filter(|word| *word != "network")
        {
            let given = [format!("{field} = "), format!("[{field}]"), format!(".{field}]")];
            assert!(given.iter().any(|given| SAMPLE.contains(given)), "the sample lacks {field}");
        }
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let bad = SAMPLE
            .replace("prefix_length = 24", "prefix_length = 31")
            .replace("uuid = \"", "# uuid = \"")
            .replace("serial = \"SN", "# serial = \"SN");
        let ConfigErrors(problems) = Config::parse(&bad).unwrap_err();
        assert!(problems.iter().any(|p| p.contains("prefix_length")), "{problems:?}");
        assert!(problems.iter().any(|p| p.contains("uuid or serial")), "{problems:?}");
    }

    #[test]
    fn a_misspelt_key_is_named_with_its_line() {
        let ConfigErrors(problems) = Config::parse(&SAMPLE.replace("state_dir", "state_dirr")).unwrap_err();
        assert!(problems[0].contains("state_dirr") && problems[0].contains("line"), "{problems:?}");
    }
}
