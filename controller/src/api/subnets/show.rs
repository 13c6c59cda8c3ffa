//! `GET` of one.

use super::{Wrapper, find, shown};
use crate::api::{error::ApiError, router::AppState};
use axum::{
    Extension, Json,
    extract::{Path, State},
};
use billet_proto::ProjectId;
use serde_json::{Value, json};

/// One subnet: 200 with it.
pub(in crate::api) async fn show(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Extension(wrapper): Extension<Wrapper>,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let subnet = state.store.run(move |tx| find(tx, &project, &id)).await?;
    Ok(Json(json!({ wrapper.one: shown(&subnet) })))
}
