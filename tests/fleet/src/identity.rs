//! How a simulated agent joins, and the certificate that it keeps.

use anyhow::{Context, Result};
use billet_lab::daemons::write_private;
use billet_proto::{
    join::JoinToken,
    link::{JoinRequest, enrollment_client::EnrollmentClient},
};
use std::{fs, path::Path, time::Duration};
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};

/// What an agent shows, and trusts.
#[derive(Debug, Clone)]
pub struct Identity {
    pub(super) certificate_pem: String,
    pub(super) key_pem: String,
    pub(super) ca_pem: String,
}

impl Identity {
    /// Spends a join token at the controller's door.
    ///
    /// # Errors
    /// When the controller cannot be reached, or refuses.
    pub async fn join(link: &str, token: &str) -> Result<Self> {
        let token = JoinToken::decode(token).context("use the join token")?;
        let pair = rcgen::KeyPair::generate().context("make a key")?;
        let csr_pem = rcgen::CertificateParams::new(Vec::new())
            .and_then(|params| params.serialize_request(&pair))
            .and_then(|request| request.pem())
            .context("make a certificate request")?;
        let limit = Duration::from_secs(15);
        let channel = Endpoint::from_shared(format!("https://{link}"))?
            .tls_config(
                ClientTlsConfig::new().ca_certificate(Certificate::from_pem(&token.ca_pem)).domain_name(host(link)),
            )?
            .connect_timeout(limit)
            .timeout(limit)
            .connect()
            .await
            .context("reach the controller")?;
        let request = JoinRequest { secret: token.secret.into_bytes(), csr_pem };
        let joined = EnrollmentClient::new(channel).join(request).await.context("join the controller")?.into_inner();
        Ok(Self { certificate_pem: joined.certificate_pem, key_pem: pair.serialize_pem(), ca_pem: joined.ca_pem })
    }

    /// Reads what [`Self::save`] wrote.
    ///
    /// # Errors
    /// When a file is not there.
    pub fn load(dir: &Path, name: &str) -> Result<Self> {
        let read = |end: &str| {
            let path = dir.join(format!("{name}.{end}"));
            fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
        };
        Ok(Self { certificate_pem: read("pem")?, key_pem: read("key")?, ca_pem: read("ca")? })
    }

    /// Keeps it.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn save(&self, dir: &Path, name: &str) -> Result<()> {
        let Self { certificate_pem, key_pem, ca_pem } = self;
        for (end, text) in [("pem", certificate_pem), ("key", key_pem), ("ca", ca_pem)] {
            write_private(&dir.join(format!("{name}.{end}")), text)?;
        }
        Ok(())
    }
}

/// The name that the controller's certificate must have.
pub(super) fn host(link: &str) -> &str {
    link.rsplit_once(':').map_or(link, |(host, _)| host)
}
