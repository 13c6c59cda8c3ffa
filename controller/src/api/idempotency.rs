//! `X-Client-Token`: a creation that is asked for twice is done once.
//!
//! The same token with the same request gets the same answer for 24 h, also when the first is still being worked on: the
//! second waits for it. Another request with it is refused. A token is its caller's, in its project. Only what was done is
//! remembered; after a refusal the same token may try again.
//!
//! What is compared is an HMAC keyed from the master key, because a body holds a password: its plain digest could be searched.

use super::{body, error::ApiError, ports::AlsoWritten, router::AppState};
use crate::{
    auth::Caller,
    clock::Timestamp,
    request::Invalid,
    seal::Sealer,
    store::{StoreError, access::Remembered},
};
use axum::{
    body::{Body, Bytes, to_bytes},
    extract::Request,
    http::{HeaderMap, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use billet_proto::{InstanceId, ProjectId};
use serde_json::Value;
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

/// How long an answer is remembered.
pub(crate) const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// As long as a call may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The name of the derived key.
const LABEL: &str = "x-client-token request";
const MAX_TOKEN_CHARS: usize = 64;
/// Longer than any answer to a creation.
const MAX_ANSWER_BYTES: usize = 1 << 16;

/// Project, caller and token.
type Key = (String, String, String);

/// The calls in progress that have a token; clones share it.
#[derive(Clone)]
pub struct Once(Arc<Inner>);

struct Inner {
    sealer: Arc<Sealer>,
    /// Forgotten when nobody holds them, so never more than there are calls.
    working: Mutex<HashMap<Key, Weak<tokio::sync::Mutex<()>>>>,
}

impl Once {
    /// With keys of that sealer's.
    pub fn new(sealer: Arc<Sealer>) -> Self {
        Self(Arc::new(Inner { sealer, working: Mutex::default() }))
    }

    fn turn(&self, key: &Key) -> Arc<tokio::sync::Mutex<()>> {
        let mut working = self.0.working.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = working.get(key).and_then(Weak::upgrade) {
            return turn;
        }
        working.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::new(tokio::sync::Mutex::new(()));
        working.insert(key.clone(), Arc::downgrade(&turn));
        turn
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Once")
    }
}

/// A creation that is to be done once. A handler that creates instances writes it down within the transaction that creates
/// (by its `also`), so that not even a crash comes between; for others it is written right after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    project: String,
    caller: String,
    token: String,
    request_mac: [u8; 32],
}

impl Claim {
    /// Writes down what will be answered, in the transaction that creates. Where it was answered already, nothing is created.
    pub(super) fn also(
        self,
        now: Timestamp,
        status: StatusCode,
        answer: impl FnOnce(&[InstanceId]) -> Value + Send + 'static,
    ) -> AlsoWritten {
        Box::new(move |tx, made| tx.remember(&self.remembered(now, status, answer(made).to_string())))
    }

    fn remembered(&self, now: Timestamp, status: StatusCode, answer: String) -> Remembered {
        let Self { project, caller, token, request_mac } = self.clone();
        Remembered { project, caller, token, request_mac, status: status.as_u16(), answer, created_at: now }
    }
}

/// Runs a creation, or answers what it was answered before.
pub(super) async fn once(state: &AppState, mut head: Parts, body: Body, next: Next) -> Result<Response, ApiError> {
    let Some(token) = token_of(&head.headers)? else { return Ok(next.run(Request::from_parts(head, body)).await) };
    let body = body::hold(&head.headers, body).await?;
    let Some(caller) = head.extensions.get::<Caller>() else { return Err(ApiError::NoSuchPath) };
    let project = head.extensions.get::<ProjectId>().map(ToString::to_string).unwrap_or_default();
    let key = (project, caller.name.to_string(), token);
    let turn = state.once.turn(&key);
    let Ok(_turn) = tokio::time::timeout(PATIENCE, turn.lock()).await else {
        return Err(ApiError::Late(PATIENCE.as_secs()));
    };
    let request = request(&head, &body);
    if let Some(earlier) = find(state, &key).await? {
        return again(state, &earlier, &request);
    }
    let (project, caller, token) = key;
    let claim = Claim { project, caller, token, request_mac: state.once.0.sealer.mac(LABEL, &request) };
    head.extensions.insert(claim.clone());
    let response = next.run(Request::from_parts(head, Body::from(body))).await;
    // A dry run did nothing: the creation that it was tried for may use its token.
    if response.status() != StatusCode::ACCEPTED {
        return Ok(response);
    }
    let (mut head, body) = response.into_parts();
    let bytes = to_bytes(body, MAX_ANSWER_BYTES).await.map_err(|error| ApiError::Internal(Box::new(error)))?;
    let row = claim.remembered(state.edge.now(), head.status, String::from_utf8_lossy(&bytes).into_owned());
    match state.store.run(move |tx| tx.remember(&row)).await {
        // The handler wrote it down itself.
        Ok(()) | Err(StoreError::Taken(_)) => {}
        Err(error) => return Err(error.into()),
    }
    head.headers.remove(header::CONTENT_LENGTH);
    Ok(Response::from_parts(head, Body::from(bytes)))
}

fn token_of(headers: &HeaderMap) -> Result<Option<String>, Invalid> {
    const NAME: &str = "X-Client-Token";
    let mut values = headers.get_all("x-client-token").iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    let legal = text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if values.next().is_some() || !(1..=MAX_TOKEN_CHARS).contains(&text.len()) || !legal {
        return Err(Invalid::new(NAME, "must be 1 to 64 printable ASCII characters, once", text));
    }
    Ok(Some(text.to_owned()))
}

/// What makes two requests the same.
fn request(head: &Parts, body: &Bytes) -> Vec<u8> {
    [head.method.as_str().as_bytes(), b"\0", head.uri.to_string().as_bytes(), b"\0", body].concat()
}

async fn find(state: &AppState, (project, caller, token): &Key) -> Result<Option<Remembered>, ApiError> {
    let (project, caller, token) = (project.clone(), caller.clone(), token.clone());
    let found = state.store.read(move |tx| tx.remembered(&project, &caller, &token)).await?;
    let now = state.edge.now();
    match found {
        Some(old) if now.since(old.created_at) >= KEPT => {
            // Purged here and not only in time, so that it can be written anew.
            state.store.read(move |tx| tx.forget(&old)).await?;
            Ok(None)
        }
        found => Ok(found),
    }
}

fn again(state: &AppState, earlier: &Remembered, request: &[u8]) -> Result<Response, ApiError> {
    if !state.once.0.sealer.is_mac(LABEL, request, &earlier.request_mac) {
        return Err(Invalid::new("X-Client-Token", "was used for another request within 24 h", &earlier.token).into());
    }
    let status = StatusCode::from_u16(earlier.status).unwrap_or(StatusCode::ACCEPTED);
    Ok((status, [(header::CONTENT_TYPE, "application/json")], earlier.answer.clone()).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api::ports::LifecycleApi,
        lifecycle::tests::world::{HASH, PROJECT, World},
        request::{CreateBatch, CreateInstance},
        store::record::ManageState,
    };
    use serde_json::json;

    fn claim(token: &str) -> Claim {
        let text = |text: &str| text.to_owned();
        Claim { project: text(PROJECT), caller: text("alice"), token: text(token), request_mac: [7; 32] }
    }

    async fn remembered(world: &World, token: &str) -> Option<Value> {
        let token = token.to_owned();
        let found = world.store.read(move |tx| tx.remembered(PROJECT, "alice", &token)).await.unwrap();
        found.map(|found| serde_json::from_str(&found.answer).unwrap())
    }

    async fn instances(world: &World) -> usize {
        let servers = world.store.read(|tx| tx.servers()).await.unwrap();
        servers.iter().filter(|server| server.manage_state == ManageState::InUse).count()
    }

    #[tokio::test]
    async fn the_answer_is_on_disk_with_the_instance_or_neither_is() {
        let world = World::new().await;
        world.more_servers(1).await;
        let create = async |token: &str| {
            let also = claim(token).also(world.edge.now(), StatusCode::ACCEPTED, |made| json!(made[0].to_string()));
            let request = CreateInstance::parse(world.body().to_string().as_bytes()).unwrap();
            world.lifecycle.create(PROJECT.parse().unwrap(), request, HASH.into(), Some(also)).await
        };
        let id = create("once").await.unwrap();
        assert_eq!(remembered(&world, "once").await, Some(json!(id.to_string())));
        let sent = world.sent().len();
        create("once").await.unwrap_err();
        assert_eq!((instances(&world).await, world.reserved().await.len(), world.sent().len()), (1, 1, sent));
        create("another").await.unwrap();
        create("of what is refused").await.unwrap_err();
        assert_eq!((instances(&world).await, remembered(&world, "of what is refused").await), (2, None));
    }

    #[tokio::test]
    async fn the_answer_to_a_batch_is_on_disk_with_all_of_it() {
        let world = World::new().await;
        world.more_servers(3).await;
        let create = async |token: &str| {
            let also = claim(token).also(world.edge.now(), StatusCode::ACCEPTED, |made| json!(made.len()));
            let mut body = world.body();
            body["max_count"] = 2.into();
            let batch = Arc::new(CreateBatch::parse(body.to_string().as_bytes()).unwrap());
            world.lifecycle.create_batch(PROJECT.parse().unwrap(), batch, HASH.into(), Some(also)).await
        };
        create("once").await.unwrap();
        assert_eq!((instances(&world).await, remembered(&world, "once").await), (2, Some(json!(2))));
        create("once").await.unwrap_err();
        assert_eq!((instances(&world).await, world.reserved().await.len()), (2, 2), "none of the second");
    }
}
