//! `GET /physicalservers`.

use super::{of, shown};
use crate::{
    api::{
        error::ApiError,
        page::{self, Page, Wanted},
        router::AppState,
        schema,
    },
    auth::Caller,
    request::Invalid,
    store::{ServersWanted, record::ManageState},
};
use axum::{
    Extension,
    extract::{Query, State},
};
use billet_proto::{ProjectId, ServerId};
use std::collections::HashMap;

/// Lists the project's servers and those that its instances are on; to an operator, all.
#[utoipa::path(
    get,
    path = "/physicalservers",
    operation_id = "ListServers",
    tag = "Physical servers",
    params(
        ("limit" = Option<u32>, Query, description = "Fewer than 10 are taken for 10, more than 1000 for 1000"),
        ("marker" = Option<schema::Id>, Query, description = "The last id of the page before"),
        ("manage_state" = Option<schema::server::ManageState>, Query, description = "Only those in this state"),
    ),
    responses((status = 200, description = "A page", body = schema::server::Servers)),
)]
pub(in crate::api) async fn list(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Page, ApiError> {
    let Wanted { limit, marker } = Wanted::<ServerId>::of(&query)?;
    let in_state = query.get("manage_state").filter(|text| !text.is_empty());
    let known = |text: &String| {
        let rule = "must be onboard, ready, in-use, maintain or offboarding";
        ManageState::from_word(text).ok_or_else(|| Invalid::new("manage_state", rule, text))
    };
    let project = of(&caller, project);
    let in_state = in_state.map(known).transpose()?;
    let wanted = ServersWanted { project: project.clone(), state: in_state, marker, limit: limit + 1 };
    let store = state.store.clone();
    store
        .view(move |tx| {
            let (mut servers, count) = tx.listed_servers(&wanted)?;
            let next = page::cut(&mut servers, limit, |listed| listed.server.id);
            let entries = servers.iter().map(|listed| shown(&state, listed, project.as_ref())).collect();
            Ok(Page::new("servers", entries, next, count))
        })
        .await
}
