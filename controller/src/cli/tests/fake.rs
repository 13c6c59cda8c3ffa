//! A controller that says what it is told to say, and remembers what it was asked.

use crate::{ca::Ca, clock::Edge};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{StatusCode, header::HeaderMap},
    response::Response,
};
use axum_server::tls_rustls::RustlsConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use std::{
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

/// What was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// `GET /v1/…?…`.
    pub line: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// One answer: status and body. No body at all: the connection is held and nothing comes.
pub type Answer = Option<(u16, String)>;
type Say = dyn Fn(&Asked, usize) -> Answer + Send + Sync;

/// An answer that begins so is a stream of events; it ends with the answer.
pub const STREAM_START: &str = ": stream\n\n";

#[derive(Clone)]
struct Shared {
    say: Arc<Say>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// The controller; it ends with the test.
pub struct Fake {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    server: tokio::task::JoinHandle<()>,
    folder: Option<tempfile::TempDir>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Fake {
    /// Plain HTTP. `say` is given what was asked and how many calls came before it.
    pub fn plain(say: impl Fn(&Asked, usize) -> Answer + Send + Sync + 'static) -> Self {
        let (listener, address) = listen();
        let (app, asked) = app(say);
        let server = axum_server::from_tcp(listener).unwrap().serve(app.into_make_service());
        Self { address, asked, server: tokio::spawn(async { server.await.unwrap() }), folder: None }
    }

    /// HTTPS with a certificate of the product's own authority.
    pub fn tls(say: impl Fn(&Asked, usize) -> Answer + Send + Sync + 'static) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ca = Ca::load_or_create(folder.path(), &Edge::system()).unwrap();
        let certificate = ca.issue_server(&["127.0.0.1".to_owned()]).unwrap();
        let chain = CertificateDer::pem_slice_iter(certificate.certificate_pem.as_bytes()).collect::<Result<_, _>>();
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain.unwrap(), PrivateKeyDer::from_pem_slice(certificate.key_pem.as_bytes()).unwrap())
            .unwrap();
        let (listener, address) = listen();
        let (app, asked) = app(say);
        let config = RustlsConfig::from_config(Arc::new(config));
        let server = axum_server::from_tcp_rustls(listener, config).unwrap().serve(app.into_make_service());
        Self { address, asked, server: tokio::spawn(async { server.await.unwrap() }), folder: Some(folder) }
    }

    /// For `--endpoint`.
    pub fn endpoint(&self) -> String {
        format!("{}://{}", if self.folder.is_some() { "https" } else { "http" }, self.address)
    }

    /// For `--ca-file`.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.as_ref().expect("only with TLS").path().join("ca.pem")
    }

    /// All that was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn app(say: impl Fn(&Asked, usize) -> Answer + Send + Sync + 'static) -> (Router, Arc<Mutex<Vec<Asked>>>) {
    let shared = Shared { say: Arc::new(say), asked: Arc::default() };
    let asked = shared.asked.clone();
    (Router::new().fallback(answer).with_state(shared), asked)
}

async fn answer(State(shared): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 24).await.unwrap().to_vec();
    let asked = Asked { line: format!("{} {}", parts.method, parts.uri), headers: parts.headers, body };
    let before = {
        let mut all = shared.asked.lock().unwrap();
        all.push(asked.clone());
        all.len() - 1
    };
    let Some((status, body)) = (shared.say)(&asked, before) else {
        // Longer than any test's patience.
        tokio::time::sleep(Duration::from_secs(120)).await;
        return Response::new(Body::empty());
    };
    let status = StatusCode::from_u16(status).unwrap();
    let kind = if body.starts_with(STREAM_START) { "text/event-stream" } else { "application/json" };
    let response = Response::builder().status(status).header("content-type", kind);
    response.header("x-request-id", "r-17").body(Body::from(body)).unwrap()
}
