//! What the database holds, as typed values.

use crate::{
    clock::Timestamp,
    lifecycle::table::{Operation, Phase, Standing},
    seal::Sealed,
};
use billet_proto::{
    AgentId, ImageId, InstanceId, MacAddr, ProjectId, ServerId, SubnetId, VpcId,
    link::{Disk, Inventory, WipedDisk},
};
use serde::{Deserialize, Serialize};
use std::{fmt, net::Ipv4Addr, str::FromStr};

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
    /// 1 or 2 of the VPC, the first being primary; after them those of the parameter plane, by rail.
    pub nics: Vec<InstanceNic>,
    /// What is being done, or was done last.
    pub operation: Operation,
    /// When that was accepted.
    pub operation_began_at: Timestamp,
    /// The network that a change of address is to bring about; its addresses are reserved beside those of `nics`.
    pub network_change: Option<NetworkChange>,
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
    /// crypt(3) hash, sealed: written to the disk at the next boot.
    pub next_password_hash: Option<Sealed>,
    /// Metadata as JSON, sealed.
    pub metadata: Option<Sealed>,
    /// What cloud-init is given, as the tenant gave it, sealed; at most 32 KiB.
    pub user_data: Option<Sealed>,
    /// OpenSSH public keys for the administrator's account.
    pub ssh_keys: Vec<String>,
    /// At most 20; by key.
    pub tags: Vec<Tag>,
    /// Why it is in error.
    pub error: Option<Cause>,
    /// OpenSSH public form of the host key that the ramdisk made.
    pub host_key: Option<String>,
    /// What proved `running`: `ssh-host-key`.
    pub proof: Option<String>,
    /// How far the boot was trusted: `lan` or `bmc`.
    pub boot_trust: Option<String>,
    /// Of the disk written to.
    pub disk_serial: Option<String>,
    /// How the server was wiped before this was placed on it.
    pub wipe_before: Option<Wipe>,
    /// The signed birth certificate, as it is given out.
    pub receipt: Option<String>,
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

impl Instance {
    /// Where it stands in the life cycle's table.
    pub const fn standing(&self) -> Standing {
        Standing { operation: self.operation, phase: self.phase }
    }
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
    /// Of the parameter plane: which rail. None: one of the VPC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rail: Option<u32>,
}

/// The network that a change of address is to bring about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkChange {
    /// The network of all its NICs of the VPC.
    pub vpc_id: VpcId,
    /// All of them, those of the parameter plane too.
    pub nics: Vec<InstanceNic>,
}

/// A label of an instance or a server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tag {
    /// 1 to 128 characters.
    pub key: String,
    /// 0 to 255 characters.
    pub value: String,
}

/// A wipe that ended well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Wipe {
    /// When.
    pub at: Timestamp,
    /// How thoroughly.
    pub policy: WipePolicy,
    /// What was erased, how, and how much of it was read back.
    pub disks: Vec<WipedDisk>,
}

/// What is erased before another instance is placed on a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WipePolicy {
    /// Everything.
    Full,
    /// Partition tables and signatures: only for a server that goes back to the same project.
    Metadata,
}

impl WipePolicy {
    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Metadata => "metadata",
        }
    }
    /// The policy with that word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Full, Self::Metadata].into_iter().find(|policy| policy.as_str() == word)
    }
}

/// Work on a server itself, which an agent does: one at a time, and none while its instance has an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// What is to be done.
    pub kind: TaskKind,
    /// Of the order.
    pub generation: u64,
    /// The step that the agent reported last; empty before the first.
    pub step: String,
    /// What it waits for, for a person.
    pub waiting_for: String,
    /// When it was accepted.
    pub began_at: Timestamp,
    /// How far the step came.
    #[serde(default)]
    pub progress: Option<TaskProgress>,
    /// Those to erase, as they were recorded when the wipe was accepted: what a later boot sees does not change them.
    #[serde(default)]
    pub disks: Vec<Disk>,
}

/// How far a step came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskProgress {
    /// Bytes done.
    pub done_bytes: u64,
    /// Bytes in all.
    pub total_bytes: u64,
    /// Bytes each second.
    pub bytes_per_second: u64,
}

/// What is to be done on a server itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskKind {
    /// A boot that only looks.
    Inspect {
        /// A server that is on may be powered off for it.
        allow_reset: bool,
    },
    /// Erasing.
    Wipe {
        /// How thoroughly.
        policy: WipePolicy,
    },
    /// Power for a server without an instance.
    PowerOn,
    /// As above.
    PowerOff,
    /// As above.
    Reboot,
}

/// Where a server stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Location {
    /// The room, for people.
    pub dc: String,
    /// The rack.
    pub rack: String,
    /// The lowest rack unit.
    pub unit: String,
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
    /// Leaves service: nothing is placed on it any more.
    Offboarding,
}

impl ManageState {
    /// The API's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Onboard => "onboard",
            Self::Ready => "ready",
            Self::InUse => "in-use",
            Self::Maintain => "maintain",
            Self::Offboarding => "offboarding",
        }
    }
    /// The state with that word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Onboard, Self::Ready, Self::InUse, Self::Maintain, Self::Offboarding]
            .into_iter()
            .find(|s| s.as_str() == word)
    }
}

