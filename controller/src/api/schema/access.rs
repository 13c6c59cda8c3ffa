//! Quotas, and the audit log.

use super::{Project, Timestamp};
use utoipa::ToSchema;

/// What a project may have, and has, in the words of the family's relative.
#[derive(ToSchema)]
pub(in crate::api) struct Limits {
    absolute: AbsoluteLimits,
}

/// Both, each.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(in crate::api) struct AbsoluteLimits {
    max_total_instances: u32,
    total_instances_used: u64,
    max_total_addresses: u32,
    total_addresses_used: u64,
    max_total_images: u32,
    total_images_used: u64,
    max_total_vpcs: u32,
    total_vpcs_used: u64,
    max_total_subnets: u32,
    total_subnets_used: u64,
}

/// A project's quota and usage.
#[derive(ToSchema)]
pub(in crate::api) struct ProjectQuota {
    project_id: Project,
    quota: Counts,
    usage: Counts,
}

/// So many of each.
#[derive(ToSchema)]
pub(in crate::api) struct Counts {
    instances: u64,
    addresses: u64,
    images: u64,
    vpcs: u64,
    subnets: u64,
}

/// What is to change; what is absent stays.
#[derive(ToSchema)]
pub(in crate::api) struct QuotaChanges {
    #[schema(maximum = 4294967295u64)]
    instances: Option<u32>,
    #[schema(maximum = 4294967295u64)]
    addresses: Option<u32>,
    #[schema(maximum = 4294967295u64)]
    images: Option<u32>,
    #[schema(maximum = 4294967295u64)]
    vpcs: Option<u32>,
    #[schema(maximum = 4294967295u64)]
    subnets: Option<u32>,
}

/// A page of the audit log.
#[derive(ToSchema)]
pub(in crate::api) struct AuditPage {
    entries: Vec<AuditEntry>,
    page_info: AuditPageInfo,
}

/// Where it stands.
#[derive(ToSchema)]
pub(in crate::api) struct AuditPageInfo {
    current_count: u32,
    /// The next page's `marker`; absent on the last one.
    #[schema(required = false)]
    next_marker: String,
}

/// Who did what.
#[derive(ToSchema)]
pub(in crate::api) struct AuditEntry {
    seq: u64,
    at: Timestamp,
    request_id: String,
    caller: String,
    role: String,
    /// From where.
    peer: String,
    /// Method and route; of a power action and a wipe, which: `PUT …/power-state: power off`.
    action: String,
    /// What the call names.
    objects: Vec<String>,
    /// Of the answer.
    status: u16,
    #[schema(required = false)]
    project_id: Project,
    #[schema(required = false)]
    error_code: String,
}
