//! What the database holds, as typed values.

mod baseline;
mod hardware;
mod image_import;
mod instance;
mod network;
mod nic_role;
mod parameter_plane;
mod server;
mod task;
mod waiting;
mod wipe_receipt;

pub use crate::addresses::Cidr;
pub use baseline::Baseline;
pub use hardware::Hardware;
pub use image_import::{ImageImport, ImportStatus};
pub use instance::{Cause, Event, FailedNetwork, Instance, InstanceNic, NetworkChange, NewEvent, Reservation};
pub use network::{AddressUse, PrivateIp};
pub use nic_role::{NicRole, NicRoleError};
pub use parameter_plane::{PlaneReservation, PlaneSubnet};
pub use server::{FormerMachine, ListedServer, Location, ManageState, Marks, Server, ServerCount, ServerEvent};
pub use task::{Task, TaskKind, TaskProgress, Wipe, WipePolicy};
pub use waiting::Waiting;
pub use wipe_receipt::WipeReceipt;

use crate::clock::Timestamp;
use billet_proto::{AgentId, ImageId, ProjectId, SubnetId, VpcId};
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;

/// A label of an instance or a server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tag {
    /// 1 to 128 characters.
    pub key: String,
    /// 0 to 255 characters.
    pub value: String,
}

/// An agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// UUIDv7.
    pub id: AgentId,
    /// Unique; 1 to 63 letters, digits, `-`.
    pub name: String,
    /// SHA-256 of its certificate's DER: of the newest that it called with.
    pub certificate_sha256: [u8; 32],
    /// SHA-256 of its public key: with the same key and token it may ask again for a certificate that did not arrive.
    pub key_sha256: [u8; 32],
    /// SHA-256 of the join token's secret.
    pub join_secret_sha256: [u8; 32],
    /// Newest epoch seen.
    pub epoch: u64,
    /// When it joined.
    pub joined_at: Timestamp,
    /// Given out to be used instead, and not seen yet: until then the agent is known by both.
    pub next: Option<NextCertificate>,
    /// When the operator revoked its certificates; no call of its is answered since.
    pub revoked_at: Option<Timestamp>,
}

/// A certificate that an agent was given and has not called with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextCertificate {
    /// SHA-256 of its DER.
    pub certificate_sha256: [u8; 32],
    /// SHA-256 of its public key.
    pub key_sha256: [u8; 32],
    /// When it was given out.
    pub issued_at: Timestamp,
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
