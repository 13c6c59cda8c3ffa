//! Images.

use super::{Id, Project, Timestamp};
use utoipa::ToSchema;

/// Those that a project sees: its own, and those that operators share.
#[derive(ToSchema)]
pub(in crate::api) struct Images {
    images: Vec<Image>,
}

/// One image.
#[derive(ToSchema)]
pub(in crate::api) struct OneImage {
    image: Image,
}

/// An image.
#[derive(ToSchema)]
pub(in crate::api) struct Image {
    id: Id,
    name: String,
    os_type: OsType,
    /// Of the raw bytes.
    size_bytes: u64,
    /// Of the raw bytes.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    sha256: String,
    created_at: Timestamp,
    /// Whose it is; absent: shared by an operator.
    #[schema(required = false)]
    project_id: Project,
}

/// What an image holds.
#[derive(ToSchema)]
pub(in crate::api) enum OsType {
    Linux,
    Windows,
    Other,
}

/// The raw bytes of an image.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
pub(in crate::api) struct RawImage(Vec<u8>);
