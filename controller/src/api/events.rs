//! `GET /instances/{id}/events`: an instance's timeline, held until there is something new.

mod stream;

pub(super) use stream::Streams;

use super::{admission::Admission, error::ApiError, instances::find, query::number, router::AppState, schema};
use crate::store::record::Event;
use axum::{
    Extension, Json,
    extract::{Path, Query, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use billet_proto::ProjectId;
use serde_json::{Value, json};
use std::{collections::HashMap, time::Duration};
use tokio::time::Instant;

const DEFAULT_LIMIT: u32 = 100;
const MAX_LIMIT: u32 = 1000;
/// As long as a call is held.
const MAX_WAIT_SECONDS: u64 = 30;

/// Lists an instance's events.
///
/// Those after `after`, at most `limit`; when there is none, the answer waits up to `wait` seconds for one. Where
/// `text/event-stream` is accepted, all are sent live as server-sent events until the instance is terminated: `id` is the
/// `seq`, `event` the kind and `data` the event. `Last-Event-ID` goes before `after`. Such a stream ends, with a comment that
/// says why, when the caller may not look any more: that is asked again each 30 s, and when the files of credentials are read.
#[utoipa::path(
    get,
    path = "/instances/{id}/events",
    operation_id = "ListInstanceEvents",
    tag = "Instances",
    params(
        ("id" = String, Path, description = "The instance's"),
        ("after" = Option<u64>, Query, description = "The last `seq` that is known; 0: from the beginning"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "How many at most; 100"),
        ("wait" = Option<u64>, Query, maximum = 30, description = "How many seconds to wait for one where there is none; 0"),
    ),
    responses((status = 200, description = "Those after `after`", body = schema::event::InstanceEvents)),
)]
pub(super) async fn list(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Path((_, id)): Path<(String, String)>,
    Query(query): Query<HashMap<String, String>>,
    Extension(admission): Extension<Admission>,
    Extension(streams): Extension<Streams>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let after = number(&query, "after", 0, 0, u64::MAX)?;
    let told = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if told("accept").is_some_and(|accept| accept.contains("text/event-stream")) {
        // A client that comes again says what it had last; that goes before where it began.
        let after = told("last-event-id").and_then(|id| id.trim().parse().ok()).unwrap_or(after);
        return stream::open(state, &streams, admission, (project, id, after)).await;
    }
    let limit = number(&query, "limit", DEFAULT_LIMIT, 1, MAX_LIMIT)?;
    let wait = number(&query, "wait", 0, 0, MAX_WAIT_SECONDS)?;
    let end = Instant::now() + Duration::from_secs(wait);
    // Subscribed before the first look, so that nothing falls between looking and waiting.
    let mut changes = state.lifecycle.changes();
    loop {
        changes.mark_unchanged();
        let (project, id) = (project.clone(), id.clone());
        let look = move |tx: &mut dyn crate::store::Transaction| {
            let instance = find(tx, &project, &id)?;
            Ok::<_, ApiError>(tx.events(instance.id, after, limit)?)
        };
        let events = state.store.view(look).await?;
        if !events.is_empty() || Instant::now() >= end {
            let events: Vec<Value> = events.iter().map(shown).collect();
            return Ok(Json(json!({ "events": events })).into_response());
        }
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { tokio::time::sleep_until(end).await },
            () = tokio::time::sleep_until(end) => {}
        }
    }
}

fn shown(Event { seq, event }: &Event) -> Value {
    let mut value = json!({
        "seq": seq,
        "at": event.at.to_string(),
        "kind": event.kind,
        "step": event.step,
        "message": event.message,
    });
    for (name, given) in [
        ("done_bytes", event.done_bytes),
        ("total_bytes", event.total_bytes),
        ("bytes_per_second", event.bytes_per_second),
    ] {
        if let Some(given) = given {
            value[name] = given.into();
        }
    }
    value
}
