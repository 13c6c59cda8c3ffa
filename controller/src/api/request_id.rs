//! The id of each request: in its answer, and in every line that is logged for it.

use crate::clock::Edge;
use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use std::time::Instant;
use tracing::Instrument;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The id of the request that it is in the extensions of.
#[derive(Debug, Clone)]
pub(super) struct RequestId(pub(super) String);

/// Gives the request an id of ours; one that the caller sent is not trusted.
pub(super) async fn give(State(edge): State<Edge>, mut request: Request, next: Next) -> Response {
    let id = edge.id().to_string();
    request.extensions_mut().insert(RequestId(id.clone()));
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let span = tracing::info_span!("request", %id);
    async move {
        let began = Instant::now();
        let mut response = next.run(request).await;
        let (status, ms) = (response.status().as_u16(), began.elapsed().as_millis());
        tracing::info!(%method, path, status, ms, "answered");
        response.headers_mut().insert(HEADER, HeaderValue::from_str(&id).expect("a UUID is ASCII"));
        response
    }
    .instrument(span)
    .await
}
