//! An instance's timeline.

use super::Timestamp;
use utoipa::ToSchema;

/// A page of events, oldest first.
#[derive(ToSchema)]
pub(in crate::api) struct InstanceEvents {
    events: Vec<InstanceEvent>,
}

/// Something that happened to an instance.
#[derive(ToSchema)]
pub(in crate::api) struct InstanceEvent {
    /// Counts up; the next call's `after`.
    seq: u64,
    at: Timestamp,
    /// What kind, such as `accepted`, `step-started`, `progress`, `done` or `failed`.
    kind: String,
    /// The phase that it belongs to.
    step: String,
    /// For a person.
    message: String,
    #[schema(required = false)]
    done_bytes: u64,
    #[schema(required = false)]
    total_bytes: u64,
    #[schema(required = false)]
    bytes_per_second: u64,
}
