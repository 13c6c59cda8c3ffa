//! Bodies that are held in memory: whole, short, and in time, or an answer that says which they are not.

use super::error::ApiError;
use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, header},
};
use bytes::BytesMut;
use futures_util::StreamExt;
use std::time::Duration;

/// No body but an image's is longer.
pub(super) const MAX_BODY_BYTES: usize = 1 << 20;
/// A body comes within this: 1 MiB at 35 kB each second.
const DEADLINE: Duration = Duration::from_secs(30);

/// Reads all of it.
///
/// # Errors
/// When it is too long (known from its head where that says so), too slow, or breaks off.
pub(super) async fn hold(headers: &HeaderMap, body: Body) -> Result<Bytes, ApiError> {
    let said = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if said.and_then(|text| text.parse::<u64>().ok()).is_some_and(|length| length > MAX_BODY_BYTES as u64) {
        return Err(ApiError::TooLarge(MAX_BODY_BYTES));
    }
    let late = |_| ApiError::SlowBody(DEADLINE.as_secs());
    tokio::time::timeout(DEADLINE, gather(body)).await.map_err(late)?
}

async fn gather(body: Body) -> Result<Bytes, ApiError> {
    let mut stream = body.into_data_stream();
    let mut held = BytesMut::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| ApiError::Body("it broke off".into()))?;
        if held.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(ApiError::TooLarge(MAX_BODY_BYTES));
        }
        held.extend_from_slice(&chunk);
    }
    Ok(held.freeze())
}
