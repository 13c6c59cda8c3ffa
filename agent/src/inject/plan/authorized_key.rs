//! A public key that may log in: one line of authorized_keys, without options.

use base64::{Engine, engine::general_purpose::STANDARD};
use std::{fmt, str::FromStr};

/// Types that OpenSSH writes (sshd(8), "AUTHORIZED_KEYS FILE FORMAT").
const TYPES: [&str; 7] = [
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];
/// sshd reads no longer line.
const MAX_BYTES: usize = 8 << 10;

/// A key; displayed as its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizedKey {
    key: String,
    comment: String,
}

/// A text is no such key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no OpenSSH public key, such as \"ssh-ed25519 AAAA… comment\" on one line, without options")]
pub struct AuthorizedKeyError;

impl AuthorizedKey {
    /// Type and key, without the comment: what makes two lines the same key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl FromStr for AuthorizedKey {
    type Err = AuthorizedKeyError;

    fn from_str(text: &str) -> Result<Self, AuthorizedKeyError> {
        let text = text.trim_matches(' ');
        // No control character: what follows a line's end would be a line of its own, with options of its own.
        if text.len() > MAX_BYTES || text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
            return Err(AuthorizedKeyError);
        }
        let mut words = text.splitn(3, ' ');
        let (kind, encoded) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let blob = STANDARD.decode(encoded).map_err(|_| AuthorizedKeyError)?;
        // RFC 4253 §6.6: the blob begins with the type, as a string.
        let length = blob.first_chunk::<4>().map(|bytes| u32::from_be_bytes(*bytes));
        let says = usize::try_from(length.unwrap_or_default()).ok().and_then(|length| blob.get(4..4 + length));
        if !TYPES.contains(&kind) || says != Some(kind.as_bytes()) || blob.len() <= 4 + kind.len() {
            return Err(AuthorizedKeyError);
        }
        let comment = words.next().unwrap_or_default().trim().to_owned();
        Ok(Self { key: format!("{kind} {encoded}"), comment })
    }
}

impl fmt::Display for AuthorizedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)?;
        if self.comment.is_empty() { Ok(()) } else { write!(f, " {}", self.comment) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by ssh-keygen.
    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJo0i19QdzVQANcwjKmXTz2Zg4KaqclRXNEdC7sKQgTg";

    #[test]
    fn a_key_is_one_line_without_options() {
        for good in [KEY.to_owned(), format!("{KEY} a@b"), format!("  {KEY}  two words ")] {
            let key: AuthorizedKey = good.parse().unwrap();
            assert_eq!(key.key(), KEY);
            assert_eq!(key.to_string().parse(), Ok(key));
        }
        for bad in [
            String::new(),
            "ssh-ed25519".into(),
            "ssh-ed25519 AAAA".into(),
            "ssh-ed25519 !!!!".into(),
            KEY.replace("ssh-ed25519 ", "ssh-rsa "),
            format!("command=\"true\" {KEY}"),
            format!("no-pty {KEY}"),
            format!("{KEY}\n{KEY}"),
            format!("{KEY} a\ncommand=\"x\" {KEY}"),
            format!("{KEY} a\rb"),
            format!("{KEY} a\0b"),
            format!("#{KEY}"),
            format!("{KEY} {}", "x".repeat(MAX_BYTES)),
        ] {
            assert_eq!(bad.parse::<AuthorizedKey>(), Err(AuthorizedKeyError), "{bad:?}");
        }
    }
}
