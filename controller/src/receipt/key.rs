//! The controller's key for receipts: `receipt.key` in the state folder, PKCS#8 as RFC 8410 §7 has it.

use super::jws::{self, PublicKey};
use crate::{clock::Entropy, seal::file};
use base64::{Engine, engine::general_purpose::STANDARD};
use ring::signature::{Ed25519KeyPair, KeyPair};
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use std::{fmt, io, path::Path, path::PathBuf, sync::Arc};
use zeroize::Zeroizing;

/// All of a PKCS#8 Ed25519 key's DER before its 32 bytes (RFC 8410 §7).
const PKCS8_HEAD: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
/// Longer than any such file.
const MAX_FILE_BYTES: u64 = 4096;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptKeyError {
    /// The file cannot be read or written, or others may read it.
    #[error("use the receipts' key {path}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Something else than such a key.
    #[error("use the receipts' key {0}: it is no Ed25519 key in PKCS#8")]
    Unreadable(PathBuf),
}

/// Signs receipts; clones share the key.
#[derive(Clone)]
pub struct ReceiptKey {
    pair: Arc<Ed25519KeyPair>,
    public: PublicKey,
}

impl ReceiptKey {
    /// Reads the key; makes it at the first start, with mode 0600.
    ///
    /// # Errors
    /// When the file cannot be used, or others may read it.
    pub fn load_or_create(path: &Path, entropy: &dyn Entropy) -> Result<Self, ReceiptKeyError> {
        let failed = |source| ReceiptKeyError::File { path: path.to_owned(), source };
        let pem = match file::read_private(path, MAX_FILE_BYTES).map_err(failed)? {
            Some(pem) => pem,
            None => {
                let pem = new_key(entropy);
                file::create_private(path, pem.as_bytes()).map_err(failed)?;
                pem
            }
        };
        let unreadable = || ReceiptKeyError::Unreadable(path.to_owned());
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| unreadable())?;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der()).map_err(|_| unreadable())?;
        let public = PublicKey::new(pair.public_key().as_ref()).ok_or_else(unreadable)?;
        Ok(Self { pair: Arc::new(pair), public })
    }

    /// By which everybody can check.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// A JWS in compact form over `payload`.
    pub fn sign(&self, payload: &[u8]) -> String {
        jws::compact(&self.public, payload, |input| self.pair.sign(input).as_ref().to_vec())
    }
}

fn new_key(entropy: &dyn Entropy) -> Zeroizing<String> {
    let mut der = Zeroizing::new([0; 48]);
    der[..16].copy_from_slice(&PKCS8_HEAD);
    entropy.fill(&mut der[16..]);
    // 48 bytes are 64 characters: one line of PEM.
    let text = Zeroizing::new(STANDARD.encode(&der[..]));
    Zeroizing::new(format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", text.as_str()))
}

impl fmt::Debug for ReceiptKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReceiptKey").field(&self.public).finish()
    }
}
