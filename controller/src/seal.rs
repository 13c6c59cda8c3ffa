//! Secrets at rest: AES-256-GCM-SIV (RFC 8452), with the row as associated data.
//!
//! Invariants: a value opens only in the row it was sealed for and only with the key it was sealed with. No
//! `Debug` and no error shows a key or a plain text. Nonces are random; GCM-SIV keeps its promise even when one
//! comes twice, as after a virtual machine's snapshot was restored.

pub(crate) mod file;
mod key;

pub use key::KeyError;

use crate::clock::Entropy;
use aes_gcm_siv::{
    Aes256GcmSiv, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use hmac::{Hmac, Mac};
use key::{KEY_ID_BYTES, MasterKey};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::{path::Path, sync::Arc};
use zeroize::Zeroizing;

const NONCE_BYTES: usize = 12;

/// A sealed value: key id (4 bytes), nonce (12 bytes) and ciphertext. It opens only in the row it was sealed for.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed(pub Vec<u8>);

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

/// Seals and opens values with the master key.
#[derive(Clone)]
pub struct Sealer {
    /// The first seals; the others only open what was sealed before a rotation.
    keys: Arc<[MasterKey]>,
    entropy: Arc<dyn Entropy>,
}

/// Why a value does not open. It does not say more, because a forger would learn from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Sealed with a key that is not in the key file.
    #[error("open a sealed value: its key is not in the key file")]
    UnknownKey,
    /// Shorter than any sealed value, changed, or sealed for another row.
    #[error("open a sealed value: it was changed, or belongs to another row")]
    Forged,
}

impl Sealer {
    /// Reads the master key from `$CREDENTIALS_DIRECTORY/master-key` (systemd's `LoadCredential=`) where that file is,
    /// else from `path`; where neither is, makes a key and writes it to `path` with mode 0600.
    ///
    /// A key is 64 hexadecimal digits on a line. To rotate, put a new key on a line *before* the old one.
    ///
    /// # Errors
    /// When the file cannot be read or written, others may read it, or it holds anything but keys.
    pub fn load_or_create(path: &Path, entropy: &Arc<dyn Entropy>) -> Result<Self, KeyError> {
        let credential = std::env::var_os("CREDENTIALS_DIRECTORY").map(|folder| Path::new(&folder).join("master-key"));
        let keys = key::load_or_create(credential.as_deref(), path, &**entropy)?;
        Ok(Self { keys: keys.into(), entropy: Arc::clone(entropy) })
    }

    /// A MAC of `text` under a key of its own for each `label`: HMAC-SHA256, keyed by an HMAC of the label.
    pub fn mac(&self, label: &str, text: &[u8]) -> [u8; 32] {
        let key = self.keys.first().expect("a key file without keys is refused when it is read");
        labelled(key, label, text).finalize().into_bytes().into()
    }

    /// Whether it is, under any of the keys; takes the same time for each wrong one.
    pub fn is_mac(&self, label: &str, text: &[u8], mac: &[u8; 32]) -> bool {
        self.keys.iter().any(|key| labelled(key, label, text).verify(mac.into()).is_ok())
    }

    /// Seals `plain` for the row that `row` names, such as `instance/ID/password_hash`.
    pub fn seal(&self, row: &str, plain: &[u8]) -> Sealed {
        let key = self.keys.first().expect("a key file without keys is refused when it is read");
        let mut nonce = [0; NONCE_BYTES];
        self.entropy.fill(&mut nonce);
        let payload = Payload { msg: plain, aad: row.as_bytes() };
        let ciphertext = cipher(key)
            .encrypt(Nonce::from_slice(&nonce), payload)
            .expect("GCM-SIV refuses only texts of more than 64 GiB");
        Sealed([&key.id()[..], &nonce, &ciphertext].concat())
    }

