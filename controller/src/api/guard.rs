//! Who calls, whether they may, and not too often: before anything else of the request is believed.
//!
//! The order: a place among the calls in progress; the credential; the rate; the [`Rule`] of the route. A signature is of
//! the body too, which is therefore read first, but only when the access key is known and the time is about now.

use super::{
    access::Rule,
    admission::Admission,
    audit::{self, Place},
    body,
    error::ApiError,
    idempotency,
    peer::Peer,
    router::AppState,
};
use crate::auth::{Caller, Credential, Denied, Payload, Presented};
use axum::{
    body::{Body, Bytes},
    extract::{MatchedPath, RawPathParams, Request, State, rejection::RawPathParamsRejection},
    http::{HeaderMap, HeaderName, header, request::Parts},
    middleware::Next,
    response::Response,
};
use billet_proto::ProjectId;
use std::sync::Arc;
use tracing::Instrument;
use zeroize::Zeroizing;

/// What Keystone's own middleware would tell a service: from a client, it is a lie.
const IDENTITIES: [&str; 9] = [
    "x-project-id",
    "x-project-name",
    "x-domain-id",
    "x-user-id",
    "x-user-name",
    "x-roles",
    "x-role",
    "x-identity-status",
    "x-is-admin-project",
];

/// Lets a call through with its [`Caller`], and its [`ProjectId`] where the path has one.
pub(super) async fn admit(
    State(state): State<AppState>,
    parameters: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let (mut head, body) = request.into_parts();
    let pattern = head.extensions.get::<MatchedPath>().map(|path| path.as_str().to_owned()).unwrap_or_default();
    let rule = Rule::of(&head.method, &pattern);
    let place = state.rates.place(rule.waits).ok_or(ApiError::Overloaded)?;
    let (caller, credential, body) = authenticate(&state, &head, body, rule).await?;
    state.rates.of_token(&caller.name).map_err(|retry_after| ApiError::TooMany { retry_after })?;
    for name in IDENTITIES {
        head.headers.remove(HeaderName::from_static(name));
    }
    // A handler would refuse it too, in axum's words and with no code.
    if let Err(RawPathParamsRejection::InvalidUtf8InPathParam(_)) = parameters {
        return Err(ApiError::NoSuchPath);
    }
    let project = project_of(head.uri.path(), &pattern)?;
    let refused = rule.refuses(&caller, project.as_ref());
    if let Some(project) = &project {
        head.extensions.insert(project.clone());
    }
    head.extensions.insert(caller.clone());
    if rule.waits {
        head.extensions.insert(Admission { credential, caller: caller.name.clone(), rule });
    }
    if !rule.audited {
        return match refused {
            Some(why) => Err(ApiError::Forbidden(why)),
            None => Ok(place.kept_by(next.run(Request::from_parts(head, body.whole()))).await),
        };
    }
    let written = Place::of(&head, &pattern, &caller, project.as_ref(), body.held());
    // To its end, even when the caller hangs up: what was done is written down.
    let work = async move {
        let done = match refused {
            Some(why) => Err(ApiError::Forbidden(why)),
            None if rule.once => idempotency::once(&state, head, body.whole(), next).await,
            None => Ok(next.run(Request::from_parts(head, body.whole())).await),
        };
        audit::write(&state, written, done).await
    };
    let work = tokio::spawn(place.kept_by(work.instrument(tracing::Span::current())));
    work.await.map_err(|error| ApiError::Internal(Box::new(error)))?
}

/// A body that was read, or one that its handler reads.
enum Read {
    Held(Bytes),
    Streamed(Body),
}

impl Read {
    fn held(&self) -> &[u8] {
        match self {
            Self::Held(bytes) => bytes,
            Self::Streamed(_) => &[],
        }
    }
    fn whole(self) -> Body {
        match self {
            Self::Held(bytes) => Body::from(bytes),
            Self::Streamed(body) => body,
        }
    }
}

async fn authenticate(
    state: &AppState,
    head: &Parts,
    body: Body,
    rule: Rule,
) -> Result<(Caller, Credential, Read), ApiError> {
    let now = state.edge.now();
    let peer = Peer::of(head);
    let denied = |denied| deny(state, &peer, denied);
    let streamed = rule.streamed && !is_json(&head.headers);
    let read = async |body| match streamed {
        true => Ok::<_, ApiError>(Read::Streamed(body)),
        false => body::hold(&head.headers, body).await.map(Read::Held),
    };
    match Presented::of(&head.headers).map_err(denied)? {
        Presented::Token(token) => {
            let caller = match state.auth.known(&token, now) {
                Some(known) => known.map_err(denied)?,
                None => {
                    // Counted before Keystone is asked, which a flood of invented tokens would be too.
                    count(state, &peer)?;
                    state.auth.ask(&token, now).await.map_err(|denied| told(state, denied))?
                }
            };
            let credential = Credential::Token(Arc::new(Zeroizing::new(token)));
            Ok((caller, credential, read(body).await?))
        }
        Presented::Signed(claim) => {
            let keys = state.auth.keys().map_err(denied)?;
            claim.is_plausible(&keys, now).map_err(denied)?;
            let body = read(body).await?;
            let payload = match &body {
                Read::Held(bytes) => Payload::Whole(bytes),
                Read::Streamed(_) => Payload::Streamed,
            };
            let caller = claim.check(&keys, (&head.method, &head.uri, &head.headers), payload).map_err(denied)?;
            Ok((caller, claim.credential(&keys).map_err(denied)?, body))
        }
    }
}

/// Counts a call that nobody here knows the caller of.
fn count(state: &AppState, peer: &Peer) -> Result<(), ApiError> {
    state.rates.of_unknown(peer).map_err(|retry_after| ApiError::TooMany { retry_after })
}

/// What a caller is told, unless it has guessed too often.
fn deny(state: &AppState, peer: &Peer, denied: Denied) -> ApiError {
    if matches!(denied, Denied::Unknown(_))
        && let Err(too_many) = count(state, peer)
    {
        return too_many;
    }
    told(state, denied)
}

/// What a caller is told whose credential does not let it in.
pub(super) fn told(state: &AppState, denied: Denied) -> ApiError {
    match denied {
        Denied::Unavailable => ApiError::IdentityUnavailable,
        Denied::NoRole(why) => ApiError::Forbidden(why),
        Denied::Unknown(why) => ApiError::Unauthorized { why, challenge: state.auth.challenge() },
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    given.trim_start().to_ascii_lowercase().starts_with("application/json")
}

/// The path's project, where its pattern has one.
fn project_of(path: &str, pattern: &str) -> Result<Option<ProjectId>, ApiError> {
    if pattern.split('/').nth(2) != Some("{project_id}") {
        return Ok(None);
    }
    let project = path.split('/').nth(2).unwrap_or_default();
    project.parse().map(Some).map_err(|_| ApiError::NoSuchPath)
}
