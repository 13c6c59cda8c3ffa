//! The audit log.

use super::{Project, Timestamp};
use utoipa::ToSchema;

/// A page of the audit log.
#[derive(ToSchema)]
pub(in crate::api) struct AuditPage {
    entries: Vec<AuditEntry>,
    page_info: AuditPageInfo,
}

/// Where the page stands.
#[derive(ToSchema)]
pub(in crate::api) struct AuditPageInfo {
    current_count: u32,
    /// The next page's `marker`: a number, in digits. Absent on the last page.
    #[schema(required = false)]
    next_marker: String,
}

/// A call that changed something, or was to.
#[derive(ToSchema)]
pub(in crate::api) struct AuditEntry {
    seq: u64,
    at: Timestamp,
    /// The answer's `X-Request-Id`.
    request_id: String,
    /// A token's name, `key/` and an access key's, or `keystone/` and a user's id.
    caller: String,
    /// `tenant`, `operator` or `read-only`.
    role: String,
    /// The path's project.
    #[schema(required = false)]
    project_id: Project,
    /// Address and port that the call came from.
    peer: String,
    /// Method and route.
    #[schema(example = "DELETE /v1/{project_id}/instances/{id}")]
    action: String,
    /// The ids that the call and its answer name.
    objects: Vec<String>,
    /// The answer's.
    status: u16,
    /// The answer's; absent where it was a good one.
    #[schema(required = false)]
    error_code: String,
}
