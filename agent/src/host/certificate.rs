//! The certificate by which ramdisks know this agent: made by the agent, kept over restarts, and pinned in
//! each boot's identity file.

use super::state::replace;
use anyhow::Context;
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use std::{fs, path::Path};

/// The name in the certificate.
pub const NAME: &str = "billet-agent";

/// A certificate, its key, and what to pin.
pub struct BootCertificate {
    /// What ramdisks trust.
    pub ca_pem: String,
    /// Shown to ramdisks.
    pub certificate_pem: String,
    /// Its private key.
    pub key_pem: String,
}

impl BootCertificate {
    /// Loads the certificate from `dir`, or makes one there.
    ///
    /// # Errors
    /// When files cannot be read or written.
    pub fn load_or_create(dir: &Path) -> anyhow::Result<Self> {
        let path = |name: &str| dir.join(name);
        let parts = ["boot-ca.pem", "boot.pem", "boot.key"];
        if parts.iter().all(|name| path(name).exists()) {
            let read =
                |name: &str| fs::read_to_string(path(name)).with_context(|| format!("read {}", path(name).display()));
            return Ok(Self { ca_pem: read(parts[0])?, certificate_pem: read(parts[1])?, key_pem: read(parts[2])? });
        }
        let made = Self::create().context("make the boot certificate")?;
        for (name, text, mode) in [
            (parts[0], &made.ca_pem, 0o644),
            (parts[1], &made.certificate_pem, 0o644),
            (parts[2], &made.key_pem, 0o600),
        ] {
            replace(&path(name), text.as_bytes(), mode).with_context(|| format!("write {}", path(name).display()))?;
        }
        Ok(made)
    }

    fn create() -> Result<Self, rcgen::Error> {
        let ca_key = KeyPair::generate()?;
        let mut ca = CertificateParams::new(Vec::new())?;
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        ca.distinguished_name.push(DnType::CommonName, "billet boot CA");
        let ca_pem = ca.self_signed(&ca_key)?.pem();
        let issuer = Issuer::new(ca, ca_key);
        let key = KeyPair::generate()?;
        let mut leaf = CertificateParams::new(vec![NAME.to_owned()])?;
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate_pem = leaf.signed_by(&key, &issuer)?.pem();
        Ok(Self { ca_pem, certificate_pem, key_pem: key.serialize_pem() })
    }
}

impl std::fmt::Debug for BootCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BootCertificate")
    }
}
