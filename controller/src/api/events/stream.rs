//! An instance's timeline as server-sent events (WHATWG HTML §9.2): live, until the instance is gone.
//!
//! A stream goes on for hours, and what let its call in may end before: a token expires or is taken away, or its caller is
//! of another project now. So it is asked again, and the stream ends as a new call would be answered. How it ended is told
//! in a comment, because a client takes everything else for an event of the timeline; the client that comes again then
//! gets the answer itself.

use super::shown;
use crate::{
    api::{admission::Admission, error::ApiError, instances::find, router::AppState},
    auth::Reloads,
    clock::Timestamp,
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
/// So often it is asked again whether the caller may look, in case nobody told: Keystone does not, and time does not.
const ASK_AGAIN: Duration = Duration::from_secs(30);
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
    admission: Admission,
    reloads: Reloads,
    /// None: it is to be asked now.
    asked_at: Option<Timestamp>,
    _place: Place,
}

/// Begins a stream of the events after `after`.
///
/// # Errors
/// For an instance that is not there, or when the caller has as many streams as it may.
pub(super) async fn open(
    state: AppState,
    streams: &Streams,
    admission: Admission,
    (project, id, after): (ProjectId, String, u64),
) -> Result<Response, ApiError> {
    let place = streams.place(&admission.caller).ok_or(ApiError::TooMany { retry_after: 15 })?;
    // Subscribed before the first look, so that nothing falls between looking and waiting.
    let changes = state.lifecycle.changes();
    let (reloads, asked_at) = (state.auth.reloads(), Some(state.edge.now()));
    let mut timeline = Timeline {
        state,
        project,
        id,
        after,
        changes,
        ready: VecDeque::new(),
        is_over: false,
        admission,
        reloads,
        asked_at,
        _place: place,
    };
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
            if self.is_over && self.ready.is_empty() {
                return None;
            }
            if self.is_to_ask()
                && let Err(error) = self.ask_again().await
            {
                (self.is_over, self.ready) = (true, VecDeque::new());
                return Some(format!(": the stream ends: {error}\n\n"));
            }
            if let Some(part) = self.ready.pop_front() {
                return Some(part);
            }
            tokio::select! {
                () = self.reloads.next() => {
                    self.asked_at = None;
                    continue;
                }
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

    /// A heartbeat comes oftener, and looks. A clock that was put back tells nothing.
    fn is_to_ask(&self) -> bool {
        let now = self.state.edge.now();
        self.asked_at.is_none_or(|asked| now < asked || now.since(asked) >= ASK_AGAIN)
    }

    /// A caller whose identity cannot be asked now goes too, as a new call would: it may come again.
    async fn ask_again(&mut self) -> Result<(), ApiError> {
        self.asked_at = Some(self.state.edge.now());
        self.admission.holds(&self.state, &self.project).await
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
