//! An instance, its NICs, and its timeline.

use super::{Tag, Waiting, Wipe};
use crate::{
    clock::Timestamp,
    lifecycle::table::{Operation, Phase, Standing},
    seal::Sealed,
};
use billet_proto::{ImageId, InstanceId, MacAddr, ProjectId, ServerId, SubnetId, VpcId};
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
    /// 1 or 2 of the VPC, the first being primary; after them those of the parameter plane, by rail.
    pub nics: Vec<InstanceNic>,
    /// What is being done, or was done last.
    pub operation: Operation,
    /// When that was accepted.
    pub operation_began_at: Timestamp,
    /// The network that a change of address is to bring about, or may have brought about; its addresses are reserved beside
    /// those of `nics`.
    pub network_change: Option<NetworkChange>,
    /// Where the life cycle stands.
    pub phase: Phase,
    /// What it waits for, for a person.
    pub waiting_for: String,
    /// Since when, which try it is, and when the next one comes.
    pub waiting: Waiting,
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

    /// Every network that its ports may be attached to, and where addresses are reserved for it: its own first.
    pub fn networks(&self) -> impl Iterator<Item = (VpcId, &[InstanceNic])> {
        let changes = self.network_change.iter().flat_map(|change| {
            let before = change.before.iter().map(|network| (network.vpc_id, &network.nics[..]));
            std::iter::once((change.vpc_id, &change.nics[..])).chain(before)
        });
        std::iter::once((self.vpc_id, &self.nics[..])).chain(changes)
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
    /// What earlier changes were to bring about, which failed: a system may be on at their addresses, and ports attached,
    /// until a later order read back that the server is off and detached them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<FailedNetwork>,
}

impl NetworkChange {
    /// Takes the place of one that failed.
    pub fn instead_of(failed: Option<Self>, vpc_id: VpcId, nics: Vec<InstanceNic>) -> Self {
        let before = failed.map_or_else(Vec::new, |Self { vpc_id, nics, mut before }| {
            let failed = FailedNetwork { vpc_id, nics };
            if !before.contains(&failed) {
                before.push(failed);
            }
            before
        });
        Self { vpc_id, nics, before }
    }
}

/// The network of a change of address that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedNetwork {
    /// The network of all its NICs of the VPC.
    pub vpc_id: VpcId,
    /// All of them.
    pub nics: Vec<InstanceNic>,
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
