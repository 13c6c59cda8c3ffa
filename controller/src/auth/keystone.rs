//! Keystone v3: tokens that somebody else issued, asked about with a token of our own, and remembered for a while.
//!
//! `GET /v3/auth/tokens?nocatalog` with the caller's token in `X-Subject-Token`. As keystonemiddleware does: 404 means that
//! the token is nobody's; 401 means that *our* token is not taken, so that a new one is fetched, once; all else, and
//! silence, means that nobody knows: [`Denied::Unavailable`], and never that the caller is wrong.
//!
//! Invariants: what is remembered is found by the digest of a token, never longer than the token is good, and bounded. A
//! revoked token may be taken until the memory of it ends: that is what `cache_seconds` weighs.

mod answer;
mod cache;

use super::{Caller, Denied};
use crate::{clock::Timestamp, config::Keystone as Config, seal::file};
use answer::Answered;
use cache::Cache;
use reqwest::{Client, Response, StatusCode, Url, redirect::Policy};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::{io, path::PathBuf, sync::Arc, time::Duration};
use tokio::sync::Mutex;
use zeroize::Zeroizing;

/// Longer than any token that Keystone makes (a JWS with many roles has some kilobytes).
const MAX_TOKEN_BYTES: usize = 8192;
/// Longer than any answer without its catalog.
const MAX_ANSWER_BYTES: usize = 1 << 20;
/// Asked at once; further callers are told that nobody knows, rather than queued.
const MAX_ASKED: usize = 32;
/// How long a token that is nobody's is remembered as such.
const UNKNOWN_FOR: Duration = Duration::from_secs(10);
/// Longer than any password.
const MAX_PASSWORD_BYTES: u64 = 4096;