/// A server: what the operator registered and what its agent says of it.
#[derive(Debug, Clone, PartialEq)]
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
    /// Roles by port, operator's word; absent means [`NicRole::Vpc`].
    pub roles: Vec<NicRole>,
    /// Another bootable disk is cleared rather than an error.
    pub clear_other_bootable_disks: bool,
    /// The inspection that starts by itself may power off a server that is on.
    pub allow_reset: bool,
    /// As the API shows it.
    pub manage_state: ManageState,
    /// A tenant wrote on it and nothing wiped it since.
    pub unwiped: bool,
    /// Generation of the newest order.
    pub generation: u64,
    /// When it was first heard of.
    pub onboard_time: Timestamp,
    /// The operator's name for it; empty: its id is shown.
    pub name: String,
    /// Where it stands.
    pub location: Location,
    /// At most 20; by key.
    pub tags: Vec<Tag>,
    /// The operator's choice.
    pub wipe_policy: WipePolicy,
    /// What its BMC said last; none before it was asked.
    pub power_on: Option<bool>,
    /// The family's word for the last power action, such as `power-on-succeed`; empty before the first.
    pub operation_state: String,
    /// Why it is in maintenance, or why the last task failed.
    pub error: Option<Cause>,
    /// What a ramdisk saw last.
    pub inventory: Option<Inventory>,
    /// When.
    pub inspected_at: Option<Timestamp>,
    /// The last wipe that ended well.
    pub last_wipe: Option<Wipe>,
    /// Work in progress on the server itself.
    pub task: Option<Task>,
    /// When the task becomes an error; none where there is none.
    pub task_deadline: Option<Timestamp>,
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
            allow_reset: false,
            manage_state: ManageState::Onboard,
            unwiped: false,
            generation: 0,
            onboard_time: now,
            name: String::new(),
            location: Location::default(),
            tags: Vec::new(),
            wipe_policy: WipePolicy::Full,
            power_on: None,
            operation_state: String::new(),
            error: None,
            inventory: None,
            inspected_at: None,
            last_wipe: None,
            task: None,
            task_deadline: None,
        }
    }
}

/// A server as it is shown, with what belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedServer {
    /// The row.
    pub server: Server,
    /// Name of the agent that owns it, or that it is registered for.
    pub agent: Option<String>,
    /// What is on it, and whose.
    pub instance: Option<(InstanceId, ProjectId)>,
}

impl ListedServer {
    /// Whether a project sees it: its own, and what it has an instance on. None sees all.
    pub fn is_seen_by(&self, project: Option<&ProjectId>) -> bool {
        project.is_none_or(|project| {
            self.server.project_id.as_ref() == Some(project)
                || self.instance.as_ref().is_some_and(|(_, owner)| owner == project)
        })
    }
}

/// How many servers are alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerCount {
    /// In this state.
    pub state: ManageState,
    /// With this power; none: not known.
    pub power_on: Option<bool>,
    /// In this room; may be empty.
    pub dc: String,
    /// So many.
    pub count: u64,
}

/// What a NIC is for. As text: `vpc`, `provisioning`, `parameter-plane:RAIL`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum NicRole {
    /// A tenant's; the server also boots from it where a network provider moves it.
    Vpc,
    /// For provisioning only.
    Provisioning,
    /// The accelerators' network: one NIC for each rail.
    ParameterPlane {
        /// From 0 to 63.
        rail: u32,
    },
}

/// A text that names no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a NIC's role is vpc, provisioning or parameter-plane:RAIL with a rail from 0 to 63")]
pub struct NicRoleError;

impl FromStr for NicRole {
    type Err = NicRoleError;
    fn from_str(text: &str) -> Result<Self, NicRoleError> {
        match text.split_once(':') {
            None if text == "vpc" => Ok(Self::Vpc),
            None if text == "provisioning" => Ok(Self::Provisioning),
            Some(("parameter-plane", rail)) => {
                let rail = rail.parse().ok().filter(|rail| *rail < 64).ok_or(NicRoleError)?;
                Ok(Self::ParameterPlane { rail })
            }
            _ => Err(NicRoleError),
        }
    }
}
impl fmt::Display for NicRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vpc => f.write_str("vpc"),
            Self::Provisioning => f.write_str("provisioning"),
            Self::ParameterPlane { rail } => write!(f, "parameter-plane:{rail}"),
        }
    }
}
impl TryFrom<String> for NicRole {
    type Error = NicRoleError;
    fn try_from(text: String) -> Result<Self, NicRoleError> {
        text.parse()
    }
}
impl From<NicRole> for String {
    fn from(role: NicRole) -> String {
        role.to_string()
    }
}

/// An event of a server, whoever's instance was on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerEvent {
    /// Grows over all servers; 0 before it is recorded.
    pub seq: u64,
    /// Whose.
    pub server_id: ServerId,
    /// When.
    pub at: Timestamp,
    /// `critical`, `major`, `minor` or `info`.
    pub level: String,
    /// Such as `task-failed`.
    pub kind: String,
    /// For a person.
    pub message: String,
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

mod image_import;
mod network;
mod parameter_plane;
pub use image_import::{ImageImport, ImportStatus};
pub use network::{AddressUse, PrivateIp};
pub use parameter_plane::{PlaneReservation, PlaneSubnet};
