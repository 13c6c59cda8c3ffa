//! Images.

use super::{Id, Project, Timestamp, page::PageInfo};
use utoipa::ToSchema;

/// Those that a project sees: its own, and those that operators share.
#[derive(ToSchema)]
pub(in crate::api) struct Images {
    images: Vec<Image>,
    page_info: PageInfo,
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
    /// `active`, or of one in the making `queued`, `saving` or `killed`.
    status: String,
    /// Why it is killed; else empty or absent.
    #[schema(required = false)]
    status_reason: String,
    /// From where it is fetched, without its query; absent once it is active.
    #[schema(required = false)]
    url: String,
    visibility: Visibility,
    /// In GiB.
    min_disk: u64,
    /// As `os_type`.
    __os_type: OsType,
    /// `raw`.
    disk_format: String,
    /// `Ironic`.
    virtual_env_type: String,
    /// Whose it is; absent: shared by an operator.
    #[schema(required = false)]
    project_id: Project,
}

/// Who sees an image: its project, or everybody.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(in crate::api) enum Visibility {
    Private,
    Shared,
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
