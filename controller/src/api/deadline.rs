//! No call takes longer, whatever its body does.

use super::error::ApiError;
use axum::{extract::Request, middleware::Next, response::Response};
use std::time::Duration;

/// Above the 30 s that a call for events may be held.
const DEADLINE: Duration = Duration::from_secs(60);

pub(super) async fn keep(request: Request, next: Next) -> Result<Response, ApiError> {
    tokio::time::timeout(DEADLINE, next.run(request)).await.map_err(|_| ApiError::Late(DEADLINE.as_secs()))
}
