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
    within(DEADLINE, body).await
}

async fn within(deadline: Duration, body: Body) -> Result<Bytes, ApiError> {
    let late = |_| ApiError::SlowBody(deadline.as_secs());
    tokio::time::timeout(deadline, gather(body)).await.map_err(late)?
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

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;
    use std::io;

    fn chunks(chunks: Vec<Result<Vec<u8>, io::Error>>) -> Body {
        Body::from_stream(stream::iter(chunks))
    }

    #[tokio::test]
    async fn a_body_is_whole_and_short_and_in_time_or_has_its_own_error() {
        let held = hold(&HeaderMap::new(), chunks(vec![Ok(vec![1; 7]), Ok(vec![2; 3])])).await.unwrap();
        assert_eq!(held.len(), 10);
        let full = || Ok(vec![0; MAX_BODY_BYTES]);
        assert!(hold(&HeaderMap::new(), chunks(vec![full()])).await.is_ok());
        let long = hold(&HeaderMap::new(), chunks(vec![full(), Ok(vec![0])])).await;
        assert!(matches!(long, Err(ApiError::TooLarge(_))));
        let broken =
            hold(&HeaderMap::new(), chunks(vec![Ok(vec![0]), Err(io::ErrorKind::ConnectionReset.into())])).await;
        assert!(matches!(broken, Err(ApiError::Body(_))));
        let never = Body::from_stream(stream::pending::<Result<Bytes, io::Error>>());
        let slow = within(Duration::from_millis(5), never).await;
        assert!(matches!(slow, Err(ApiError::SlowBody(_))));
    }
}
