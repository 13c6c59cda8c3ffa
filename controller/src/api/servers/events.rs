//! `GET /physicalservers/events`, and what kinds of events there are.

use super::of;
use crate::{
    api::{error::ApiError, query::number, router::AppState, schema},
    auth::Caller,
    clock::Timestamp,
    lifecycle::server_event::{Kind, Level, kind},
    request::Invalid,
    store::{ServerEventsWanted, ServersWanted, record::ServerEvent},
};
use axum::{
    Extension, Json,
    extract::{Path, Query, State},
};
use billet_proto::{ProjectId, ServerId};
use serde_json::{Value, json};
use std::collections::HashMap;

/// The family's: the longest time that is looked at.
const MAX_SPAN_MS: u64 = 30 * 24 * 60 * 60 * 1000;
const DEFAULT_LIMIT: u32 = 100;
const MAX_LIMIT: u32 = 1000;
/// Far beyond what anybody leafs through.
const MAX_OFFSET: u32 = 1_000_000;

/// Lists what happened to the servers that the caller sees, newest first.
#[utoipa::path(
    get,
    path = "/physicalservers/events",
    operation_id = "ListServerEvents",
    tag = "Physical servers",
    params(
        ("from" = u64, Query, description = "Milliseconds since 1970, UTC"),
        ("to" = u64, Query, description = "Not more than 30 days after `from`"),
        ("event_level" = Option<String>, Query, description = "critical, major, minor or info"),
        ("resource_id" = Option<String>, Query, description = "A server's id"),
        ("offset" = Option<u32>, Query, description = "So many of the newest are left out"),
        ("limit" = Option<u32>, Query, description = "1 to 1000; 100 when absent"),
    ),
    responses((status = 200, description = "A page", body = schema::server_parts::ServerEvents)),
)]
pub(in crate::api) async fn list(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Value>, ApiError> {
    let (mut wanted, one) = wanted(&query)?;
    let project = of(&caller, project);
    let found = state.store.read(move |tx| {
        wanted.servers = match (&project, one) {
            (None, one) => one.map(|id| vec![id]),
            (Some(project), Some(id)) => {
                let seen = tx.listed_server(id)?.filter(|listed| listed.is_seen_by(Some(project)));
                Some(seen.map(|listed| listed.server.id).into_iter().collect())
            }
            (Some(project), None) => {
                let seen = ServersWanted { project: Some(project.clone()), limit: u32::MAX, ..Default::default() };
                Some(tx.listed_servers(&seen)?.0.iter().map(|listed| listed.server.id).collect())
            }
        };
        tx.server_events(&wanted)
    });
    let (events, count) = found.await?;
    let events: Vec<Value> = events.iter().map(shown).collect();
    Ok(Json(json!({ "events": events, "count": count })))
}

/// Names every problem of the query.
fn wanted(query: &HashMap<String, String>) -> Result<(ServerEventsWanted, Option<ServerId>), ApiError> {
    let mut problems = crate::request::Problems::default();
    for field in ["from", "to"] {
        if query.get(field).is_none_or(String::is_empty) {
            problems.missing.push(field.into());
        }
    }
    let mut kept = |result: Result<u64, Invalid>| result.map_err(|invalid| problems.invalid.push(invalid)).ok();
    // SQLite's integers are signed.
    let from = kept(number(query, "from", 0, 0, i64::MAX.unsigned_abs())).unwrap_or_default();
    let to = kept(number(query, "to", from, 0, i64::MAX.unsigned_abs())).unwrap_or(from);
    let offset = kept(number(query, "offset", 0, 0, MAX_OFFSET.into())).unwrap_or_default();
    let limit = kept(number(query, "limit", DEFAULT_LIMIT.into(), 1, MAX_LIMIT.into())).unwrap_or_default();
    if problems.is_empty() && (to < from || to - from > MAX_SPAN_MS) {
        problems.invalid.push(Invalid::new("to", "must be at or after from, by 30 days at most", to));
    }
    let level = query.get("event_level").filter(|text| !text.is_empty());
    if let Some(given) = level.filter(|word| Level::from_word(word).is_none()) {
        problems.invalid.push(Invalid::new("event_level", "must be critical, major, minor or info", given));
    }
    let one = query.get("resource_id").filter(|text| !text.is_empty());
    let one = one.map(|text| text.parse().map_err(|_| Invalid::new("resource_id", "must be a server's id", text)));
    let one = one.transpose().map_err(|invalid| problems.invalid.push(invalid)).unwrap_or_default();
    if !problems.is_empty() {
        return Err(problems.into());
    }
    let wanted = ServerEventsWanted {
        servers: None,
        from: Timestamp(from),
        to: Timestamp(to),
        level: level.cloned(),
        offset: u32::try_from(offset).unwrap_or(MAX_OFFSET),
        limit: u32::try_from(limit).unwrap_or(MAX_LIMIT),
    };
    Ok((wanted, one))
}

fn shown(event: &ServerEvent) -> Value {
    json!({
        "event_id": event.kind,
        "message_id": event.seq.to_string(),
        "event_message": event.message,
        "event_level": event.level,
        "status": "occurred",
        "resource_id": event.server_id.to_string(),
        "time": event.at.0,
        "origin_event": "",
    })
}

/// Explains a kind of event.
#[utoipa::path(
    get,
    path = "/physicalservers/events/{event_id}",
    operation_id = "ShowServerEvent",
    tag = "Physical servers",
    params(("event_id" = String, Path, description = "The kind's, as `event_id` of an event")),
    responses((status = 200, description = "The kind", body = schema::server_parts::ServerEventKind)),
)]
pub(in crate::api) async fn show(Path((_, id)): Path<(String, String)>) -> Result<Json<Value>, ApiError> {
    let missing = || ApiError::NotFound { what: "event definitions", id: id.chars().take(64).collect() };
    let Kind { word, level, name, effect, suggestion } = kind(&id).ok_or_else(missing)?;
    Ok(Json(json!({
        "code": word,
        "status": "enabled",
        "name_en": name,
        "effect_en": effect,
        "suggestion_en": suggestion,
        "reason_en": "",
        "event_level": level.word(),
    })))
}
