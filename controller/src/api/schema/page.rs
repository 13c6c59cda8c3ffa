//! Pages of a list.

use super::Id;
use utoipa::ToSchema;

/// Where a page stands in its list.
#[derive(ToSchema)]
pub(in crate::api) struct PageInfo {
    /// How many this page has.
    current_count: u32,
    /// The next page's `marker`; absent on the last one.
    #[schema(required = false)]
    next_marker: Id,
}
