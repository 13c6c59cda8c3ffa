//! An instance's timeline as server-sent events (WHATWG HTML §9.2): live, until the instance is gone.

use super::shown;
use crate::{
    api::{error::ApiError, instances::find, router::AppState},
    lifecycle::table::Phase,
    store::{Transaction, record::Event},
};
use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use billet_proto::ProjectId;
use std::{
    collections::{HashMap, VecDeque},
    fmt::Write,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::watch, time::Instant};

/// Streams that one caller may have at once.
const MAX_STREAMS: u32 = 32;
/// So often something is sent, that neither side takes the other for gone.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Events read at once.
const PAGE: u32 = 100;

/// How many streams each caller has; clones share the count.
#[derive(Clone, Default)]
pub(in crate::api) struct Streams(Arc<Mutex<HashMap<Arc<str>, u32>>>);

/// One stream's place, until it ends.
struct Place {
    streams: Streams,
    caller: Arc<str>,
}

impl Streams {
    fn place(&self, caller: &Arc<str>) -> Option<Place> {
        let mut count = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let open = count.entry(caller.clone()).or_default();
        if *open >= MAX_STREAMS {
            return None;
        }
        *open += 1;
        Some(Place { streams: self.clone(), caller: caller.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut count = self.streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = count.get_mut(&self.caller) {
            *open -= 1;
            if *open == 0 {
                count.remove(&self.caller);
            }
        }
    }
}

struct Timeline {
    state: AppState,
    project: ProjectId,
    id: String,
    after: u64,
    changes: watch::Receiver<u64>,
    ready: VecDeque<String>,
    is_over: bool,
    _place: Place,
}

/// Begins a stream of the events after `after`.
///
/// # Errors
/// For an instance that is not there, or when the caller has as many streams as it may.
pub(super) async fn open(
    state: AppState,
    streams: &Streams,
    caller: &Arc<str>,
    (project, id, after): (ProjectId, String, u64),
) -> Result<Response, ApiError> {
    let place = streams.place(caller).ok_or(ApiError::TooMany { retry_after: 15 })?;
    // Subscribed before the first look, so that nothing falls between looking and waiting.
    let changes = state.lifecycle.changes();
    let (ready, is_over) = (VecDeque::new(), false);
    let mut timeline = Timeline { state, project, id, after, changes, ready, is_over, _place: place };
    timeline.look().await?;
    let parts = futures_util::stream::unfold(timeline, |mut timeline| async move {
        let part = timeline.next().await?;
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(part)), timeline))
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((headers, Body::from_stream(parts)).into_response())
}

impl Timeline {
    /// What is sent next; none at the end.
    async fn next(&mut self) -> Option<String> {
        let beat = Instant::now() + HEARTBEAT;
        loop {
            if let Some(part) = self.ready.pop_front() {
                return Some(part);
            }
            if self.is_over {
                return None;
            }
            tokio::select! {
                // The controller stops.
                changed = self.changes.changed() => changed.ok()?,
                () = tokio::time::sleep_until(beat) => return Some(": still here\n\n".into()),
            }
            if let Err(error) = self.look().await {
                tracing::debug!(%error, "a stream of events ends");
                return None;
            }
        }
    }

    async fn look(&mut self) -> Result<(), ApiError> {
        self.changes.mark_unchanged();
        let (project, id, after) = (self.project.clone(), self.id.clone(), self.after);
        let look = move |tx: &mut dyn Transaction| {
            let instance = find(tx, &project, &id)?;
            Ok::<_, ApiError>((tx.events(instance.id, after, PAGE)?, instance.phase))
        };
        let (events, phase) = self.state.store.view(look).await?;
        let is_whole = events.len() < PAGE as usize;
        for event in &events {
            self.after = event.seq;
            self.ready.push_back(written(event));
        }
        self.is_over = is_whole && phase == Phase::Terminated;
        if !is_whole {
            self.changes.mark_changed();
        }
        Ok(())
    }
}

/// JSON has no line breaks of its own: one `data` line holds it.
fn written(event: &Event) -> String {
    let mut text = String::new();
    let _ = write!(text, "id: {}\nevent: {}\ndata: {}\n\n", event.seq, event.event.kind, shown(event));
    text
}