    /// Opens what was sealed for the same row. The plain text is wiped when it is dropped.
    ///
    /// # Errors
    /// When the key is unknown, or the value was changed or belongs to another row.
    pub fn open(&self, row: &str, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (id, rest) = sealed.0.split_at_checked(KEY_ID_BYTES).ok_or(OpenError::Forged)?;
        let (nonce, ciphertext) = rest.split_at_checked(NONCE_BYTES).ok_or(OpenError::Forged)?;
        let key = self.keys.iter().find(|key| key.id() == id).ok_or(OpenError::UnknownKey)?;
        let payload = Payload { msg: ciphertext, aad: row.as_bytes() };
        let plain = cipher(key).decrypt(Nonce::from_slice(nonce), payload).map_err(|_| OpenError::Forged)?;
        Ok(Zeroizing::new(plain))
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer")
    }
}

/// The master key is never used for an HMAC of foreign text itself.
fn labelled(key: &MasterKey, label: &str, text: &[u8]) -> Hmac<Sha256> {
    let mac = |key: &[u8]| <Hmac<Sha256> as Mac>::new_from_slice(key).expect("an HMAC takes keys of any length");
    let derived = mac(key.bytes()).chain_update("billet mac key\0").chain_update(label).finalize().into_bytes();
    mac(&derived).chain_update(text)
}

fn cipher(key: &MasterKey) -> Aes256GcmSiv {
    Aes256GcmSiv::new(key.bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemEntropy;
    use proptest::prelude::*;

    const ROW: &str = "instance/1/password_hash";

    fn sealer() -> Sealer {
        let folder = tempfile::tempdir().unwrap();
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        Sealer::load_or_create(&folder.path().join("key"), &entropy).unwrap()
    }

    #[test]
    fn a_value_opens_in_its_own_row_only() {
        let sealer = sealer();
        let sealed = sealer.seal(ROW, b"$6$salt$hash");
        assert_eq!(**sealer.open(ROW, &sealed).unwrap(), *b"$6$salt$hash");
        assert_eq!(sealer.open("instance/2/password_hash", &sealed), Err(OpenError::Forged));
    }

    #[test]
    fn the_plain_text_is_not_in_the_sealed_value_and_two_seals_differ() {
        let sealer = sealer();
        let (one, two) = (sealer.seal(ROW, b"plain text"), sealer.seal(ROW, b"plain text"));
        assert!(!one.0.windows(10).any(|window| window == b"plain text"));
        assert_ne!(one, two);
    }

    #[test]
    fn a_change_of_any_byte_is_noticed() {
        let sealer = sealer();
        let sealed = sealer.seal(ROW, b"x");
        for index in 0..sealed.0.len() {
            let mut changed = sealed.clone();
            changed.0[index] ^= 1;
            assert!(sealer.open(ROW, &changed).is_err(), "byte {index}");
        }
    }

    #[test]
    fn a_mac_is_of_its_key_its_label_and_its_text() {
        let (one, other) = (sealer(), sealer());
        let mac = one.mac("a", b"text");
        assert!(one.is_mac("a", b"text", &mac));
        assert!(
            !one.is_mac("b", b"text", &mac) && !one.is_mac("a", b"texT", &mac) && !other.is_mac("a", b"text", &mac)
        );
    }

    #[test]
    fn another_key_does_not_open() {
        assert_eq!(sealer().open(ROW, &sealer().seal(ROW, b"x")), Err(OpenError::UnknownKey));
    }

    /// RFC 8452 appendix C.2, AEAD_AES_256_GCM_SIV: the example with 8 bytes of plain text and 1 byte of data.
    #[test]
    fn the_cipher_is_that_of_rfc_8452() {
        let mut key = [0; 32];
        key[0] = 1;
        let mut nonce = [0; NONCE_BYTES];
        nonce[0] = 3;
        let plain = hex::decode("0200000000000000").unwrap();
        let got = Aes256GcmSiv::new(&key.into())
            .encrypt(Nonce::from_slice(&nonce), Payload { msg: &plain, aad: &[1] })
            .unwrap();
        assert_eq!(hex::encode(got), "1de22967237a813291213f267e3b452f02d01ae33e4ec854");
    }

    #[test]
    fn debug_shows_neither_key_nor_value() {
        let sealer = sealer();
        let text = format!("{sealer:?} {:?}", sealer.seal(ROW, b"x"));
        assert_eq!(text, "Sealer Sealed(33 bytes)");
    }

    proptest! {
        #[test]
        fn no_bytes_make_open_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(sealer().open(ROW, &Sealed(bytes)).is_err());
        }
    }
}
