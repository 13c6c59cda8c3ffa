//! Addresses that a project holds.

use super::{Id, Ipv4Address, Project, Timestamp, page::PageInfo};
use utoipa::ToSchema;

/// A page of them.
#[derive(ToSchema)]
pub(in crate::api) struct PrivateIps {
    privateips: Vec<PrivateIp>,
    page_info: PageInfo,
}

/// Those of one call, in its order.
#[derive(ToSchema)]
pub(in crate::api) struct HeldIps {
    privateips: Vec<PrivateIp>,
}

/// One of them.
#[derive(ToSchema)]
pub(in crate::api) struct OnePrivateIp {
    privateip: PrivateIp,
}

/// An address that a project holds.
#[derive(ToSchema)]
pub(in crate::api) struct PrivateIp {
    id: Id,
    subnet_id: Id,
    vpc_id: Id,
    tenant_id: Project,
    ip_address: Ipv4Address,
    status: PrivateIpStatus,
    /// `compute:baremetal`, or empty where no machine has it.
    device_owner: String,
    created_at: Timestamp,
    /// Which instance has it.
    #[schema(required = false)]
    instance_id: Id,
}

/// Whether a machine has it.
#[derive(ToSchema)]
#[schema(rename_all = "UPPERCASE")]
pub(in crate::api) enum PrivateIpStatus {
    Active,
    Down,
}

/// The body that holds addresses.
#[derive(ToSchema)]
pub(in crate::api) struct NewPrivateIps {
    #[schema(min_items = 1, max_items = 100)]
    privateips: Vec<PrivateIpRequest>,
}

/// An address as asked for.
#[derive(ToSchema)]
pub(in crate::api) struct PrivateIpRequest {
    subnet_id: Id,
    /// Free for a host in the subnet; absent or blank: any.
    #[schema(example = "10.20.0.7")]
    ip_address: Option<String>,
}
