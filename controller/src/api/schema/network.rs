//! VPCs and subnets.

use super::{Cidr, Id, Ipv4Address, Project, Timestamp, instance::Tag, page::PageInfo};
use utoipa::ToSchema;

/// A project's VPCs.
#[derive(ToSchema)]
pub(in crate::api) struct Vpcs {
    vpcs: Vec<Vpc>,
    page_info: PageInfo,
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
    project_id: Project,
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
    /// In 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16, with a prefix of at most 28 bits.
    cidr: Cidr,
}

/// The body that changes a VPC.
#[derive(ToSchema)]
pub(in crate::api) struct ChangedVpc {
    vpc: VpcChanges,
}

/// What is to change; what is absent stays.
#[derive(ToSchema)]
pub(in crate::api) struct VpcChanges {
    /// Without control characters.
    #[schema(min_length = 1, max_length = 64)]
    name: Option<String>,
    /// Must hold the VPC's subnets.
    cidr: Option<Cidr>,
}

/// A project's subnets.
#[derive(ToSchema)]
pub(in crate::api) struct Subnets {
    subnets: Vec<Subnet>,
    page_info: PageInfo,
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
    project_id: Project,
    dns_nameservers: Vec<Ipv4Address>,
    /// Never given to instances.
    reserved_addresses: Vec<Ipv4Address>,
    /// Always empty.
    availability_zone: String,
    tags: Vec<Tag>,
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

/// The body that changes a subnet.
#[derive(ToSchema)]
pub(in crate::api) struct ChangedSubnet {
    subnet: SubnetChanges,
}

/// What is to change; what is absent stays, and what cannot change is refused.
#[derive(ToSchema)]
pub(in crate::api) struct SubnetChanges {
    /// Without control characters.
    #[schema(min_length = 1, max_length = 64)]
    name: Option<String>,
    #[schema(max_items = 3)]
    dns_nameservers: Option<Vec<Ipv4Address>>,
}

/// A subnet as asked for.
#[derive(ToSchema)]
pub(in crate::api) struct SubnetFields {
    /// Without control characters.
    #[schema(min_length = 1, max_length = 64)]
    name: String,
    /// In the VPC's, overlapping no other subnet of it, with a prefix of at most 28 bits.
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

/// A project's subnets, in the family's words.
#[derive(ToSchema)]
pub(in crate::api) struct ClouddcnSubnets {
    clouddcn_subnets: Vec<Subnet>,
    page_info: PageInfo,
}

/// One subnet, in the family's words.
#[derive(ToSchema)]
pub(in crate::api) struct OneClouddcnSubnet {
    clouddcn_subnet: Subnet,
}

/// The family's body that makes a subnet.
#[derive(ToSchema)]
pub(in crate::api) struct NewClouddcnSubnet {
    clouddcn_subnet: SubnetFields,
}

/// The family's body that changes a subnet.
#[derive(ToSchema)]
pub(in crate::api) struct ChangedClouddcnSubnet {
    clouddcn_subnet: SubnetChanges,
}
