//! Images from HTTP servers that the operator allows.
//!
//! A name is resolved once for each request, its addresses are checked, and the connection goes to those and no other: a
//! name that means another machine a moment later leads nowhere. Redirections are followed by hand, so that each is checked
//! like the first URL. No proxy is used, because a proxy would resolve again.

mod address;

use crate::config::Images;
use address::is_public;
use reqwest::{Client, Response, StatusCode, Url, header};
use rustls::{ClientConfig, RootCertStore};
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::{net::lookup_host, task::spawn_blocking, time::timeout};

/// For a name to be resolved, and for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// More lead in a circle.
const MAX_REDIRECTS: usize = 5;

/// Why nothing is fetched from a URL; what is told is for the tenant, who need not know the operator's networks.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Not one of those that the operator allows.
    #[error("the scheme {0} is not among those that the operator allows")]
    Scheme(String),
    /// Not one of those that the operator allows.
    #[error("the host {0} is not among those that the operator allows")]
    Host(String),
    /// User and password would be stored and sent.
    #[error("a URL with a user or a password is not fetched")]
    UserInformation,
    /// The name means no address.
    #[error("the host {0} has no address")]
    Unresolved(String),
    /// One of its addresses is a private network's.
    #[error("the host {0} has an address that is not the public network's")]
    Private(String),
    /// The server sends us somewhere that is no URL.
    #[error("the server redirects to what is no URL")]
    Location,
    /// And so on.
    #[error("the server redirects more than {MAX_REDIRECTS} times")]
    Redirects,
    /// It does not give the image.
    #[error("the server answers {0}")]
    Status(StatusCode),
    /// Compressed in transfer, or of unknown length.
    #[error("the server does not tell how long the image is")]
    Length,
    /// Longer than the operator allows.
    #[error("the image has {bytes} bytes, and {most} are allowed")]
    TooLarge {
        /// As the server says.
        bytes: u64,
        /// The operator's limit.
        most: u64,
    },
    /// No connection, or a broken one.
    #[error("ask the server")]
    Http(#[source] reqwest::Error),
    /// Ours.
    #[error("prepare TLS")]
    Tls(#[source] rustls::Error),
    /// The program is stopping.
    #[error("the program is stopping")]
    Stopping,
}

/// Whether a URL may be asked for at all, before any name is resolved.
///
/// # Errors
/// Why not.
pub fn check(rules: &Images, url: &Url) -> Result<(), FetchError> {
    if !rules.url_schemes.iter().any(|scheme| scheme == url.scheme()) {
        return Err(FetchError::Scheme(url.scheme().to_owned()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(FetchError::UserInformation);
    }
    let host = host(url);
    if rules.url_hosts.contains(&host) { Ok(()) } else { Err(FetchError::Host(host)) }
}

/// A URL as it may be stored and shown: its query may hold a signature.
pub fn without_secrets(url: &Url) -> String {
    let mut shown = url.clone();
    shown.set_query(None);
    shown.set_fragment(None);
    // Only a URL that cannot have them refuses.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.into()
}

/// Asks for the URL, and answers the response and its length once both are as the operator allows.
///
/// # Errors
/// Why there is nothing to read.
pub(super) async fn open(rules: &Images, url: &Url) -> Result<(Response, u64), FetchError> {
    let mut url = url.clone();
    for _ in 0..=MAX_REDIRECTS {
        check(rules, &url)?;
        let addresses = resolve(rules, &url).await?;
        let response = client(rules, &url, &addresses).await?.get(url.clone()).send().await;
        let response = response.map_err(|error| FetchError::Http(error.without_url()))?;
        if !response.status().is_redirection() {
            return accept(rules, response);
        }
        let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        url = location.and_then(|location| url.join(location).ok()).ok_or(FetchError::Location)?;
    }
    Err(FetchError::Redirects)
}

fn accept(rules: &Images, response: Response) -> Result<(Response, u64), FetchError> {
    if response.status() != StatusCode::OK {
        return Err(FetchError::Status(response.status()));
    }
    let encoded = response.headers().contains_key(header::CONTENT_ENCODING);
    let bytes = response.content_length().filter(|_| !encoded).ok_or(FetchError::Length)?;
    let most = rules.url_max_bytes;
    if bytes > most { Err(FetchError::TooLarge { bytes, most }) } else { Ok((response, bytes)) }
}

/// All addresses of the host: if one is forbidden, all are.
async fn resolve(rules: &Images, url: &Url) -> Result<Vec<SocketAddr>, FetchError> {
    let host = host(url);
    let port = url.port_or_known_default().ok_or_else(|| FetchError::Scheme(url.scheme().to_owned()))?;
    let addresses: Vec<SocketAddr> = match host.parse::<IpAddr>() {
        Ok(address) => vec![(address, port).into()],
        Err(_) => match timeout(CONNECT_TIMEOUT, lookup_host((host.as_str(), port))).await {
            Ok(Ok(found)) => found.collect(),
            Ok(Err(_)) | Err(_) => Vec::new(),
        },
    };
    if addresses.is_empty() {
        return Err(FetchError::Unresolved(host));
    }
    let anywhere = rules.url_private_hosts.contains(&host);
    if !anywhere && !addresses.iter().all(|address| is_public(address.ip())) {
        return Err(FetchError::Private(host));
    }
    Ok(addresses)
}

async fn client(rules: &Images, url: &Url, addresses: &[SocketAddr]) -> Result<Client, FetchError> {
    let tls = spawn_blocking(tls).await.map_err(|_| FetchError::Stopping)??;
    Client::builder()
        .user_agent(concat!("billet/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(rules.url_idle)
        .tls_backend_preconfigured(tls)
        .resolve_to_addrs(&host(url), addresses)
        .build()
        .map_err(FetchError::Http)
}

/// The system's authorities. Built by hand, because reqwest's own panics where the system has none.
fn tls() -> Result<ClientConfig, FetchError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(builder.map_err(FetchError::Tls)?.with_root_certificates(roots).with_no_client_auth())
}

/// In lower case, as the URL standard has it; an IPv6 address without its brackets.
fn host(url: &Url) -> String {
    url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned()
}
