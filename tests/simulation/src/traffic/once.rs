//! Creations that are done once, as the API does them for an `X-Client-Token`: whoever gets no answer asks again.

use super::{PROJECT, Traffic, call::Call, project};
use crate::{controller::Controller, secrets::first_hash, time::EPOCH_MS};
use billet_controller::{
    api::ports::{AlsoWritten, LifecycleApi as _},
    clock::Timestamp,
    lifecycle::{Lifecycle, refusal::Refusal},
    request::{CreateBatch, CreateInstance},
    store::{Handle, Transaction, access::Remembered},
};
use billet_proto::InstanceId;
use serde_json::Value;
use std::sync::Arc;

/// Whose token it is.
const CALLER: &str = "a tenant";
/// After so many milliseconds without an answer it is asked for again.
const PATIENCE_MS: u64 = 45_000;
/// Some ask again at once.
const NO_PATIENCE_MS: u64 = 1_000;

/// What is to be created.
#[derive(Debug, Clone)]
pub(super) struct Creation {
    /// Its own, so that it is the token too.
    pub(super) name: String,
    /// The API's body.
    pub(super) body: Value,
    /// Whether the call for several is meant.
    pub(super) is_batch: bool,
}

impl Traffic {
    /// Asks for it, and again until there is an answer.
    pub(super) fn create_once(&mut self, now: u64, creation: Creation, controller: &Controller) {
        let patience = if self.random.happens(100) { NO_PATIENCE_MS } else { PATIENCE_MS };
        self.unanswered.insert(creation.name.clone(), (now + patience, creation.clone()));
        let what = format!("create {}", creation.name);
        let call = Call { creation: Some(creation.name.clone()), ..Call::new(what) };
        let (store, lifecycle) = (controller.store.clone(), controller.lifecycle.clone());
        self.call(controller, call, once(store, lifecycle, creation, Timestamp(EPOCH_MS + now)));
    }

    /// One who got no answer asks again.
    pub(super) fn ask_again(&mut self, now: u64, controller: &Controller) {
        let due = self.unanswered.values().find(|(due, _)| *due <= now);
        if let Some(creation) = due.map(|(_, creation)| creation.clone()) {
            self.create_once(now, creation, controller);
        }
    }
}

/// Creates, or answers what was answered before.
async fn once(
    store: Handle,
    lifecycle: Lifecycle,
    creation: Creation,
    now: Timestamp,
) -> Result<Vec<InstanceId>, Refusal> {
    let Creation { name, body, is_batch } = creation;
    let token = name.clone();
    if let Some(earlier) = store.run(move |tx| tx.remembered(PROJECT, CALLER, &token)).await? {
        return Ok(earlier.answer.split_whitespace().filter_map(|id| id.parse().ok()).collect());
    }
    let (hash, also) = (first_hash(&name), Some(also(name, now)));
    let body = body.to_string();
    if is_batch {
        let batch = CreateBatch::parse(body.as_bytes())?;
        return lifecycle.create_batch(project(), Arc::new(batch), hash, also).await;
    }
    let request = CreateInstance::parse(body.as_bytes())?;
    lifecycle.create(project(), request, hash, also).await.map(|id| vec![id])
}

/// What is answered, in the transaction that creates.
fn also(token: String, created_at: Timestamp) -> AlsoWritten {
    Box::new(move |tx: &mut dyn Transaction, made: &[InstanceId]| {
        let answer: Vec<String> = made.iter().map(ToString::to_string).collect();
        tx.remember(&Remembered {
            project: PROJECT.to_owned(),
            caller: CALLER.to_owned(),
            token,
            request_mac: [0; 32],
            status: 202,
            answer: answer.join(" "),
            created_at,
        })
    })
}
