//! The parameter plane's subnets.

use super::{Cidr, Id, Ipv4Address, Timestamp};
use utoipa::ToSchema;

/// All of them, by rail.
#[derive(ToSchema)]
pub(in crate::api) struct PlaneSubnets {
    subnets: Vec<PlaneSubnet>,
}

/// A rail's subnet.
#[derive(ToSchema)]
pub(in crate::api) struct PlaneSubnet {
    id: Id,
    #[schema(maximum = 63)]
    rail: u32,
    cidr: Cidr,
    /// Null where the rail is not routed.
    gateway: Option<Ipv4Address>,
    mtu: u32,
    /// Never given to instances.
    reserved: Vec<Ipv4Address>,
    /// How many of its addresses instances have.
    in_use: u64,
    created_at: Timestamp,
}

/// A rail's subnet as asked for.
#[derive(ToSchema)]
pub(in crate::api) struct NewPlaneSubnet {
    #[schema(maximum = 63)]
    rail: u32,
    cidr: Cidr,
    /// A host's address in `cidr`; absent where the rail is not routed.
    gateway: Option<Ipv4Address>,
    /// 9000 where none is given.
    #[schema(minimum = 1280, maximum = 9216)]
    mtu: Option<u32>,
    /// Never given to instances; in `cidr`.
    #[schema(max_items = 16)]
    reserved: Option<Vec<Ipv4Address>>,
}
