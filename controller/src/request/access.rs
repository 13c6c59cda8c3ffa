//! What the installed system is given besides a password: cloud-init's data, and keys that may log in.

use super::fields::{Fault, array, text};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use ssh_key::{Algorithm, PublicKey};
use std::fmt;
use zeroize::Zeroizing;

/// The family's limit, before encoding.
const MAX_USER_DATA_BYTES: usize = 32 << 10;
/// Keys of one instance.
const MAX_SSH_KEYS: usize = 10;
/// An RSA key of 16384 bits has some 2,800 characters.
const MAX_SSH_KEY_CHARS: usize = 4096;

/// What cloud-init is given. It may be secret: no `Debug` shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct UserData(Zeroizing<Vec<u8>>);

impl UserData {
    /// As the tenant gave it, decoded.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Base64, with or without line breaks; blank: none.
    pub(super) fn from_json(value: Value) -> Result<Option<Self>, Fault> {
        let mut encoded = Zeroizing::new(text(value)?);
        encoded.retain(|c| !c.is_ascii_whitespace());
        if encoded.is_empty() {
            return Ok(None);
        }
        // Looked at before it is decoded: a third more than what it holds.
        let too_long = || Fault::secret(format!("must have at most {MAX_USER_DATA_BYTES} bytes before base64"));
        if encoded.len() > MAX_USER_DATA_BYTES.div_ceil(3) * 4 {
            return Err(too_long());
        }
        let bytes = STANDARD.decode(encoded.as_bytes()).map_err(|_| Fault::secret("must be base64 (RFC 4648 §4)"))?;
        if bytes.len() > MAX_USER_DATA_BYTES { Err(too_long()) } else { Ok(Some(Self(Zeroizing::new(bytes)))) }
    }
}

impl fmt::Debug for UserData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserData({} bytes)", self.0.len())
    }
}

/// At most 10 OpenSSH public keys, each on one line and without options, as they are written into `authorized_keys`.
pub(super) fn ssh_keys(value: Value) -> Result<Vec<String>, Fault> {
    array(value, 0, MAX_SSH_KEYS)?.into_iter().map(ssh_key).collect()
}

fn ssh_key(value: Value) -> Result<String, Fault> {
    let line = text(value)?;
    let line = line.trim();
    let rule = "must be OpenSSH public keys, such as 'ssh-ed25519 AAAA… name', without options";
    if line.chars().count() > MAX_SSH_KEY_CHARS || line.chars().any(char::is_control) {
        return Err(Fault::new(rule, line));
    }
    let key: PublicKey = line.parse().map_err(|_| Fault::new(rule, line))?;
    if matches!(key.algorithm(), Algorithm::Dsa) {
        return Err(Fault::new("must not be DSA keys, which no OpenSSH takes any more", line));
    }
    key.to_openssh().map_err(|_| Fault::new(rule, line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA me@home";

    #[test]
    fn user_data_is_base64_of_at_most_32_kib() {
        let encoded = |len: usize| json!(STANDARD.encode(vec![b'x'; len]));
        for (given, bytes) in [
            (json!(""), Some(0)),
            (json!("I2Nsb3VkLWNvbmZpZwo="), Some(14)),
            (json!("I2Nsb3Vk\r\nLWNvbmZpZwo=\n"), Some(14)),
            (encoded(32 << 10), Some(32 << 10)),
            (encoded((32 << 10) + 1), None),
            (json!("no base64!"), None),
            (json!(["I2Nsb3Vk"]), None),
        ] {
            let got = UserData::from_json(given);
            assert_eq!(got.map(|data| data.map_or(0, |data| data.bytes().len())).ok(), bytes);
        }
        let secret = UserData::from_json(json!("SGlkZGVu")).unwrap().unwrap();
        assert!(!format!("{secret:?}").contains("Hidden"));
    }

    /// Made by OpenSSH's own tool, of every kind that it makes.
    #[test]
    fn keys_of_every_kind_are_taken_as_ssh_keygen_makes_them() {
        let dir = tempfile::tempdir().unwrap();
        for kind in ["ed25519", "rsa", "ecdsa"] {
            let path = dir.path().join(kind);
            let mut command = std::process::Command::new("ssh-keygen");
            command.args(["-q", "-N", "", "-C", "some one", "-t", kind, "-f"]).arg(&path);
            assert!(command.status().unwrap().success());
            let line = std::fs::read_to_string(path.with_extension("pub")).unwrap();
            assert_eq!(ssh_key(json!(line)).unwrap(), line.trim(), "{kind}");
        }
    }

    #[test]
    fn what_is_no_key_or_more_than_one_is_refused() {
        assert_eq!(ssh_keys(json!([KEY])).unwrap(), [KEY]);
        for bad in [
            json!("text"),
            json!([""]),
            json!(["ssh-ed25519"]),
            json!(["ssh-ed25519 AAAA"]),
            json!([format!("{KEY}\n{KEY}")]),
            json!([format!("command=\"reboot\" {KEY}")]),
            json!([format!("ssh-rsa{}", &KEY[11..])]),
            json!([1]),
            json!(vec![KEY; 11]),
        ] {
            assert!(ssh_keys(bad.clone()).is_err(), "{bad}");
        }
    }
}
