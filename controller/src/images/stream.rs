//! A stream of byte buffers, as a request's body is, read as bytes.

use bytes::Bytes;
use futures_util::Stream;
use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, ReadBuf};

/// Reads a stream of [`Bytes`]; its errors become [`io::Error`]s.
#[derive(Debug)]
pub struct StreamReader<S> {
    stream: S,
    rest: Bytes,
}

impl<S> StreamReader<S> {
    /// Reads from `stream`.
    pub fn new(stream: S) -> Self {
        Self { stream, rest: Bytes::new() }
    }
}

impl<S, E> AsyncRead for StreamReader<S>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // An empty buffer in the middle of a stream is not its end.
        while self.rest.is_empty() {
            match ready!(Pin::new(&mut self.stream).poll_next(context)) {
                Some(Ok(bytes)) => self.rest = bytes,
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                None => return Poll::Ready(Ok(())),
            }
        }
        let length = self.rest.len().min(buffer.remaining());
        buffer.put_slice(&self.rest.split_to(length));
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    #[tokio::test]
    async fn buffers_are_read_one_after_the_other_and_empty_ones_do_not_end_them() {
        let parts = ["ab", "", "cde"].map(|text| Ok::<_, io::Error>(Bytes::from_static(text.as_bytes())));
        let mut reader = StreamReader::new(futures_util::stream::iter(parts));
        let mut two = [0; 2];
        reader.read_exact(&mut two[..1]).await.unwrap();
        let mut rest = String::new();
        reader.read_to_string(&mut rest).await.unwrap();
        assert_eq!((two[0], rest.as_str()), (b'a', "bcde"));
    }

    #[tokio::test]
    async fn an_error_of_the_stream_is_an_error_of_the_reader() {
        let parts = [Ok(Bytes::from_static(b"a")), Err("connection reset")];
        let mut reader = StreamReader::new(futures_util::stream::iter(parts));
        let error = reader.read_to_end(&mut Vec::new()).await.unwrap_err();
        assert_eq!(error.to_string(), "connection reset");
    }
}
