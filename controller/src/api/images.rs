//! `/images`: those that a project sees, taking one in, and what becomes of it.

pub(super) mod delete;
pub(super) mod import;
pub(super) mod import_url;
pub(super) mod list;
pub(super) mod show;
pub(super) mod update;

use super::error::ApiError;
use crate::{
    auth::{Caller, Role},
    request::Invalid,
    store::{
        Transaction,
        record::{Image, ImageImport},
    },
};
use billet_proto::{ImageId, ProjectId};
use serde_json::{Value, json};

/// The family counts disks in these.
const GIB: u64 = 1 << 30;

/// An image, or one in the making.
enum Found {
    Image(Image),
    Import(ImageImport),
}

impl Found {
    const fn id(&self) -> ImageId {
        match self {
            Self::Image(image) => image.id,
            Self::Import(import) => import.id,
        }
    }
    fn shown(&self) -> Value {
        match self {
            Self::Image(image) => shown(image),
            Self::Import(import) => shown_import(import),
        }
    }
}

/// An image that the project sees.
fn find(tx: &mut dyn Transaction, project: &ProjectId, id: &str) -> Result<Found, ApiError> {
    let missing = || ApiError::NotFound { what: "images", id: id.chars().take(64).collect() };
    let id: ImageId = id.parse().map_err(|_| missing())?;
    if let Some(image) = tx.image(id)?.filter(|image| image.project_id.as_ref().is_none_or(|owner| owner == project)) {
        return Ok(Found::Image(image));
    }
    let import = tx.image_import(id)?.filter(|import| import.by_project == *project);
    import.map(Found::Import).ok_or_else(missing)
}

/// Whether the caller may make an image everybody's, or change one that is.
fn sharing(caller: &Caller) -> Result<(), ApiError> {
    if caller.role == Role::Operator { Ok(()) } else { Err(ApiError::Forbidden("an operator alone shares images")) }
}

/// Who sees an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Visibility {
    /// Its project.
    Private,
    /// Everybody.
    Shared,
}

impl Visibility {
    fn parse(text: &str) -> Result<Self, Invalid> {
        match text {
            "private" => Ok(Self::Private),
            "shared" => Ok(Self::Shared),
            _ => Err(Invalid::new("visibility", "must be private or shared", text)),
        }
    }
    const fn of(owner: Option<&ProjectId>) -> &'static str {
        if owner.is_some() { "private" } else { "shared" }
    }
}

/// Ours, and the family's words beside it.
fn shown(image: &Image) -> Value {
    let mut value = json!({
        "id": image.id.to_string(),
        "name": image.name,
        "os_type": image.os_type,
        "size_bytes": image.size_bytes,
        "sha256": image.sha256,
        "created_at": image.created_at.to_string(),
        "status": "active",
        "min_disk": image.size_bytes.div_ceil(GIB),
    });
    both(&mut value, &image.os_type, image.project_id.as_ref());
    value
}

/// Size and digest are known when it is whole.
fn shown_import(import: &ImageImport) -> Value {
    let mut value = json!({
        "id": import.id.to_string(),
        "name": import.name,
        "os_type": import.os_type,
        "size_bytes": 0,
        "sha256": import.sha256.clone().unwrap_or_default(),
        "created_at": import.created_at.to_string(),
        "status": import.status.as_str(),
        "status_reason": import.reason,
        "url": import.url,
        "min_disk": 0,
    });
    both(&mut value, &import.os_type, import.project_id.as_ref());
    value
}

fn both(value: &mut Value, os_type: &str, owner: Option<&ProjectId>) {
    value["__os_type"] = os_type.into();
    value["disk_format"] = "raw".into();
    value["virtual_env_type"] = "Ironic".into();
    value["visibility"] = Visibility::of(owner).into();
    if let Some(project) = owner {
        value["project_id"] = project.as_str().into();
    }
}
