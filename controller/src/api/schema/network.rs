//! VPCs and subnets.

use super::{Cidr, Id, Ipv4Address, Timestamp};
use utoipa::ToSchema;

/// A project's VPCs.
#[derive(ToSchema)]
pub(in crate::api) struct Vpcs {
    vpcs: Vec<Vpc>,
}

/// One VPC.
#[derive(ToSchema)]
pub(in crate::api) struct OneVpc {
    vpc: Vpc,
}

/// A project's network.
#[derive(ToSchema)]
pub(in crate::api) struct Vpc {
    id: Id,
    name: String,
    cidr: Cidr,
    status: VpcStatus,
    created_at: Timestamp,
}

/// Always `OK`: a VPC is there at once.
#[derive(ToSchema)]
pub(in crate::api) enum VpcStatus {
    #[schema(rename = "OK")]
    Ok,
}

/// The body that makes a VPC.
#[derive(ToSchema)]
pub(in crate::api) struct NewVpc {
    vpc: VpcFields,
}

/// A VPC as asked for.
#[derive(ToSchema)]
pub(in crate::api) struct VpcFields {
    /// Without control characters.
    #[schema(min_length = 1, max_length = 64)]
    name: String,
    /// Prefix 1 to 30; not of loopback, link-local, multicast or reserved networks.
    cidr: Cidr,
}

/// A project's subnets.
#[derive(ToSchema)]
pub(in crate::api) struct Subnets {
    subnets: Vec<Subnet>,
}

/// One subnet.
#[derive(ToSchema)]
pub(in crate::api) struct OneSubnet {
    subnet: Subnet,
}

/// A part of a VPC.
#[derive(ToSchema)]
pub(in crate::api) struct Subnet {
    id: Id,
    name: String,
    cidr: Cidr,
    gateway_ip: Ipv4Address,
    vpc_id: Id,
    dns_nameservers: Vec<Ipv4Address>,
    /// Never given to instances.
    reserved_addresses: Vec<Ipv4Address>,
    status: SubnetStatus,
    created_at: Timestamp,
}

/// Always `ACTIVE`: a subnet is there at once.
#[derive(ToSchema)]
pub(in crate::api) enum SubnetStatus {
    #[schema(rename = "ACTIVE")]
    Active,
}

/// The body that makes a subnet.
#[derive(ToSchema)]
pub(in crate::api) struct NewSubnet {
    subnet: SubnetFields,
}

/// A subnet as asked for.
#[derive(ToSchema)]
pub(in crate::api) struct SubnetFields {
    /// Without control characters.
    #[schema(min_length = 1, max_length = 64)]
    name: String,
    /// In the VPC's, and overlapping no other subnet of it.
    cidr: Cidr,
    /// A host's address in `cidr`.
    gateway_ip: Ipv4Address,
    vpc_id: Id,
    #[schema(max_items = 3)]
    dns_nameservers: Option<Vec<Ipv4Address>>,
    /// Never given to instances; in `cidr`.
    #[schema(max_items = 16)]
    reserved_addresses: Option<Vec<Ipv4Address>>,
}
