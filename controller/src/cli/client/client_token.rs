//! `X-Client-Token`: with it a creation that is asked for again is done once.

use crate::clock::Edge;
use reqwest::header::HeaderValue;
use std::{fmt, str::FromStr};

/// As long as the controller takes.
const MAX_CHARS: usize = 64;

/// A token of one creation: 1 to 64 printable ASCII characters. It is no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientToken(String);

impl ClientToken {
    /// One that nobody had before.
    pub fn random() -> Self {
        Self(Edge::system().id().to_string())
    }

    pub(super) fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).expect("printable ASCII is a header's value")
    }
}

/// A text that is no such token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {MAX_CHARS} printable ASCII characters without blanks")]
pub struct ClientTokenError;

impl FromStr for ClientToken {
    type Err = ClientTokenError;
    fn from_str(text: &str) -> Result<Self, ClientTokenError> {
        let is_good = (1..=MAX_CHARS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_good.then(|| Self(text.to_owned())).ok_or(ClientTokenError)
    }
}

impl fmt::Display for ClientToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
