//! How an agent gets its certificate: once, by the join token that an operator gave it.

use super::{
    identity::{Identity, paths},
    state::replace,
};
use crate::config::Config;
use anyhow::{Context, bail};
use billet_proto::{
    join::JoinToken,
    link::{JoinRequest, enrollment_client::EnrollmentClient},
};
use std::{fs, time::Duration};
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};

/// Loads the identity, or joins with the token in the configuration. Blocks until joined; each try has 15 s.
///
/// # Errors
/// When there is neither a certificate nor a usable token, or the controller refuses it.
pub async fn load_or_join(config: &Config) -> anyhow::Result<Identity> {
    if let Some(identity) = Identity::load(&config.state_dir)? {
        return Ok(identity);
    }
    let [certificate, key, ca] = paths(&config.state_dir);
    let Some(token_file) = &config.join_token_file else {
        bail!("there is no certificate in {} and no join_token_file", config.state_dir.display());
    };
    let text = fs::read_to_string(token_file).with_context(|| format!("read {}", token_file.display()))?;
    let token = JoinToken::decode(&text).with_context(|| format!("use the token in {}", token_file.display()))?;
    // The key is on disk before the token is used, and is used again at each try: whoever has token and key may ask
    // again for an answer that was lost.
    let pair = match fs::read_to_string(&key) {
        Ok(pem) => rcgen::KeyPair::from_pem(&pem).with_context(|| format!("use the key in {}", key.display()))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let pair = rcgen::KeyPair::generate().context("make a key")?;
            replace(&key, pair.serialize_pem().as_bytes(), 0o600).context("keep the agent's key")?;
            pair
        }
        Err(error) => return Err(error).with_context(|| format!("read {}", key.display())),
    };
    let request = rcgen::CertificateParams::new(Vec::new())
        .and_then(|params| params.serialize_request(&pair))
        .and_then(|request| request.pem())
        .context("make a certificate request")?;
    let joined = join(config, &token, request).await.context("join the controller")?;
    let identity = Identity::new(joined.certificate_pem, pair.serialize_pem(), joined.ca_pem)?;
    replace(&ca, identity.ca_pem.as_bytes(), 0o644).context("keep the controller's CA")?;
    replace(&certificate, identity.certificate_pem.as_bytes(), 0o644).context("keep the agent's certificate")?;
    tracing::info!(agent = %joined.agent_id, name = %token.name, "joined the controller");
    Ok(identity)
}

async fn join(config: &Config, token: &JoinToken, csr_pem: String) -> anyhow::Result<billet_proto::link::JoinReply> {
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(&token.ca_pem))
        .domain_name(config.controller_name());
    let limit = Duration::from_secs(15);
    let channel = Endpoint::from_shared(format!("https://{}", config.controller))?
        .tls_config(tls)?
        .connect_timeout(limit)
        .timeout(limit)
        .connect()
        .await?;
    let request = JoinRequest { secret: token.secret.clone().into_bytes(), csr_pem };
    Ok(EnrollmentClient::new(channel).join(request).await?.into_inner())
}
