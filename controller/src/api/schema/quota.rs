//! Quotas.

use super::Project;
use utoipa::ToSchema;

/// What a project may have, and has.
#[derive(ToSchema)]
pub(in crate::api) struct Limits {
    absolute: Absolute,
}

/// In the bare-metal family's words.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(in crate::api) struct Absolute {
    max_total_instances: u32,
    total_instances_used: u64,
    max_total_addresses: u32,
    total_addresses_used: u64,
    max_total_images: u32,
    total_images_used: u64,
}

/// A project's quota and usage.
#[derive(ToSchema)]
pub(in crate::api) struct ProjectQuota {
    project_id: Project,
    quota: Amounts,
    usage: Amounts,
}

/// How much of each.
#[derive(ToSchema)]
pub(in crate::api) struct Amounts {
    instances: u64,
    addresses: u64,
    images: u64,
}

/// A field that is absent stays as it was.
#[derive(ToSchema)]
pub(in crate::api) struct QuotaWord {
    instances: Option<u32>,
    addresses: Option<u32>,
    images: Option<u32>,
}
