//! Why a call did not succeed.

use crate::cli::text;
use reqwest::{StatusCode, header::HeaderMap};
use serde::Deserialize;
use std::{fmt, time::Duration};

/// No refusal's message needs more on a terminal.
const MAX_MESSAGE_CHARS: usize = 2000;

/// Why a call did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The call needs a project.
    #[error("choose a project: give --project, BILLET_PROJECT or 'project' in config.toml")]
    NoProject,
    /// No connection, no trust in it, no answer in time, or it broke off.
    #[error("reach the controller at {endpoint}")]
    Unreachable {
        /// Where.
        endpoint: String,
        /// Why; its text has no token.
        #[source]
        source: reqwest::Error,
    },
    /// The time for an upload was over.
    #[error("upload {size_bytes} bytes within {} s (give more by --timeout)", timeout.as_secs())]
    Upload {
        /// Size of the image.
        size_bytes: u64,
        /// How long it could take.
        timeout: Duration,
        /// What was seen of it.
        #[source]
        source: reqwest::Error,
    },
    /// The controller answered with an error.
    #[error("{0}")]
    Refused(Refusal),
    /// Not the controller's way to answer.
    #[error("understand the controller's answer to {call}: {why}")]
    Garbled {
        /// Method and path.
        call: String,
        /// For a person.
        why: String,
    },
}

/// When a call may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// After at least that time.
    After(Duration),
    /// It would fail again.
    Never,
}

impl ClientError {
    /// When a call that reads may be repeated.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Unreachable { .. } => Retry::After(Duration::ZERO),
            Self::Refused(refusal) if refusal.status == 429 || refusal.status >= 500 => {
                Retry::After(refusal.retry_after.unwrap_or_default())
            }
            Self::NoProject | Self::Upload { .. } | Self::Refused(_) | Self::Garbled { .. } => Retry::Never,
        }
    }

    /// Whether what the call names does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.status == 404)
    }
}

/// The controller's no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// Such as `iMetal.0001`; `HTTP 502` where another than the controller answered.
    pub code: String,
    /// Field, rule and value.
    pub message: String,
    /// To be found in the controller's log.
    pub request_id: Option<String>,
    /// By its Retry-After, at most a minute.
    pub retry_after: Option<Duration>,
}

#[derive(Deserialize)]
struct Body {
    error_code: String,
    #[serde(default)]
    error_msg: String,
}

impl Refusal {
    /// Reads an answer whose status is an error.
    pub(super) fn read(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let (code, message) = match serde_json::from_slice::<Body>(body) {
            Ok(body) => (body.error_code, body.error_msg),
            // A gateway between us, or a 429 in the family's untyped form.
            Err(_) => (format!("HTTP {}", status.as_u16()), String::from_utf8_lossy(body).trim().to_owned()),
        };
        let reason = || status.canonical_reason().unwrap_or("no reason given").to_owned();
        let message: String = Some(message).filter(|text| !text.is_empty()).unwrap_or_else(reason);
        Self {
            status: status.as_u16(),
            code,
            message: message.chars().take(MAX_MESSAGE_CHARS).collect(),
            request_id: header("x-request-id").map(str::to_owned),
            retry_after: header("retry-after")
                .and_then(|text| text.parse().ok())
                .map(|seconds: u64| Duration::from_secs(seconds.min(60))),
        }
    }
}

/// `iMetal.0001: … (request id …)`.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", text::plain(&self.code), text::plain(&self.message))?;
        match &self.request_id {
            Some(id) => write!(f, " (request id {})", text::plain(id)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    #[test]
    fn a_refusal_reads_as_the_controller_put_it() {
        let mut headers = HeaderMap::new();
        headers.insert("x-request-id", HeaderValue::from_static("r-1"));
        headers.insert("retry-after", HeaderValue::from_static("7"));
        for (status, body, text) in [
            (400, &br#"{"error_code":"iMetal.0001","error_msg":"name: too long"}"#[..], "iMetal.0001: name: too long"),
            (429, b"slow down\n", "HTTP 429: slow down"),
            (502, b"<html>\x1b[2J", "HTTP 502: <html>?[2J"),
            (500, b"", "HTTP 500: Internal Server Error"),
            (500, br#"{"error_code":"iMetal.0099"}"#, "iMetal.0099: Internal Server Error"),
        ] {
            let refusal = Refusal::read(StatusCode::from_u16(status).unwrap(), &headers, body);
            assert_eq!(refusal.to_string(), format!("{text} (request id r-1)"));
            assert_eq!(refusal.retry_after, Some(Duration::from_secs(7)));
        }
    }

    #[test]
    fn only_what_may_pass_by_itself_is_tried_again() {
        for (status, again) in [(400, false), (401, false), (404, false), (429, true), (500, true), (503, true)] {
            let refusal = Refusal::read(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), b"");
            assert_eq!(ClientError::Refused(refusal).retry() != Retry::Never, again, "{status}");
        }
    }
}
