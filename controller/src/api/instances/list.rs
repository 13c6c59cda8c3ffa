//! `GET /instances`.

use super::shown;
use crate::api::{
    error::ApiError,
    page::{self, Wanted},
    router::AppState,
    schema,
};
use axum::{
    Extension, Json,
    extract::{Query, State},
};
use billet_proto::{InstanceId, ProjectId};
use serde_json::{Value, json};
use std::collections::HashMap;

/// A page of the project's instances, oldest first; those that were terminated are not among them.
#[utoipa::path(
    get,
    path = "/instances",
    operation_id = "ListInstances",
    tag = "Instances",
    params(
        ("limit" = Option<u32>, Query, description = "Fewer than 10 are taken for 10, more than 1000 for 1000"),
        ("marker" = Option<schema::Id>, Query, description = "The last id of the page before"),
    ),
    responses((status = 200, description = "A page", body = schema::instance::Instances)),
)]
pub(in crate::api) async fn list(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Value>, ApiError> {
    let Wanted { limit, marker } = Wanted::<InstanceId>::of(&query)?;
    let (mut instances, count, images) = state
        .store
        .read(move |tx| {
            let (instances, count) = tx.instances(Some(&project), marker, limit + 1)?;
            Ok((instances, count, tx.images()?))
        })
        .await?;
    let next = page::cut(&mut instances, limit, |instance| instance.id);
    let mut values = Vec::with_capacity(instances.len());
    for instance in &instances {
        let image = images.iter().find(|image| image.id == instance.image_id);
        values.push(shown(&state, instance, image)?);
    }
    let page_info = page::info(values.len(), next);
    Ok(Json(json!({ "instances": values, "page_info": page_info, "count": count })))
}