/// Why Keystone cannot be asked at all.
#[derive(Debug, thiserror::Error)]
pub enum KeystoneError {
    /// The file of authorities cannot be used.
    #[error("trust the authorities in {}", path.display())]
    Authorities {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The password's file cannot be used.
    #[error("read keystone.password_file {}", path.display())]
    Password {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The client cannot be made.
    #[error("make the client for Keystone")]
    Client(#[source] reqwest::Error),
}

/// A way to ask Keystone; cheap to clone.
#[derive(Clone)]
pub struct Keystone(Arc<Inner>);

struct Inner {
    config: Config,
    tokens: Url,
    client: Client,
    /// Ours, and since which fetch; none before the first.
    own: Mutex<Option<Arc<Zeroizing<String>>>>,
    cache: Cache,
    asked: tokio::sync::Semaphore,
}

/// Why nobody knows whose a token is; for the log.
#[derive(Debug, thiserror::Error)]
enum Silence {
    #[error("reach Keystone")]
    Reach(#[source] reqwest::Error),
    #[error("be answered by Keystone: its status is {0}")]
    Status(StatusCode),
    #[error("log in to Keystone as {user}: its status is {status}")]
    Login { user: String, status: StatusCode },
    #[error("read Keystone's answer: {0}")]
    Answer(&'static str),
    #[error("read the password for Keystone")]
    Password(#[source] KeystoneError),
    #[error("ask Keystone: {MAX_ASKED} questions are in progress")]
    Busy,
}

impl Keystone {
    /// A way by this configuration. Keystone itself need not answer yet.
    ///
    /// # Errors
    /// When the password or the authorities cannot be read.
    pub fn new(config: &Config) -> Result<Self, KeystoneError> {
        password(config)?;
        let tls = if config.url.0.scheme() == "https" { trusting(config)? } else { bare_tls() };
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(config.timeout)
            .timeout(config.timeout)
            .build()
            .map_err(KeystoneError::Client)?;
        let mut tokens = config.url.0.clone();
        tokens.set_path(&format!("{}/v3/auth/tokens", config.url.0.path().trim_end_matches('/')));
        let cache = Cache::new(config.cache);
        let asked = tokio::sync::Semaphore::new(MAX_ASKED);
        Ok(Self(Arc::new(Inner { config: config.clone(), tokens, client, own: Mutex::new(None), cache, asked })))
    }

    /// `Keystone uri="…"`.
    pub(super) fn challenge(&self) -> String {
        format!("Keystone uri=\"{}\"", self.0.config.url.0.as_str().trim_end_matches('/'))
    }

    /// Whose token it is, where that needs no question.
    pub(super) fn known(&self, token: &str, now: Timestamp) -> Option<Result<Caller, Denied>> {
        if token.is_empty() || token.len() > MAX_TOKEN_BYTES || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Some(Err(Denied::Unknown("X-Auth-Token names no caller")));
        }
        self.0.cache.get(&digest(token), now)
    }

    /// Asks whose token it is, and remembers it.
    ///
    /// # Errors
    /// When it is nobody's, allows nothing here, or nobody could tell.
    pub(super) async fn ask(&self, token: &str, now: Timestamp) -> Result<Caller, Denied> {
        let answered = self.question(token, now).await.map_err(|silence| {
            tracing::error!(error = &silence as &dyn std::error::Error, "Keystone does not say whose a token is");
            Denied::Unavailable
        })?;
        let (known, until) = match answered {
            Answered::Nobody => (Err(Denied::Unknown("X-Auth-Token names no caller")), now.after(UNKNOWN_FOR)),
            Answered::Token(token) if token.expires_at <= now => {
                (Err(Denied::Unknown("X-Auth-Token has expired")), now.after(UNKNOWN_FOR))
            }
            Answered::Token(token) => (token.caller(&self.0.config), token.expires_at),
        };
        self.0.cache.put(digest(token), known.clone(), until, now);
        known
    }

    async fn question(&self, token: &str, now: Timestamp) -> Result<Answered, Silence> {
        let _place = self.0.asked.try_acquire().map_err(|_| Silence::Busy)?;
        let mut own = self.own(None).await?;
        for is_last in [false, true] {
            let mut url = self.0.tokens.clone();
            url.set_query(Some("nocatalog"));
            let question = self.0.client.get(url).header("x-auth-token", own.as_str()).header("x-subject-token", token);
            let answer = question.send().await.map_err(Silence::Reach)?;
            match answer.status() {
                StatusCode::OK => {
                    let body = whole(answer).await?;
                    return answer::parse(&body, now).map(Answered::Token).map_err(Silence::Answer);
                }
                StatusCode::NOT_FOUND => return Ok(Answered::Nobody),
                StatusCode::UNAUTHORIZED if !is_last => own = self.own(Some(&own)).await?,
                status => return Err(Silence::Status(status)),
            }
        }
        Err(Silence::Status(StatusCode::UNAUTHORIZED))
    }

    /// Our own token: the one that is known, unless it is `refused`. Who comes while one is being fetched waits for it.
    async fn own(&self, refused: Option<&Arc<Zeroizing<String>>>) -> Result<Arc<Zeroizing<String>>, Silence> {
        let mut own = self.0.own.lock().await;
        if let Some(known) = own.as_ref().filter(|known| refused.is_none_or(|refused| !Arc::ptr_eq(known, refused))) {
            return Ok(Arc::clone(known));
        }
        *own = None;
        let fetched = Arc::new(self.log_in().await?);
        *own = Some(Arc::clone(&fetched));
        Ok(fetched)
    }

    async fn log_in(&self) -> Result<Zeroizing<String>, Silence> {
        let Config { username, user_domain, project, project_domain, .. } = &self.0.config;
        // Read each time, so that a changed password needs no restart.
        let password = password(&self.0.config).map_err(Silence::Password)?;
        let user = json!({ "name": username, "domain": { "name": user_domain }, "password": password.as_str() });
        let body = json!({ "auth": {
            "identity": { "methods": ["password"], "password": { "user": user } },
            "scope": { "project": { "name": project, "domain": { "name": project_domain } } },
        }});
        let mut url = self.0.tokens.clone();
        url.set_query(Some("nocatalog"));
        let answer = self.0.client.post(url).json(&body).send().await.map_err(Silence::Reach)?;
        if answer.status() != StatusCode::CREATED {
            return Err(Silence::Login { user: username.clone(), status: answer.status() });
        }
        let token = answer.headers().get("x-subject-token").and_then(|value| value.to_str().ok());
        token.map(|token| Zeroizing::new(token.to_owned())).ok_or(Silence::Answer("it has no X-Subject-Token"))
    }
}

impl std::fmt::Debug for Keystone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keystone({:?})", self.0.config.url)
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

async fn whole(mut answer: Response) -> Result<Vec<u8>, Silence> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(Silence::Reach)? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(Silence::Answer("it is longer than 1 MiB"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The file's first line.
fn password(config: &Config) -> Result<Zeroizing<String>, KeystoneError> {
    let path = &config.password_file;
    let failed = |source| KeystoneError::Password { path: path.clone(), source };
    let text = file::read_private(path, MAX_PASSWORD_BYTES).map_err(failed)?;
    let text = text.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
}

/// For plain HTTP, which asks nobody's certificate.
fn bare_tls() -> ClientConfig {
    with_roots(RootCertStore::empty())
}

/// By hand, because reqwest's own way panics where the system has no authorities.
fn trusting(config: &Config) -> Result<ClientConfig, KeystoneError> {
    let path = &config.ca_file;
    let failed = |source| KeystoneError::Authorities { path: path.clone(), source };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| failed(Box::new(error)))? {
        let certificate = certificate.map_err(|error| failed(Box::new(error)))?;
        // A bundle may hold one that rustls does not take; the others count.
        let (..) = roots.add_parsable_certificates([certificate]);
    }
    if roots.is_empty() {
        return Err(failed("there is no certificate of an authority in it".into()));
    }
    Ok(with_roots(roots))
}

fn with_roots(roots: RootCertStore) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring knows TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

#[cfg(test)]
pub(crate) mod peer;
#[cfg(test)]
mod tests;
