//! The join token: one line that an operator carries from the controller to a new agent.
//!
//! `billet-join-v1.` and base64url (RFC 4648 §5, no padding) of a JSON object. It holds a secret that is
//! good for one enrolment, and the certificate authority that the agent trusts from then on.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What every token of this version begins with.
pub const PREFIX: &str = "billet-join-v1.";
/// Longer than any token: a certificate has about 1 KiB.
pub const MAX_TOKEN_BYTES: usize = 64 << 10;

/// What a token says.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JoinToken {
    /// PEM of the controller's certificate authority.
    pub ca_pem: String,
    /// Single-use secret.
    pub secret: String,
    /// The agent's name.
    pub name: String,
}

/// Why a text is not a join token. It never repeats the text, which may be a secret.
#[derive(Debug, thiserror::Error)]
pub enum JoinTokenError {
    /// Another beginning.
    #[error("read the join token: it does not begin with '{PREFIX}'")]
    Prefix,
    /// Cut off, or changed on the way.
    #[error("read the join token: it is not complete")]
    Damaged,
    /// More than [`MAX_TOKEN_BYTES`].
    #[error("read the join token: it has {0} bytes, more than {MAX_TOKEN_BYTES}")]
    Long(usize),
}

impl JoinToken {
    /// The one line, without a newline. It is a secret.
    pub fn encode(&self) -> String {
        let json = serde_json::to_vec(self).expect("three texts have a JSON form");
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(json))
    }

    /// Reads a token; white space around it is ignored.
    ///
    /// # Errors
    /// When it is not a whole token of this version.
    pub fn decode(text: &str) -> Result<Self, JoinTokenError> {
        let text = text.trim();
        if text.len() > MAX_TOKEN_BYTES {
            return Err(JoinTokenError::Long(text.len()));
        }
        let body = text.strip_prefix(PREFIX).ok_or(JoinTokenError::Prefix)?;
        // The causes would show parts of the text.
        let json = URL_SAFE_NO_PAD.decode(body).map_err(|_| JoinTokenError::Damaged)?;
        serde_json::from_slice(&json).map_err(|_| JoinTokenError::Damaged)
    }
}

impl fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinToken").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn token() -> JoinToken {
        JoinToken { ca_pem: "-----BEGIN".into(), secret: "s3cret".into(), name: "rack-1".into() }
    }

    /// The body by `printf '{"ca_pem":"-----BEGIN","secret":"s3cret","name":"rack-1"}' | base64`, made URL-safe.
    const GOLDEN: &str =
        concat!("billet-join-v1.", "eyJjYV9wZW0iOiItLS0tLUJFR0lOIiwic2VjcmV0IjoiczNjcmV0IiwibmFtZSI6InJhY2stMSJ9");

    #[test]
    fn a_token_has_the_documented_form() {
        assert_eq!(token().encode(), GOLDEN);
        assert_eq!(JoinToken::decode(&format!("  {GOLDEN}\n")).unwrap(), token());
    }

    #[test]
    fn what_is_not_a_whole_token_is_refused_without_repeating_it() {
        let cut = &GOLDEN[..GOLDEN.len() - 5];
        let unknown = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(r#"{"ca_pem":"","secret":"","name":"","x":1}"#));
        let long = format!("{PREFIX}{}", "A".repeat(MAX_TOKEN_BYTES));
        for bad in ["", "billet-join-v2.abc", PREFIX, cut, &unknown, &long] {
            let error = JoinToken::decode(bad).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
        }
    }

    #[test]
    fn debug_does_not_show_the_secret() {
        assert_eq!(format!("{:?}", token()), r#"JoinToken { name: "rack-1", .. }"#);
    }

    proptest! {
        #[test]
        fn decoding_what_was_encoded_is_the_identity(ca_pem in ".*", secret in ".*", name in ".*") {
            let token = JoinToken { ca_pem, secret, name };
            prop_assert_eq!(JoinToken::decode(&token.encode()).unwrap(), token);
        }
        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,80}") {
            let _ = JoinToken::decode(&text);
            let _ = JoinToken::decode(&format!("{PREFIX}{text}"));
        }
    }
}
