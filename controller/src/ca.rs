//! The controller's own certificate authority: ECDSA P-256, made at the first start, `ca.pem` and `ca.key` in one
//! folder. It vouches for the controller's own listeners and for its agents, and for nothing else. While another
//! authority takes its place ([`replace`]), both are trusted, and whoever trusts one of them is served.
//!
//! Invariants: an existing key is never overwritten; a request gives only its key, every other word in a certificate is
//! ours. Non-goals: revocation lists (an agent counts only while its fingerprint is in the store).

pub mod replace;
mod sign;

pub(crate) use sign::SERVER_VALIDITY;
pub use sign::{AgentCertificate, ServerCertificate};

use crate::{clock::Edge, seal::file};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PublicKeyData,
};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use sha2::{Digest, Sha256};
use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::sync::watch;
use x509_parser::{certificate::X509Certificate, pem::Pem, prelude::FromDer as _};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Longer than the machines live.
const CA_VALIDITY: Duration = DAY.saturating_mul(20 * 365);
/// Longer than any PEM file of ours.
const MAX_PEM_BYTES: u64 = 64 << 10;

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum CaError {
    /// A file of the authority cannot be read or written, or others may read the key.
    #[error("use the authority's file {path}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The certificate is there and its key is not: a new key would make every agent's trust worthless.
    #[error("use the authority's certificate {0}: its key is missing; put ca.key back, or remove both to begin anew")]
    KeyMissing(PathBuf),
    /// Two files that do not belong together.
    #[error("use the authority's certificate {0}: it was not made for ca.key")]
    Mismatch(PathBuf),
    /// Not a key or certificate that we understand.
    #[error("read the authority's key and certificate")]
    Unreadable(#[source] rcgen::Error),
    /// Not a name that a certificate can carry.
    #[error("issue a certificate for '{0}': it is neither a DNS name nor an IP address")]
    Name(String),
    /// A request that is not PKCS#10, is not signed by its own key, or has a key that we do not take.
    #[error("use the certificate request: {rule}")]
    Request {
        /// What it breaks.
        rule: &'static str,
        /// Why, where the parser says.
        #[source]
        source: Option<rcgen::Error>,
    },
    /// The library refuses.
    #[error("sign a certificate")]
    Sign(#[source] rcgen::Error),
    /// A step of the replacement that is not the next one.
    #[error("{step}: {why}")]
    Step {
        /// What was wanted.
        step: &'static str,
        /// What is to be done before.
        why: &'static str,
    },
}

/// The authority, ready to sign.
pub struct Ca {
    dir: PathBuf,
    edge: Edge,
    in_force: watch::Sender<Arc<InForce>>,
}

/// What the files say.
pub(crate) struct InForce {
    issuer: Issuer<'static, KeyPair>,
    certificate_pem: String,
    /// The same authority's certificate by the one before it, for whoever trusts that one alone.
    cross_pem: Option<String>,
    /// All that is trusted.
    trusted_pem: String,
    /// The same; the one that signs is the first.
    trusted: Vec<Subject>,
}

/// Who an authority is. Its name follows from its key.
struct Subject {
    name: String,
    der: Vec<u8>,
}

impl Subject {
    fn all(trusted_pem: &str) -> Vec<Self> {
        let certificates = Pem::iter_from_buffer(trusted_pem.as_bytes()).flatten();
        let subject = |pem: Pem| {
            let certificate = pem.parse_x509().ok()?;
            let subject = certificate.subject();
            Some(Self { name: subject.to_string(), der: subject.as_raw().to_vec() })
        };
        certificates.filter_map(subject).collect()
    }

    fn issued(&self, certificate: &CertificateDer<'_>) -> bool {
        let certificate = X509Certificate::from_der(certificate);
        certificate.is_ok_and(|(_, certificate)| certificate.issuer().as_raw() == self.der)
    }
}

impl Ca {
    /// Reads the authority from `dir`; makes it there at the first start (`ca.key` with mode 0600).
    ///
    /// A key without a certificate, as a crash between the two files leaves it, gets a new certificate of the same name,
    /// and what was signed before stays valid.
    ///
    /// # Errors
    /// When a file cannot be used, or the two do not belong together.
    pub fn load_or_create(dir: &Path, edge: &Edge) -> Result<Self, CaError> {
        let in_force = watch::Sender::new(Arc::new(InForce::load_or_create(dir, edge)?));
        Ok(Self { dir: dir.to_owned(), edge: edge.clone(), in_force })
    }

    /// Reads the files again; answers whether they say something else than before. What is open goes on, but for those
    /// that watch for it.
    ///
    /// # Errors
    /// As [`Self::load_or_create`]; what was in force stays then.
    pub fn reload(&self) -> Result<bool, CaError> {
        let new = InForce::load_or_create(&self.dir, &self.edge)?;
        let old = self.in_force();
        let same = (&new.certificate_pem, &new.cross_pem, &new.trusted_pem)
            == (&old.certificate_pem, &old.cross_pem, &old.trusted_pem);
        if !same {
            self.in_force.send_replace(Arc::new(new));
        }
        Ok(!same)
    }

    /// The certificate of the authority that signs; public.
    pub fn certificate_pem(&self) -> String {
        self.in_force().certificate_pem.clone()
    }

    /// The certificates that agents and clients are to trust, one after the other; public.
    pub fn trusted_pem(&self) -> String {
        self.in_force().trusted_pem.clone()
    }

    /// The names of the authorities that are trusted; the one that signs is the first.
    pub fn trusted_names(&self) -> Vec<String> {
        self.in_force().trusted.iter().map(|subject| subject.name.clone()).collect()
    }

    /// Whether a certificate names the authority that signs now as its issuer. It was checked when the connection was made.
    pub(crate) fn issued(&self, certificate: &CertificateDer<'_>) -> bool {
        self.in_force().trusted.first().is_some_and(|signs| signs.issued(certificate))
    }

    /// Whether its issuer is trusted now: it was when the connection was made.
    pub(crate) fn trusts(&self, certificate: &CertificateDer<'_>) -> bool {
        self.in_force().trusted.iter().any(|trusted| trusted.issued(certificate))
    }

    /// Has those that watch for changes make their certificates anew.
    pub(crate) fn reissue(&self) {
        self.in_force.send_modify(|_| {});
    }

    /// Tells that another authority signs, or others are trusted, or that certificates are to be made anew.
    pub(crate) fn changes(&self) -> watch::Receiver<Arc<InForce>> {
        self.in_force.subscribe()
    }

    fn in_force(&self) -> Arc<InForce> {
        self.in_force.borrow().clone()
    }
}

impl InForce {
    fn load_or_create(dir: &Path, edge: &Edge) -> Result<Self, CaError> {
        replace::finish_switch(dir)?;
        let (key, certificate_pem) = load_or_make(dir, ["ca.key", "ca.pem"], edge)?;
        let cross_pem = read_if_there(&dir.join(replace::CROSS))?.filter(|cross| is_for(cross, &key));
        let mut trusted_pem = certificate_pem.clone();
        for name in [replace::NEXT, replace::OLD] {
            // Before a switch was made in full, the old one is the one that signs.
            let other = read_if_there(&dir.join(name))?.filter(|other| *other != certificate_pem);
            trusted_pem.extend(other);
        }
        let issuer = Issuer::from_ca_cert_pem(&certificate_pem, key).map_err(CaError::Unreadable)?;
        let trusted = Subject::all(&trusted_pem);
        Ok(Self { issuer, certificate_pem, cross_pem, trusted_pem, trusted })
    }
}

/// The key and its certificate; both are made where there are none.
fn load_or_make(dir: &Path, names: [&str; 2], edge: &Edge) -> Result<(KeyPair, String), CaError> {
    let [key_path, certificate_path] = names.map(|name| dir.join(name));
    let certificate = read_if_there(&certificate_path)?;
    let key = match read_key(&key_path)? {
        Some(key) => key,
        None if certificate.is_some() => return Err(CaError::KeyMissing(certificate_path)),
        None => create_key(&key_path)?,
    };
    let certificate_pem = match certificate {
        Some(pem) => pem,
        None => create_certificate(&certificate_path, &key, edge)?,
    };
    if !is_for(&certificate_pem, &key) {
        return Err(CaError::Mismatch(certificate_path));
    }
    Ok((key, certificate_pem))
}

impl fmt::Debug for Ca {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ca")
    }
}

/// The fingerprint by which an agent's certificate is known.
pub fn sha256_of_der(der: &[u8]) -> [u8; 32] {
    Sha256::digest(der).into()
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> CaError {
    let path = path.to_owned();
    move |source| CaError::File { path, source }
}

fn read_if_there(path: &Path) -> Result<Option<String>, CaError> {
    match file::read(path, MAX_PEM_BYTES) {
        Ok(text) => Ok(Some(text.to_string())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(path)(error)),
    }
}

fn read_key(path: &Path) -> Result<Option<KeyPair>, CaError> {
    let Some(pem) = file::read_private(path, MAX_PEM_BYTES).map_err(failed(path))? else { return Ok(None) };
    KeyPair::from_pem(&pem).map(Some).map_err(CaError::Unreadable)
}

fn create_key(path: &Path) -> Result<KeyPair, CaError> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(CaError::Sign)?;
    let pem = zeroize::Zeroizing::new(key.serialize_pem());
    file::create_private(path, pem.as_bytes()).map_err(failed(path))?;
    Ok(key)
}

fn create_certificate(path: &Path, key: &KeyPair, edge: &Edge) -> Result<String, CaError> {
    let pem = authority(key, edge).self_signed(key).map_err(CaError::Sign)?.pem();
    file::create_private(path, pem.as_bytes()).map_err(failed(path))?;
    Ok(pem)
}

/// What an authority's certificate says, whoever signs it.
fn authority(key: &KeyPair, edge: &Edge) -> CertificateParams {
    let mut params = CertificateParams::default();
    // The name follows from the key, so that a certificate made anew for it has the same.
    let fingerprint = hex::encode(&sha256_of_der(&key.subject_public_key_info())[..4]);
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, format!("Billet CA {fingerprint}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    sign::set_validity(&mut params, edge, CA_VALIDITY);
    params
}

/// A certificate carries its key as the DER of RFC 5280 §4.1.2.7, and a key does not occur in another's certificate.
fn is_for(certificate_pem: &str, key: &KeyPair) -> bool {
    let Ok(der) = CertificateDer::from_pem_slice(certificate_pem.as_bytes()) else { return false };
    let key = key.subject_public_key_info();
    der.windows(key.len()).any(|window| window == key)
}

#[cfg(test)]
mod tests;
