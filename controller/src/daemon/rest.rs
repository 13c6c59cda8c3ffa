//! The REST API's listener: from systemd's socket activation or our own, with TLS unless configured otherwise.

use super::bounded::Bounded;
use crate::{
    ca::Ca,
    config::{self, Tls},
};
use anyhow::Context;
use axum::Router;
use axum_server::{Handle, tls_rustls::RustlsConfig};
use hyper_util::{
    rt::{TokioExecutor, TokioTimer},
    server::conn::auto::Builder,
};
use std::{
    net::{SocketAddr, TcpListener},
    time::Duration,
};

/// An open listener.
pub(super) struct Rest {
    listener: TcpListener,
    tls: Option<RustlsConfig>,
    own: Option<OwnCertificate>,
    handle: Handle<SocketAddr>,
    address: SocketAddr,
}

impl Rest {
    /// Opens the port, or takes the one that systemd opened.
    pub(super) async fn open(config: &config::Rest, ca: &Ca) -> anyhow::Result<Self> {
        let given = listenfd::ListenFd::from_env().take_tcp_listener(0).context("take systemd's socket")?;
        let listener = match given {
            Some(listener) => listener,
            None => TcpListener::bind(config.listen).with_context(|| format!("listen on {}", config.listen))?,
        };
        listener.set_nonblocking(true).context("use the socket")?;
        let address = listener.local_addr().context("use the socket")?;
        // A second call is no harm: there is one provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut own = None;
        let tls = match &config.tls {
            Tls::OwnCa => {
                let mut names = vec!["localhost".to_owned(), "127.0.0.1".into(), "::1".into()];
                names.extend(config.names.iter().cloned());
                let certificate = ca.issue_server(&names)?;
                let key = certificate.key_pem.as_bytes().to_vec();
                let tls = RustlsConfig::from_pem(certificate.certificate_pem.into_bytes(), key).await;
                let tls = tls.context("use the own certificate")?;
                own = Some(OwnCertificate { tls: tls.clone(), names });
                Some(tls)
            }
            Tls::Files { certificate, key } => {
                let used = || format!("use the certificate {} and its key {}", certificate.display(), key.display());
                Some(RustlsConfig::from_pem_file(certificate, key).await.with_context(used)?)
            }
            Tls::Off => {
                anyhow::ensure!(address.ip().is_loopback(), "plain HTTP on {address}: it is for loopback alone");
                None
            }
        };
        Ok(Self { listener, tls, own, handle: Handle::new(), address })
    }

    /// What the listener shows, where that is by the own authority.
    pub(super) fn own_certificate(&self) -> Option<OwnCertificate> {
        self.own.clone()
    }

    pub(super) fn handle(&self) -> Handle<SocketAddr> {
        self.handle.clone()
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves; at most `connections` are open at once, and further ones are closed.
    pub(super) async fn serve(self, router: Router, connections: usize) -> std::io::Result<()> {
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let bounded = Bounded::new(connections);
        match self.tls {
            Some(tls) => {
                let server = axum_server::from_tcp_rustls(self.listener, tls)?.handle(self.handle);
                let mut server = server.map(|acceptor| acceptor.acceptor(bounded));
                hurry(server.http_builder());
                server.serve(service).await
            }
            None => {
                let mut server = axum_server::from_tcp(self.listener)?.handle(self.handle).acceptor(bounded);
                hurry(server.http_builder());
                server.serve(service).await
            }
        }
    }
}

/// The certificate that the listener shows to new connections.
#[derive(Clone)]
pub(super) struct OwnCertificate {
    tls: RustlsConfig,
    names: Vec<String>,
}

impl OwnCertificate {
    /// Replaces it by one of the authority as it is now; open connections go on.
    pub(super) async fn renew(&self, ca: &Ca) -> anyhow::Result<()> {
        let certificate = ca.issue_server(&self.names)?;
        let key = certificate.key_pem.as_bytes().to_vec();
        let renewed = self.tls.reload_from_pem(certificate.certificate_pem.into_bytes(), key).await;
        renewed.context("use the own certificate")
    }

    /// What new connections are made by.
    #[cfg(test)]
    pub(super) fn shown(&self) -> std::sync::Arc<rustls::ServerConfig> {
        self.tls.get_inner()
    }
}

/// A caller has so long for a request's head, and for the next one on an open connection.
const HEAD_DEADLINE: Duration = Duration::from_secs(30);

/// A head is shorter: the longest token has 8 KiB. Beyond it hyper answers 431 by itself.
const MAX_HEAD_BYTES: usize = 64 * 1024;

fn hurry(builder: &mut Builder<TokioExecutor>) {
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_DEADLINE);
    builder.http1().max_buf_size(MAX_HEAD_BYTES);
}
