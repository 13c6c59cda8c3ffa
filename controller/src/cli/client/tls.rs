//! TLS that trusts one file's authorities and nothing else.

use crate::cli::settings::SettingsError;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use std::{path::Path, sync::Arc};

/// A configuration that trusts the certificates in the PEM file at `path`.
///
/// Built by hand, because reqwest's own panics where the system has no authorities.
///
/// # Errors
/// When the file has no certificate, or one that cannot be an authority.
pub(super) fn trusting(path: &Path) -> Result<ClientConfig, SettingsError> {
    let authority = |source| SettingsError::Authority { path: path.to_owned(), source };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(authority)? {
        roots.add(certificate.map_err(authority)?).map_err(SettingsError::Tls)?;
    }
    if roots.is_empty() {
        return Err(SettingsError::NoAuthority { path: path.to_owned() });
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(SettingsError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
