//! `PUT /images/{id}`.

use super::{Found, Visibility, find, sharing, shown};
use crate::{
    api::{error::ApiError, router::AppState, schema},
    auth::Caller,
    lifecycle::refusal::Refusal,
    quota,
    request::UpdateImage,
};
use axum::{
    Extension, Json,
    body::Bytes,
    extract::{Path, State},
};
use billet_proto::ProjectId;
use serde_json::{Value, json};

/// Gives an image another name, or another visibility.
///
/// Operators alone share images and change shared ones; one that they make private becomes the path's project's.
#[utoipa::path(
    put,
    path = "/images/{id}",
    operation_id = "UpdateImage",
    tag = "Images",
    params(("id" = String, Path, description = "Its id")),
    request_body = schema::image::ImageChanges,
    responses((status = 200, description = "As it is now", body = schema::image::OneImage)),
)]
pub(in crate::api) async fn update(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Extension(caller): Extension<Caller>,
    Path((_, id)): Path<(String, String)>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let UpdateImage { name, visibility } = UpdateImage::parse(&body)?;
    let visibility = visibility.map(|given| Visibility::parse(&given)).transpose()?;
    let changed = state.store.run(move |tx| {
        let mut image = match find(tx, &project, &id)? {
            Found::Image(image) => image,
            Found::Import(import) => {
                let rule = format!("must be an image that is active: it is {}", import.status.as_str());
                return Err(Refusal::invalid("image_id", rule, import.id).into());
            }
        };
        if image.project_id.is_none() || visibility == Some(Visibility::Shared) {
            sharing(&caller)?;
        }
        match visibility {
            Some(Visibility::Shared) => image.project_id = None,
            Some(Visibility::Private) if image.project_id.is_none() => {
                let others = tx.instances_of_image(image.id, Some(&project))?;
                if others > 0 {
                    let rule = format!("must stay shared: {others} instances of other projects have the image");
                    return Err(Refusal::invalid("visibility", rule, "private").into());
                }
                quota::check_image(tx, Some(&project))?;
                image.project_id = Some(project);
            }
            Some(Visibility::Private) | None => {}
        }
        image.name = name.unwrap_or(image.name);
        tx.update_image(&image)?;
        Ok::<_, ApiError>(image)
    });
    Ok(Json(json!({ "image": shown(&changed.await?) })))
}
