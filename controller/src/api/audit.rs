//! The audit log: who did what, when, from where, and how it ended; and `GET /admin/v1/audit`.
//!
//! A line is written after the answer is decided and before it is sent, in a transaction that all calls share which end
//! meanwhile. Where it cannot be written the whole line goes to the daemon's log instead, and the answer is 500: what was
//! done is done, and a caller who repeats it with its `X-Client-Token`, or a deletion, does it no second time.
//!
//! Invariants: nothing secret is in a line: of bodies it has ids alone, and known words.

use super::{error::ApiError, page, query, request_id::RequestId, router::AppState, schema};
use crate::{
    auth::Caller,
    clock::Timestamp,
    request::Invalid,
    store::{
        Handle, StoreError, Transaction,
        access::{AuditWanted, Audited},
    },
};
use axum::{
    Json,
    body::{Body, to_bytes},
    extract::{ConnectInfo, Query, State},
    http::{StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use billet_proto::ProjectId;
use serde_json::{Value, json};
use std::{collections::HashMap, net::SocketAddr, time::Duration};
use tokio::sync::{mpsc, oneshot};

/// Lines that wait for the store.
const QUEUE: usize = 1024;
/// Lines of one transaction.
const TOGETHER: usize = 256;
/// How often a busy store is tried, and with which pause.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(50);
/// A batch has at most 50.
const MAX_OBJECTS: usize = 100;
/// Longer than any answer of a call that changes.
const MAX_ANSWER_BYTES: usize = 1 << 20;
/// Words of a body without which the route does not tell what was done: a power action, and what a wipe spares. Any other
/// text there is the caller's own, and is not written down.
const WORDS: [(&str, &[&str]); 2] =
    [("action", &["power on", "power off", "rebooting"]), ("policy", &["full", "metadata"])];
const DEFAULT_LIMIT: u32 = 100;
const MAX_LIMIT: u32 = 1000;

/// Writes lines; clones share it.
#[derive(Clone)]
pub struct AuditLog(mpsc::Sender<(Audited, oneshot::Sender<bool>)>);

impl AuditLog {
    /// Writes to this store, on a task that ends with the last clone.
    #[must_use]
    pub fn spawn(store: Handle) -> Self {
        let (lines, waiting) = mpsc::channel(QUEUE);
        tokio::spawn(run(store, waiting));
        Self(lines)
    }

    /// Whether the line is on disk now.
    async fn write(&self, line: &Audited) -> bool {
        let (done, told) = oneshot::channel();
        self.0.send((line.clone(), done)).await.is_ok() && told.await.unwrap_or(false)
    }
}

impl std::fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AuditLog")
    }
}

async fn run(store: Handle, mut waiting: mpsc::Receiver<(Audited, oneshot::Sender<bool>)>) {
    let mut batch = Vec::new();
    while waiting.recv_many(&mut batch, TOGETHER).await > 0 {
        let (lines, told): (Vec<_>, Vec<_>) = batch.drain(..).unzip();
        let written = write_all(&store, lines).await;
        if let Err(error) = &written {
            tracing::error!(error = error as &dyn std::error::Error, "the audit log cannot be written");
        }
        for done in told {
            // Who does not wait any more has its line all the same.
            let _ = done.send(written.is_ok());
        }
    }
}

async fn write_all(store: &Handle, lines: Vec<Audited>) -> Result<(), StoreError> {
    for _ in 1..TRIES {
        let batch = lines.clone();
        let insert = move |tx: &mut dyn Transaction| batch.iter().try_for_each(|line| tx.insert_audited(line));
        match store.run(insert).await {
            Err(StoreError::Busy) => tokio::time::sleep(PAUSE).await,
            done => return done,
        }
    }
    store.run(move |tx| lines.iter().try_for_each(|line| tx.insert_audited(line))).await
}

/// A line but for how it ended.
pub(super) struct Place(Audited);

impl Place {
    /// Of a call whose caller is known; `body` as far as it was read.
    pub(super) fn of(head: &Parts, pattern: &str, caller: &Caller, project: Option<&ProjectId>, body: &[u8]) -> Self {
        let peer = head.extensions.get::<ConnectInfo<SocketAddr>>();
        let mut objects = Vec::new();
        for (named, given) in pattern.split('/').zip(head.uri.path().split('/')) {
            if named.starts_with('{') && named != "{project_id}" {
                add(given, &mut objects);
            }
        }
        let mut action = format!("{} {pattern}", head.method);
        if let Ok(body) = serde_json::from_slice::<Value>(body) {
            if let Some(word) = word(&body) {
                action = format!("{action}: {word}");
            }
            gather(&body, &["instance_id_set", "server_id_set", "server_id", "agent_name"], &mut objects);
        }
        Self(Audited {
            seq: 0,
            at: Timestamp(0),
            request_id: head.extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default(),
            caller: caller.name.to_string(),
            role: caller.role.word().to_owned(),
            project_id: project.cloned(),
            peer: peer.map(|peer| peer.0.to_string()).unwrap_or_default(),
            action,
            objects,
            status: 0,
            code: String::new(),
        })
    }
}

