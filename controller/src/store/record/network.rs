//! Addresses of networks, and who has them.

use crate::clock::Timestamp;
use billet_proto::{InstanceId, PrivateIpId, ProjectId, SubnetId, VpcId};
use std::net::Ipv4Addr;

/// An address that a project holds, whether an instance has it or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivateIp {
    /// UUIDv7.
    pub id: PrivateIpId,
    /// Whose.
    pub project_id: ProjectId,
    /// The address is unique within it.
    pub vpc_id: VpcId,
    /// Where the address belongs.
    pub subnet_id: SubnetId,
    /// The address.
    pub address: Ipv4Addr,
    /// The instance that has it now.
    pub instance_id: Option<InstanceId>,
    /// Since when it is held.
    pub created_at: Timestamp,
}

/// Who has an address of a VPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressUse {
    /// Held by the project, and as this.
    pub held: Option<PrivateIpId>,
    /// The instance that has it now.
    pub instance_id: Option<InstanceId>,
}

impl AddressUse {
    /// Whether an instance may still be given it by name: held, and no instance's.
    pub const fn is_at_hand(&self) -> bool {
        self.held.is_some() && self.instance_id.is_none()
    }
}
