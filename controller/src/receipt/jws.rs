//! JWS in compact form with Ed25519: RFC 7515 §7.1, RFC 8037 §3.1; keys as JWK, RFC 8037 §2.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// What a receipt's header says it is (RFC 7515 §4.1.9), so that nothing else passes for one.
const TYPE: &str = "billet-receipt";
/// A receipt has about two kilobytes.
const MAX_BYTES: usize = 1 << 20;

/// The key by which a receipt is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

/// Why something is no receipt of that key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// Not three parts in base64url, or not JSON in them.
    #[error("read the receipt: {0}")]
    Form(&'static str),
    /// Another kind of signature, or another document.
    #[error("read the receipt: its header must say {wanted}, and says {found}")]
    Header {
        /// What it must say.
        wanted: &'static str,
        /// What it says.
        found: String,
    },
    /// Made with another key.
    #[error("check the receipt: it was made with the key {found}, and the given key is {given}")]
    OtherKey {
        /// The header's.
        found: String,
        /// The key's own.
        given: String,
    },
    /// Changed after it was signed, or never signed by that key.
    #[error("check the receipt: its signature is not that of the key")]
    Signature,
}

impl PublicKey {
    /// Of its 32 bytes.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Of a JWK.
    ///
    /// # Errors
    /// When it is no Ed25519 key.
    pub fn from_jwk(jwk: &Value) -> Result<Self, VerifyError> {
        let wrong = VerifyError::Form("the key must be a JWK with kty OKP, crv Ed25519 and x");
        if jwk["kty"] != "OKP" || jwk["crv"] != "Ed25519" {
            return Err(wrong);
        }
        let bytes = jwk["x"].as_str().and_then(|x| URL_SAFE_NO_PAD.decode(x).ok());
        bytes.and_then(|bytes| Self::new(&bytes)).ok_or(wrong)
    }

    /// As a JWK.
    pub fn jwk(&self) -> Value {
        json!({ "kty": "OKP", "crv": "Ed25519", "x": self.x(), "kid": self.id(), "use": "sig", "alg": "EdDSA" })
    }

    /// Its thumbprint (RFC 7638; the members by RFC 8037 §2).
    pub fn id(&self) -> String {
        let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, self.x());
        URL_SAFE_NO_PAD.encode(Sha256::digest(members))
    }

    fn x(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// The payload of a receipt that this key signed.
    ///
    /// # Errors
    /// When it is no receipt, or not this key's.
    pub fn verify(&self, compact: &str) -> Result<Value, VerifyError> {
        if compact.len() > MAX_BYTES {
            return Err(VerifyError::Form("it is too long"));
        }
        let (signed, signature) = compact.rsplit_once('.').ok_or(VerifyError::Form("it is no JWS in compact form"))?;
        let (header, payload) = signed.split_once('.').ok_or(VerifyError::Form("it is no JWS in compact form"))?;
        self.check(&json_of(header)?)?;
        let bytes = decoded(signature)?;
        UnparsedPublicKey::new(&ED25519, &self.0)
            .verify(signed.as_bytes(), &bytes)
            .map_err(|_| VerifyError::Signature)?;
        json_of(payload)
    }

    /// The algorithm is the key's and not the header's to choose (RFC 8725 §3.1).
    fn check(&self, header: &Value) -> Result<(), VerifyError> {
        for (field, wanted) in [("alg", "EdDSA"), ("typ", TYPE)] {
            if header[field] != wanted {
                return Err(VerifyError::Header { wanted, found: header[field].to_string() });
            }
        }
        // Extensions that must be understood: there are none (RFC 7515 §4.1.11).
        if header.get("crit").is_some() {
            return Err(VerifyError::Form("it has extensions that must be understood"));
        }
        let (found, given) = (header["kid"].as_str().unwrap_or_default(), self.id());
        if found != given {
            return Err(VerifyError::OtherKey { found: found.to_owned(), given });
        }
        Ok(())
    }
}

/// Header, payload and signature; `sign` is given what is signed (RFC 7515 §5.1).
pub(super) fn compact(key: &PublicKey, payload: &[u8], sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let header = json!({ "alg": "EdDSA", "kid": key.id(), "typ": TYPE }).to_string();
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let signature = sign(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// What a receipt says, unchecked.
pub(super) fn payload(compact: &str) -> Option<Value> {
    json_of(compact.split('.').nth(1)?).ok()
}

fn decoded(part: &str) -> Result<Vec<u8>, VerifyError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| VerifyError::Form("a part of it is not base64url"))
}

fn json_of(part: &str) -> Result<Value, VerifyError> {
    serde_json::from_slice(&decoded(part)?).map_err(|_| VerifyError::Form("a part of it is not JSON"))
}
