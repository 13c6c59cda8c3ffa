//! `GET /instances`.

use super::shown;
use crate::{
    api::{
        error::ApiError,
        page::{self, Page, Wanted},
        router::AppState,
        schema,
    },
    store::{InstancesWanted, record::Instance},
};
use axum::{
    Extension,
    extract::{Query, State},
};
use billet_proto::{ImageId, InstanceId, ProjectId};
use std::collections::{BTreeSet, HashMap};

/// A page of the project's instances, oldest first; those that were terminated are not among them.
#[utoipa::path(
    get,
    path = "/instances",
    operation_id = "ListInstances",
    tag = "Instances",
    params(
        ("limit" = Option<u32>, Query, description = "Fewer than 10 are taken for 10, more than 1000 for 1000"),
        ("marker" = Option<schema::Id>, Query, description = "The last id of the page before"),
        ("instance_state" = Option<String>, Query, description = "Of these states alone, joined by commas; those that were terminated are listed only so"),
        ("instance_id" = Option<String>, Query, description = "These alone: up to 100, joined by commas"),
        ("server_id" = Option<String>, Query, description = "On these servers alone: up to 100, joined by commas; excludes instance_id"),
        ("name" = Option<String>, Query, description = "Of this name alone"),
        ("tag" = Option<String>, Query, description = "With this tag alone: KEY or KEY=VALUE"),
    ),
    responses((status = 200, description = "A page", body = schema::instance::Instances)),
)]
pub(in crate::api) async fn list(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Page, ApiError> {
    let Wanted { limit, marker } = Wanted::<InstanceId>::of(&query)?;
    let wanted = InstancesWanted { marker, limit: limit + 1, ..InstancesWanted::parse(&query, project)? };
    let store = state.store.clone();
    store
        .view(move |tx| {
            let (mut instances, count) = tx.list_instances(&wanted)?;
            let next = page::cut(&mut instances, limit, |instance| instance.id);
            // A project has few images, and a page fewer: only these are read.
            let named: BTreeSet<ImageId> = instances.iter().map(|instance| instance.image_id).collect();
            let mut images = HashMap::new();
            for id in named {
                images.extend(tx.image(id)?.map(|image| (id, image)));
            }
            let shown = |instance: &Instance| shown(&state, instance, images.get(&instance.image_id));
            let entries = instances.iter().map(shown).collect::<Result<_, _>>()?;
            Ok(Page::new("instances", entries, next, count))
        })
        .await
}
