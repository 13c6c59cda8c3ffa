//! The agent's own identity towards the controller: a certificate, its key, and whom it trusts.
//!
//! Invariants: certificate and key change together or not at all. A first certificate lies beside the key that was there
//! before it (`agent.pem`, `agent.key`); a renewed one lies in one file with its key, which is replaced as a whole.

use super::state::replace;
use anyhow::{Context, ensure};
use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use x509_parser::pem::{Pem, parse_x509_pem};

/// How a key in PEM begins (RFC 7468 §10).
const KEY: &str = "-----BEGIN PRIVATE KEY-----";
/// Authorities are a few of a kilobyte each.
const MAX_CA_BYTES: usize = 64 << 10;

/// Who the agent is.
#[derive(Clone)]
pub struct Identity {
    /// Shown to the controller.
    pub certificate_pem: String,
    /// Its private key, which never left this machine.
    pub key_pem: String,
    /// What the controller's certificate must chain to: one authority or more.
    pub ca_pem: String,
    /// How long the certificate is good.
    pub lifetime: Lifetime,
}

/// When a certificate begins to be good, and when it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// From then on.
    pub begins: SystemTime,
    /// No longer than that.
    pub ends: SystemTime,
}

impl Lifetime {
    /// When half of it is over: time to renew.
    pub fn half(self) -> SystemTime {
        self.begins + self.whole() / 2
    }

    /// What is left of it.
    pub fn left(self, now: SystemTime) -> Duration {
        self.ends.duration_since(now).unwrap_or_default()
    }

    /// Whole days that are left, when they are less than a quarter of it: a person should look.
    pub fn alarming_days(self, now: SystemTime) -> Option<u64> {
        let left = self.left(now);
        (left < self.whole() / 4).then(|| days(left))
    }

    fn whole(self) -> Duration {
        self.ends.duration_since(self.begins).unwrap_or_default()
    }
}

/// Whole days.
pub fn days(time: Duration) -> u64 {
    time.as_secs() / (24 * 60 * 60)
}

impl Identity {
    /// Puts together what belongs together.
    ///
    /// # Errors
    /// When the certificate cannot be read or is another key's, or there is no authority.
    pub fn new(certificate_pem: String, key_pem: String, ca_pem: String) -> anyhow::Result<Self> {
        let lifetime = read(&certificate_pem, &key_pem).context("use the agent's certificate")?;
        check_authorities(&ca_pem)?;
        Ok(Self { certificate_pem, key_pem, ca_pem, lifetime })
    }

    /// What is kept in the state folder; none before the agent joined.
    ///
    /// # Errors
    /// When files cannot be read, or do not belong together.
    pub fn load(state_dir: &Path) -> anyhow::Result<Option<Self>> {
        let [certificate, key, ca] = paths(state_dir);
        if !certificate.exists() {
            return Ok(None);
        }
        let read = |path: &PathBuf| fs::read_to_string(path).with_context(|| format!("read {}", path.display()));
        let mut certificate_pem = read(&certificate)?;
        let key_pem = match certificate_pem.find(KEY) {
            Some(at) => certificate_pem.split_off(at),
            None => read(&key)?,
        };
        Self::new(certificate_pem, key_pem, read(&ca)?).map(Some)
    }

    /// Keeps it as the one that counts from now on; it is on disk when this answers. A crash leaves the one before or
    /// this one.
    ///
    /// # Errors
    /// When the file system refuses; the one before is then still kept.
    pub fn keep(&self, state_dir: &Path) -> anyhow::Result<()> {
        let [certificate, key, ca] = paths(state_dir);
        replace(&ca, self.ca_pem.as_bytes(), 0o644).context("keep the controller's authorities")?;
        let both = zeroize::Zeroizing::new(format!("{}{}", self.certificate_pem, self.key_pem));
        replace(&certificate, both.as_bytes(), 0o600).context("keep the agent's certificate and key")?;
        match fs::remove_file(&key) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(%error, path = %key.display(), "the key of the certificate before is still there");
            }
            _ => {}
        }
        Ok(())
    }

    /// The same with other authorities, kept.
    ///
    /// # Errors
    /// When they cannot be used, or the file system refuses.
    pub fn trusting(&self, ca_pem: String, state_dir: &Path) -> anyhow::Result<Self> {
        check_authorities(&ca_pem)?;
        let [_, _, ca] = paths(state_dir);
        replace(&ca, ca_pem.as_bytes(), 0o644).context("keep the controller's authorities")?;
        Ok(Self { ca_pem, ..self.clone() })
    }
}

/// Certificate, key of the first certificate, authorities.
pub(super) fn paths(state_dir: &Path) -> [PathBuf; 3] {
    ["agent.pem", "agent.key", "controller-ca.pem"].map(|name| state_dir.join(name))
}

fn read(certificate_pem: &str, key_pem: &str) -> anyhow::Result<Lifetime> {
    let (_, pem) = parse_x509_pem(certificate_pem.as_bytes()).context("read PEM")?;
    let certificate = pem.parse_x509().context("read X.509")?;
    let key = rcgen::KeyPair::from_pem(key_pem).context("read the key")?;
    let public = rcgen::PublicKeyData::subject_public_key_info(&key);
    ensure!(certificate.public_key().raw == public, "it is not of the agent's key");
    let time = |at: x509_parser::time::ASN1Time| {
        UNIX_EPOCH + Duration::from_secs(u64::try_from(at.timestamp()).unwrap_or_default())
    };
    let validity = certificate.validity();
    Ok(Lifetime { begins: time(validity.not_before), ends: time(validity.not_after) })
}

/// An agent that trusts nobody is locked out: nothing of what is given may be unreadable, and something must be given.
fn check_authorities(ca_pem: &str) -> anyhow::Result<()> {
    ensure!(ca_pem.len() <= MAX_CA_BYTES, "use the controller's authorities: they are longer than 64 KiB");
    let mut count = 0;
    for pem in Pem::iter_from_buffer(ca_pem.as_bytes()) {
        let pem = pem.context("read the controller's authorities")?;
        pem.parse_x509().context("read an authority of the controller's")?;
        count += 1;
    }
    ensure!(count > 0, "use the controller's authorities: there is none");
    Ok(())
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity")
    }
}
