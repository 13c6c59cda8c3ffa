//! `GET /images`.

use super::{Found, Visibility};
use crate::{
    api::{
        error::ApiError,
        page::{self, Wanted},
        router::AppState,
        schema,
    },
    request::{ImageOs, Invalid},
    store::ImagesWanted,
};
use axum::{
    Extension, Json,
    extract::{Query, State},
};
use billet_proto::{ImageId, ProjectId};
use serde_json::{Value, json};
use std::collections::HashMap;

/// Lists the images that the project sees.
///
/// Those that are being fetched, or could not be, are among them where they were asked for.
#[utoipa::path(
    get,
    path = "/images",
    operation_id = "ListImages",
    tag = "Images",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 2000, description = "At most so many; 2000 when absent"),
        ("marker" = Option<schema::Id>, Query, description = "Those after this id"),
        ("name" = Option<String>, Query, description = "With this very name"),
        ("os_type" = Option<schema::image::OsType>, Query, description = "Of this kind; `__os_type` is the same"),
        ("visibility" = Option<schema::image::Visibility>, Query, description = "Shared by an operator, or not"),
    ),
    responses((status = 200, description = "All that the project sees", body = schema::image::Images)),
)]
pub(in crate::api) async fn list(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Value>, ApiError> {
    let Wanted { limit, marker } = Wanted::<ImageId>::of_many(&query)?;
    let text = |field: &str| query.get(field).filter(|text| !text.is_empty()).cloned();
    let name = text("name");
    let os_type = text("os_type").or_else(|| text("__os_type"));
    if let Some(given) = os_type.as_ref().filter(|given| ImageOs::from_word(given).is_none()) {
        return Err(Invalid::new("os_type", "must be Linux, Windows or Other", given).into());
    }
    let visibility = text("visibility").map(|given| Visibility::parse(&given)).transpose()?;
    let shared = visibility.map(|visibility| visibility == Visibility::Shared);
    let wanted = ImagesWanted { project, marker, limit: limit + 1, name, os_type, shared };
    let mut found = state
        .store
        .read(move |tx| {
            let mut found: Vec<_> = tx.images_wanted(&wanted)?.into_iter().map(Found::Image).collect();
            found.extend(tx.image_imports_wanted(&wanted)?.into_iter().map(Found::Import));
            Ok(found)
        })
        .await?;
    found.sort_by_key(Found::id);
    let next = page::cut(&mut found, limit, Found::id);
    let images: Vec<Value> = found.iter().map(Found::shown).collect();
    let page_info = page::info(images.len(), next);
    Ok(Json(json!({ "images": images, "page_info": page_info })))
}
