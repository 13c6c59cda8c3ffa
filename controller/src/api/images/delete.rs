//! `DELETE /images/{id}`.

use super::{Found, find, sharing};
use crate::{
    api::{error::ApiError, router::AppState},
    auth::Caller,
    lifecycle::refusal::Refusal,
    store::{Transaction, record::ImageImport},
};
use axum::{
    Extension,
    extract::{Path, State},
    http::StatusCode,
};
use billet_proto::ProjectId;

/// Deletes an image that no instance has, or the record of one that could not be fetched.
///
/// Operators alone delete shared ones.
#[utoipa::path(
    delete,
    path = "/images/{id}",
    operation_id = "DeleteImage",
    tag = "Images",
    params(("id" = String, Path, description = "Its id")),
    responses((status = 204, description = "Deleted")),
)]
pub(in crate::api) async fn delete(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Extension(caller): Extension<Caller>,
    Path((_, id)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let now = state.edge.now();
    let deleted = state.store.run(move |tx| match find(tx, &project, &id)? {
        Found::Import(import) => forget(tx, &import).map(|()| import.id),
        Found::Image(image) => {
            if image.project_id.is_none() {
                sharing(&caller)?;
            }
            let used = tx.instances_of_image(image.id, None)?;
            if used > 0 {
                let rule = format!("must be an image that no instance has: {used} have it");
                return Err(Refusal::invalid("image_id", rule, image.id).into());
            }
            tx.delete_image(image.id, now)?;
            Ok(image.id)
        }
    });
    // Nobody reads it any more: only an installation does, and there is none.
    state.images.remove(deleted.await?).await;
    Ok(StatusCode::NO_CONTENT)
}

fn forget(tx: &mut dyn Transaction, import: &ImageImport) -> Result<(), ApiError> {
    if import.ended_at.is_none() {
        let rule = format!("must not be in the making: it is {}", import.status.as_str());
        return Err(Refusal::invalid("image_id", rule, import.id).into());
    }
    Ok(tx.delete_image_import(import.id)?)
}
