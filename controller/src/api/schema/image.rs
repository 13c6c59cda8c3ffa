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
    /// Of the raw bytes; empty before they are known.
    #[schema(pattern = "^([0-9a-f]{64})?$")]
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

/// What is to change; what is absent stays.
#[derive(ToSchema)]
pub(in crate::api) struct ImageChanges {
    /// Without control characters.
    #[schema(min_length = 1, max_length = 128)]
    name: Option<String>,
    visibility: Option<Visibility>,
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

/// An image to be fetched.
#[derive(ToSchema)]
pub(in crate::api) struct ImageUrl {
    /// Without control characters.
    #[schema(min_length = 1, max_length = 128)]
    name: String,
    os_type: OsType,
    /// Its query may be a secret, and is not shown again.
    #[schema(example = "https://images.example/debian-13.raw")]
    url: String,
    /// Of the raw bytes.
    #[schema(pattern = "^[0-9A-Fa-f]{64}$")]
    sha256: Option<String>,
    /// Only `raw`.
    #[schema(pattern = "^raw$")]
    disk_format: Option<String>,
    /// Everybody's; operators alone share images.
    shared: Option<bool>,
}

/// The raw bytes of an image.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
pub(in crate::api) struct RawImage(Vec<u8>);
