//! What the database holds, as typed values.

use crate::{clock::Timestamp, lifecycle::table::Phase, seal::Sealed};
use billet_proto::{AgentId, ImageId, InstanceId, MacAddr, ProjectId, ServerId, SubnetId, VpcId};
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;

/// An instance: one row, moved by the life cycle alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance {
    /// UUIDv7.
    pub id: InstanceId,
    /// Counts the row's updates; an update names the version it read.
    pub version: u64,
    /// Whose it is.
    pub project_id: ProjectId,
    /// As given; the host name in the OS is derived from it.
    pub name: String,
    /// 0 to 255 characters.
    pub description: String,
    /// What is installed.
    pub image_id: ImageId,
    /// The network of all its NICs.
    pub vpc_id: VpcId,
    /// Where it is installed; kept after termination for the record.
    pub server_id: ServerId,
    /// 1 or 2; the first is primary.
    pub nics: Vec<InstanceNic>,
    /// Where the life cycle stands.
    pub phase: Phase,
    /// What it waits for, for a person.
    pub waiting_for: String,
    /// When the present phase becomes an error; none when nothing is in progress.
    pub deadline: Option<Timestamp>,
    /// The generation of the order in progress, or of the last one.
    pub generation: u64,
    /// crypt(3) hash, sealed.
    pub password_hash: Option<Sealed>,
    /// Metadata as JSON, sealed.
    pub metadata: Option<Sealed>,
    /// Why it is in error.
    pub error: Option<Cause>,
    /// OpenSSH public form of the host key that the ramdisk made.
    pub host_key: Option<String>,
    /// What proved `running`: `ssh-host-key`.
    pub proof: Option<String>,
    /// How far the boot was trusted: `lan` or `bmc`.
    pub boot_trust: Option<String>,
    /// Another bootable disk is cleared rather than an error: the server's policy when this was accepted.
    pub clear_other_bootable_disks: bool,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When the row last changed.
    pub updated_at: Timestamp,
    /// When it first became running.
    pub launched_at: Option<Timestamp>,
    /// When it was terminated.
    pub terminated_at: Option<Timestamp>,
}

/// A NIC as the tenant sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceNic {
    /// The subnet.
    pub subnet_id: SubnetId,
    /// The address given or chosen.
    pub address: Ipv4Addr,
    /// The server's port.
    pub mac: MacAddr,
}

/// A cause that a person can act on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// One word for programs, such as `bmc_auth_failed`.
    pub cause: String,
    /// For a person.
    pub message: String,
}

/// An address in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// The address is unique within it.
    pub vpc_id: VpcId,
    /// Where the address belongs.
    pub subnet_id: SubnetId,
    /// The address.
    pub address: Ipv4Addr,
    /// Whose.
    pub instance_id: InstanceId,
}

/// An event to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Whose timeline.
    pub instance_id: InstanceId,
    /// When.
    pub at: Timestamp,
    /// `accepted`, `started`, `progress`, `finished`, `failed`, `note`, `running`, `deleting`, `terminated`.
    pub kind: String,
    /// The step, such as `write`; empty for the instance as a whole.
    pub step: String,
    /// For a person.
    pub message: String,
    /// Bytes done, for progress.
    pub done_bytes: Option<u64>,
    /// Bytes in all, for progress.
    pub total_bytes: Option<u64>,
    /// Bytes each second, for progress.
    pub bytes_per_second: Option<u64>,
}

/// A recorded event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Grows over all instances.
    pub seq: u64,
    /// The rest.
    pub event: NewEvent,
}

/// `manage_state` of a server, as the API family has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ManageState {
    /// Agent and operator do not both vouch for it yet.
    Onboard,
    /// May be placed on.
    Ready,
    /// An instance is on it.
    InUse,
    /// Kept out: not wiped, or taken out by the operator.
    Maintain,
}

impl ManageState {
    /// The API's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Onboard => "onboard",
            Self::Ready => "ready",
            Self::InUse => "in-use",
            Self::Maintain => "maintain",
        }
    }
    /// The state with that word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Onboard, Self::Ready, Self::InUse, Self::Maintain].into_iter().find(|s| s.as_str() == word)
    }
}

