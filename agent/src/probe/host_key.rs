//! An Ed25519 host key's public half, as OpenSSH writes it.

use super::wire::{Reader, put_string};
use base64::{Engine, engine::general_purpose::STANDARD, engine::general_purpose::STANDARD_NO_PAD};
use std::{fmt, str::FromStr};

/// The only type (RFC 8709).
pub(super) const ALGORITHM: &[u8] = b"ssh-ed25519";
/// A line is never longer, comment included.
const MAX_LINE_BYTES: usize = 1024;

/// An Ed25519 public key. Parses and prints `ssh-ed25519 AAAA…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HostKey([u8; 32]);

/// A text is no Ed25519 host key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("read the SSH host key: expected \"ssh-ed25519 AAAA…\"")]
pub struct HostKeyError;

impl HostKey {
    /// A key from its 32 bytes (RFC 8032 §5.1.5).
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The form on the wire (RFC 8709 §4).
    pub(super) fn blob(&self) -> Vec<u8> {
        let mut blob = Vec::new();
        put_string(&mut blob, ALGORITHM);
        put_string(&mut blob, &self.0);
        blob
    }

    pub(super) fn from_blob(blob: &[u8]) -> Option<Self> {
        let mut reader = Reader(blob);
        let right = reader.string()? == ALGORITHM;
        let key = Self(reader.string()?.try_into().ok()?);
        (right && reader.0.is_empty()).then_some(key)
    }

    /// `SHA256:…`, as `ssh-keygen -l` prints it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let digest = ring::digest::digest(&ring::digest::SHA256, &self.blob());
        format!("SHA256:{}", STANDARD_NO_PAD.encode(digest))
    }
}

impl FromStr for HostKey {
    type Err = HostKeyError;

    fn from_str(text: &str) -> Result<Self, HostKeyError> {
        let mut words = text.split_ascii_whitespace();
        let (Some("ssh-ed25519"), Some(blob)) = (words.next(), words.next()) else { return Err(HostKeyError) };
        if text.len() > MAX_LINE_BYTES {
            return Err(HostKeyError);
        }
        let blob = STANDARD.decode(blob).map_err(|_| HostKeyError)?;
        Self::from_blob(&blob).ok_or(HostKeyError)
    }
}

impl fmt::Display for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ssh-ed25519 {}", STANDARD.encode(self.blob()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Written by `ssh-keygen -t ed25519`, named by `ssh-keygen -lf` (OpenSSH 9.2).
    const LINE: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFKAoMx/gB+cjOJMaYrvzf7cICdPxdYpzn5yoMkXatdQ sample";
    const FINGERPRINT: &str = "SHA256:FaZziHH0BV8EIPMK23mdr4Zt35zd5eKrWKL4P8cS3bQ";

    #[test]
    fn a_key_of_ssh_keygen_is_read_printed_and_named_as_it_does() {
        let key: HostKey = LINE.parse().unwrap();
        assert_eq!(key.fingerprint(), FINGERPRINT);
        assert_eq!(Some(key.to_string().as_str()), LINE.rsplit_once(' ').map(|(key, _comment)| key));
    }

    #[test]
    fn other_keys_and_rubbish_are_refused() {
        let rsa = LINE.replace("ssh-ed25519", "ssh-rsa");
        let cut = LINE.replace("AAAAC3", "AAAAC");
        for text in ["", "ssh-ed25519", "ssh-ed25519 AAAA", &rsa, &cut, "ssh-ed25519 !!!!"] {
            assert_eq!(text.parse::<HostKey>(), Err(HostKeyError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(bytes: [u8; 32]) {
            let key = HostKey::from_bytes(bytes);
            prop_assert_eq!(key.to_string().parse(), Ok(key));
        }

        #[test]
        fn no_text_makes_it_panic(text in "(ssh-ed25519 )?[A-Za-z0-9+/= ]{0,80}") {
            let _ = text.parse::<HostKey>();
        }
    }
}