/// Writes down how a call ended, and hands its answer on.
pub(super) async fn write(
    state: &AppState,
    Place(mut line): Place,
    done: Result<Response, ApiError>,
) -> Result<Response, ApiError> {
    let (mut head, body) = done.into_response().into_parts();
    if head.status == StatusCode::METHOD_NOT_ALLOWED {
        return Ok(Response::from_parts(head, body));
    }
    let is_json = head.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    let body = if is_json {
        let bytes = to_bytes(body, MAX_ANSWER_BYTES).await.map_err(|error| ApiError::Internal(Box::new(error)))?;
        let answer: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        gather(&answer, &["id", "instance_id", "agent_name"], &mut line.objects);
        line.code = answer["error_code"].as_str().unwrap_or_default().to_owned();
        head.headers.remove(header::CONTENT_LENGTH);
        Body::from(bytes)
    } else {
        body
    };
    line.at = state.edge.now();
    line.status = head.status.as_u16();
    if state.audit.write(&line).await {
        return Ok(Response::from_parts(head, body));
    }
    tracing::error!(?line, "a line of the audit log is here instead");
    Err(ApiError::Internal("the audit log cannot be written".into()))
}

/// The body's word of [`WORDS`].
fn word(body: &Value) -> Option<&'static str> {
    WORDS.iter().find_map(|(field, words)| words.iter().find(|word| body[*field] == **word)).copied()
}

/// The texts that stand under these names, however deep.
fn gather(value: &Value, names: &[&str], objects: &mut Vec<String>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| gather(value, names, objects)),
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if names.contains(&name.as_str()) => add(text, objects),
                    Value::Array(texts) if names.contains(&name.as_str()) => {
                        texts.iter().filter_map(Value::as_str).for_each(|text| add(text, objects));
                    }
                    other => gather(other, names, objects),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What can be no id is no object.
fn add(text: &str, objects: &mut Vec<String>) {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_id = (1..=64).contains(&text.len()) && text.chars().all(legal);
    if is_id && objects.len() < MAX_OBJECTS && !objects.iter().any(|known| known == text) {
        objects.push(text.to_owned());
    }
}

/// Lists the audit log, the newest first.
#[utoipa::path(
    get,
    path = "/audit",
    operation_id = "ListAudit",
    tag = "Operators",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "How many at most; 100"),
        ("marker" = Option<u64>, Query, description = "The last `seq` of the page before"),
        ("from" = Option<u64>, Query, description = "At or after; ms since 1970"),
        ("to" = Option<u64>, Query, description = "Before; ms since 1970"),
        ("project_id" = Option<schema::Project>, Query, description = "Only of this project"),
        ("caller" = Option<String>, Query, description = "Only of this caller"),
        ("object" = Option<String>, Query, description = "Only what names this"),
        ("request_id" = Option<String>, Query, description = "Only this request"),
    ),
    responses((status = 200, description = "A page", body = schema::access::AuditPage)),
)]
pub(super) async fn list(
    State(state): State<AppState>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Value>, ApiError> {
    let limit = query::number(&query, "limit", DEFAULT_LIMIT, 1, MAX_LIMIT)?;
    let given = |name: &str| query.get(name).filter(|text| !text.is_empty()).cloned();
    let number = |name: &'static str| match given(name) {
        Some(_) => query::number(&query, name, 0, 0, i64::MAX.unsigned_abs()).map(Some),
        None => Ok(None),
    };
    let project = given("project_id").map(|text| {
        text.parse().map_err(|_| Invalid::new("project_id", "must be 1 to 64 letters, digits, '-' or '_'", &text))
    });
    let wanted = AuditWanted {
        before: number("marker")?,
        from: number("from")?.map(Timestamp),
        to: number("to")?.map(Timestamp),
        project_id: project.transpose()?,
        caller: given("caller"),
        object: given("object"),
        request_id: given("request_id"),
        limit: limit + 1,
    };
    let mut lines = state.store.read(move |tx| tx.audited(&wanted)).await?;
    let next = page::cut(&mut lines, limit, |line| line.seq);
    let entries: Vec<Value> = lines.iter().map(shown).collect();
    Ok(Json(json!({ "page_info": page::info(entries.len(), next), "entries": entries })))
}

fn shown(line: &Audited) -> Value {
    let mut value = json!({
        "seq": line.seq,
        "at": line.at.to_string(),
        "request_id": line.request_id,
        "caller": line.caller,
        "role": line.role,
        "peer": line.peer,
        "action": line.action,
        "objects": line.objects,
        "status": line.status,
    });
    if let Some(project) = &line.project_id {
        value["project_id"] = project.as_str().into();
    }
    if !line.code.is_empty() {
        value["error_code"] = line.code.as_str().into();
    }
    value
}
