//! The accelerators' network.

use crate::{addresses::Cidr, clock::Timestamp};
use billet_proto::{InstanceId, SubnetId};
use std::net::Ipv4Addr;

/// The subnet of one rail, for the whole installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaneSubnet {
    /// UUIDv7.
    pub id: SubnetId,
    /// From 0 to 63; each has one subnet.
    pub rail: u32,
    /// Overlaps no other rail's.
    pub cidr: Cidr,
    /// The router between racks, where there is one: each NIC's own routing table leads there.
    pub gateway: Option<Ipv4Addr>,
    /// Of the NICs, in bytes.
    pub mtu: u32,
    /// Addresses never handed out, at most 16.
    pub reserved: Vec<Ipv4Addr>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// An address of the parameter plane in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaneReservation {
    /// Of one rail.
    pub subnet_id: SubnetId,
    /// Unique in the whole plane.
    pub address: Ipv4Addr,
    /// Whose.
    pub instance_id: InstanceId,
}
