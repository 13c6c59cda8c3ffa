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
    // Of the highest level, because a filter that leaves the span out leaves its id out of the errors within.
    let span = tracing::error_span!("request", %id);
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

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{Router, body::Body, middleware::from_fn_with_state, routing::get};
    use std::{
        io,
        sync::{Arc, Mutex},
    };
    use tower::ServiceExt;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn an_error_is_logged_with_its_requests_id_however_little_is_logged() {
        for filter in ["info", "warn", "error"] {
            let lines = Lines::default();
            let writer = lines.clone();
            let subscriber = tracing_subscriber::fmt()
                .with_env_filter(tracing_subscriber::EnvFilter::new(filter))
                .with_ansi(false)
                .with_writer(move || writer.clone())
                .finish();
            let _guard = tracing::subscriber::set_default(subscriber);
            let fails = get(async || tracing::error!("a call failed"));
            let router: Router = Router::new().route("/", fails).layer(from_fn_with_state(Edge::system(), give));
            let response = router.oneshot(Request::new(Body::empty())).await.unwrap();
            let id = response.headers()[HEADER].to_str().unwrap().to_owned();
            let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
            let line = text.lines().find(|line| line.contains("a call failed")).unwrap();
            assert!(line.contains(&id), "{filter}: {line}");
        }
    }
}
