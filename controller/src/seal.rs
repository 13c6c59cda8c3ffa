//! Secrets at rest: AES-256-GCM-SIV, with the row as associated data.

use serde::{Deserialize, Serialize};

/// A sealed value: key id, nonce and ciphertext. It opens only in the row it was sealed for.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed(pub Vec<u8>);

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}
