//! Cipher suites, IPMI v2.0 §22.15.2, and their key derivation, §13.31, §13.32.

use hmac::{Hmac, Mac};
use zeroize::Zeroizing;

/// A cipher suite. There is none below 3 here: those leave out encryption or integrity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bmc) enum Suite {
    /// 17: RAKP-HMAC-SHA256, HMAC-SHA256-128, AES-CBC-128.
    Sha256,
    /// 3: RAKP-HMAC-SHA1, HMAC-SHA1-96, AES-CBC-128.
    Sha1,
}

impl Suite {
    /// Authentication, integrity, confidentiality algorithm (tables 13-17 to 13-19).
    pub(super) fn algorithms(self) -> [u8; 3] {
        match self {
            Self::Sha256 => [3, 4, 1],
            Self::Sha1 => [1, 1, 1],
        }
    }

    /// Length of the codes in RAKP 2 and 3.
    pub(super) fn mac_bytes(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha1 => 20,
        }
    }

    /// Length of the code in RAKP 4 and at the end of each packet.
    pub(super) fn short_mac_bytes(self) -> usize {
        match self {
            Self::Sha256 => 16,
            Self::Sha1 => 12,
        }
    }

    /// The keyed hash of the parts, one after the other.
    pub(super) fn mac(self, key: &[u8], parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
        fn run<M: Mac + hmac::digest::KeyInit>(key: &[u8], parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
            let mut mac = <M as Mac>::new_from_slice(key).expect("HMAC takes keys of any length");
            parts.iter().for_each(|part| mac.update(part));
            Zeroizing::new(mac.finalize().into_bytes().to_vec())
        }
        match self {
            Self::Sha256 => run::<Hmac<sha2::Sha256>>(key, parts),
            Self::Sha1 => run::<Hmac<sha1::Sha1>>(key, parts),
        }
    }
}

/// The keys of a session.
pub(super) struct Keys {
    /// K1: integrity.
    pub(super) integrity: Zeroizing<Vec<u8>>,
    /// The first 16 bytes of K2: confidentiality.
    pub(super) aes: Zeroizing<[u8; 16]>,
}

impl Keys {
    /// K1 and K2 from the session integrity key (§13.32).
    pub(super) fn derive(suite: Suite, sik: &[u8]) -> Self {
        let second = suite.mac(sik, &[&[2; 20]]);
        let mut aes = Zeroizing::new([0; 16]);
        aes.copy_from_slice(&second[..16]);
        Self { integrity: suite.mac(sik, &[&[1; 20]]), aes }
    }
}
