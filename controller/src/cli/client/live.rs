//! An instance's timeline as it happens: server-sent events (WHATWG HTML §9.2).

use super::{Client, ClientError, Event, Refusal, call::Call};
use billet_proto::InstanceId;
use reqwest::{
    Method, Response, StatusCode,
    header::{ACCEPT, CONTENT_TYPE},
};
use std::time::Duration;
use tokio::time::timeout;

const STREAM: &str = "text/event-stream";
/// The controller says something each 15 s; whoever is silent for three times as long is gone.
const SILENCE: Duration = Duration::from_secs(45);
/// Far beyond any event.
const MAX_PENDING_BYTES: usize = 1 << 20;

/// What came of asking for a stream.
#[derive(Debug)]
pub enum Opened {
    /// It is open.
    Live(Box<Live>),
    /// Not at this moment: the caller has as many as it may.
    Full,
    /// There are no streams there.
    Not,
}

/// An open stream.
#[derive(Debug)]
pub struct Live {
    response: Response,
    call: Call,
    endpoint: String,
    pending: Vec<u8>,
}

impl Client {
    /// Opens the stream of events after the one numbered `after`.
    ///
    /// # Errors
    /// When the call does not succeed.
    pub async fn live_events(&self, id: InstanceId, after: u64) -> Result<Opened, ClientError> {
        let mut url = self.project_url(&["instances", &id.to_string(), "events"])?;
        url.query_pairs_mut().append_pair("after", &after.to_string());
        let call = Call::new(&Method::GET, &url);
        let mut request = self.request(Method::GET, url).header(ACCEPT, STREAM);
        if after > 0 {
            request = request.header("last-event-id", after);
        }
        // Only until it begins: how long it goes on nobody knows.
        let Ok(response) = timeout(self.answer_timeout, request.send()).await else { return Ok(Opened::Full) };
        let response = response.map_err(|source| self.unreachable(source))?;
        let status = response.status();
        let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        match status {
            StatusCode::OK if kind.starts_with(STREAM) => Ok(Opened::Live(Box::new(Live {
                response,
                call,
                endpoint: self.endpoint.to_string(),
                pending: Vec::new(),
            }))),
            StatusCode::TOO_MANY_REQUESTS => Ok(Opened::Full),
            _ if status.is_success() || status == StatusCode::NOT_ACCEPTABLE => Ok(Opened::Not),
            _ => {
                let headers = response.headers().clone();
                let body = timeout(self.answer_timeout, self.body(response, &call)).await;
                let body = body.unwrap_or_else(|_| Ok(Vec::new()))?;
                Err(ClientError::Refused(Refusal::read(status, &headers, &body)))
            }
        }
    }
}

impl Live {
    /// The next events; an empty list for a sign of life; none when the stream ended.
    ///
    /// # Errors
    /// When it broke off, or something else than events came.
    pub async fn next(&mut self) -> Result<Option<Vec<Event>>, ClientError> {
        loop {
            if let Some(end) = ends(&self.pending) {
                let whole: Vec<u8> = self.pending.drain(..end).collect();
                return read(&whole, &self.call).map(Some);
            }
            if self.pending.len() > MAX_PENDING_BYTES {
                return Err(self.call.garbled(format!("an event has more than {MAX_PENDING_BYTES} bytes")));
            }
            let Ok(chunk) = timeout(SILENCE, self.response.chunk()).await else { return Ok(None) };
            let broken = |source: reqwest::Error| ClientError::Unreachable {
                endpoint: self.endpoint.clone(),
                source: source.without_url(),
            };
            match chunk.map_err(broken)? {
                Some(bytes) => self.pending.extend_from_slice(&bytes),
                None => return Ok(None),
            }
        }
    }
}

/// Where the last whole event ends.
fn ends(pending: &[u8]) -> Option<usize> {
    pending.windows(2).rposition(|pair| pair == b"\n\n").map(|at| at + 2)
}

/// The controller writes an event's document on one `data` line.
fn read(whole: &[u8], call: &Call) -> Result<Vec<Event>, ClientError> {
    let data = whole.split(|byte| *byte == b'\n').filter_map(|line| line.strip_prefix(b"data:"));
    data.map(|line| call.parse(line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_taken_when_they_are_whole() {
        let url = "http://h/".parse().unwrap();
        let call = Call::new(&Method::GET, &url);
        let text = b": still here\n\nid: 7\nevent: note\ndata: {\"seq\":7,\"at\":\"T\",\"kind\":\"note\"}\n\nid: 8\nda";
        let end = ends(text).unwrap();
        assert_eq!(&text[end..], b"id: 8\nda");
        let events = read(&text[..end], &call).unwrap();
        assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), [7]);
        assert!(read(b": still here\n\n", &call).unwrap().is_empty());
        assert!(matches!(read(b"data: x\n\n", &call), Err(ClientError::Garbled { .. })));
        assert_eq!(ends(b"data: x\n"), None);
    }
}
