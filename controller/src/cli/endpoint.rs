//! Where the controller is.

use reqwest::Url;
use std::{fmt, str::FromStr};

/// URL of the API: https, or http for a host that is this machine itself, because a token in clear must not leave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint(Url);

/// Why a text is not an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Not a URL with a host.
    #[error("an endpoint is a URL such as https://controller.example:8443")]
    Url,
    /// Another scheme.
    #[error("an endpoint begins with https://")]
    Scheme,
    /// The token would travel in clear.
    #[error("http:// would send the token in clear: it is only for localhost and loopback addresses")]
    Clear,
    /// More than scheme, host, port and path.
    #[error("an endpoint has no user, no query and no fragment")]
    Extra,
}

impl Endpoint {
    /// The URL of these path segments below the endpoint, each escaped as needed.
    pub fn join<'a>(&self, segments: impl IntoIterator<Item = &'a str>) -> Url {
        let mut url = self.0.clone();
        url.path_segments_mut().expect("an http URL always has a path").pop_if_empty().extend(segments);
        url
    }

    /// Whether calls are encrypted.
    pub fn is_tls(&self) -> bool {
        self.0.scheme() == "https"
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;
    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let url: Url = text.parse().map_err(|_| EndpointError::Url)?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(match url.scheme() {
            "http" | "https" => EndpointError::Url,
            _ => EndpointError::Scheme,
        })?;
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(host) => {}
            "http" => return Err(EndpointError::Clear),
            _ => return Err(EndpointError::Scheme),
        }
        let user = !url.username().is_empty() || url.password().is_some();
        if user || url.query().is_some() || url.fragment().is_some() {
            return Err(EndpointError::Extra);
        }
        Ok(Self(url))
    }
}

/// `localhost` is loopback by RFC 6761 §6.3.
fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_token_travels_in_clear_only_within_this_machine() {
        for good in [
            "https://controller.example:8443",
            "https://192.0.2.1/billet/",
            "http://127.0.0.1:80",
            "http://[::1]:8443",
            "http://localhost:8443",
        ] {
            assert!(good.parse::<Endpoint>().is_ok(), "{good}");
        }
        for (bad, why) in [
            ("http://192.0.2.1", EndpointError::Clear),
            ("http://localhost.example", EndpointError::Clear),
            ("http://127.0.0.1.example", EndpointError::Clear),
            ("http://0.0.0.0", EndpointError::Clear),
            ("ftp://localhost", EndpointError::Scheme),
            ("localhost:8443", EndpointError::Scheme),
            ("", EndpointError::Url),
            ("https://", EndpointError::Url),
            ("https://u:p@h", EndpointError::Extra),
            ("https://h/?a", EndpointError::Extra),
            ("https://h/#a", EndpointError::Extra),
        ] {
            assert_eq!(bad.parse::<Endpoint>(), Err(why), "{bad}");
        }
    }

    #[test]
    fn segments_are_joined_below_the_path_and_escaped() {
        for (endpoint, url) in [
            ("https://h", "https://h/v1/a%2Fb"),
            ("https://h/", "https://h/v1/a%2Fb"),
            ("https://h/billet", "https://h/billet/v1/a%2Fb"),
        ] {
            assert_eq!(endpoint.parse::<Endpoint>().unwrap().join(["v1", "a/b"]).as_str(), url);
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "(https?://)?.{0,40}") {
            if let Ok(endpoint) = text.parse::<Endpoint>() {
                let _ = endpoint.join(["v1"]);
            }
        }
    }
}