/// A server: what the operator registered and what its agent says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// As in the agent's configuration.
    pub id: ServerId,
    /// Operator's side: registered, and for this agent.
    pub registered_agent: Option<AgentId>,
    /// Agent's side: the owner whose claim was accepted.
    pub owner: Option<AgentId>,
    /// Only this project may use it; none: the shared pool.
    pub project_id: Option<ProjectId>,
    /// SMBIOS UUID in lower case as the agent's configuration says; may be empty.
    pub uuid: String,
    /// Serial number as the agent's configuration says; may be empty.
    pub serial: String,
    /// NICs in port order.
    pub macs: Vec<MacAddr>,
    /// Roles by port, operator's word: `tenant` or `provisioning`; absent means tenant.
    pub roles: Vec<NicRole>,
    /// Another bootable disk is cleared rather than an error.
    pub clear_other_bootable_disks: bool,
    /// As the API shows it.
    pub manage_state: ManageState,
    /// A tenant wrote on it and nothing wiped it since.
    pub unwiped: bool,
    /// Generation of the newest order.
    pub generation: u64,
    /// When it was first heard of.
    pub onboard_time: Timestamp,
}

impl Server {
    /// One that somebody named for the first time: nobody owns it, and it is nobody's.
    pub fn unheard_of(id: ServerId, now: Timestamp) -> Self {
        Self {
            id,
            registered_agent: None,
            owner: None,
            project_id: None,
            uuid: String::new(),
            serial: String::new(),
            macs: Vec::new(),
            roles: Vec::new(),
            clear_other_bootable_disks: false,
            manage_state: ManageState::Onboard,
            unwiped: false,
            generation: 0,
            onboard_time: now,
        }
    }
}

/// What a NIC is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NicRole {
    /// A tenant's; the server also boots from it where a network provider moves it.
    Tenant,
    /// For provisioning only.
    Provisioning,
}

/// An agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// UUIDv7.
    pub id: AgentId,
    /// Unique; 1 to 63 letters, digits, `-`.
    pub name: String,
    /// SHA-256 of its certificate's DER.
    pub certificate_sha256: [u8; 32],
    /// SHA-256 of its public key: with the same key and token it may ask again for a certificate that did not arrive.
    pub key_sha256: [u8; 32],
    /// SHA-256 of the join token's secret.
    pub join_secret_sha256: [u8; 32],
    /// Newest epoch seen.
    pub epoch: u64,
    /// When it joined.
    pub joined_at: Timestamp,
}

/// A join token, known only by its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinToken {
    /// SHA-256 of the secret.
    pub secret_sha256: [u8; 32],
    /// The agent's name.
    pub agent_name: String,
    /// After this it is worth nothing.
    pub expires_at: Timestamp,
}

/// An imported image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// UUIDv7.
    pub id: ImageId,
    /// That project's, or shared by an operator.
    pub project_id: Option<ProjectId>,
    /// For people.
    pub name: String,
    /// `Linux`, `Windows` or `Other`.
    pub os_type: String,
    /// Raw size.
    pub size_bytes: u64,
    /// SHA-256 of the raw image, hex.
    pub sha256: String,
    /// BLAKE3 of the manifest.
    pub manifest_digest: [u8; 32],
    /// When it was imported.
    pub created_at: Timestamp,
}

/// A tenant's network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vpc {
    /// UUIDv7.
    pub id: VpcId,
    /// Whose.
    pub project_id: ProjectId,
    /// 1 to 64 characters.
    pub name: String,
    /// Network address and prefix length.
    pub cidr: Cidr,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A part of a VPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    /// UUIDv7.
    pub id: SubnetId,
    /// Whose (through its VPC).
    pub project_id: ProjectId,
    /// Where it lies.
    pub vpc_id: VpcId,
    /// 1 to 64 characters.
    pub name: String,
    /// Network address and prefix length, inside the VPC's.
    pub cidr: Cidr,
    /// Inside the subnet.
    pub gateway: Ipv4Addr,
    /// At most 3.
    pub dns: Vec<Ipv4Addr>,
    /// Addresses never handed out (a probe point's, for one), at most 16.
    pub reserved: Vec<Ipv4Addr>,
    /// When it was made.
    pub created_at: Timestamp,
}

pub use crate::addresses::Cidr;
