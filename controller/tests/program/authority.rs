//! Another authority takes the place of the one that signs, while the daemon runs.

use super::site::{Daemon, PATIENCE, Site};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use std::{
    io::ErrorKind,
    net::{SocketAddr, TcpStream},
    sync::Arc,
};

/// Whether a client that trusts these, and nothing else, is served.
fn serves(address: SocketAddr, authorities: &str) -> bool {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authorities.as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut client = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    while client.is_handshaking() {
        if let Err(error) = client.complete_io(&mut stream) {
            // What is wrong is the certificate.
            assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
            return false;
        }
    }
    true
}

fn show(site: &Site) -> String {
    let (done, said) = site.run(&["ca", "show"]);
    assert!(done, "{said}");
    said
}

/// Takes a step, and has the daemon read the files again, for the `time`th time.
fn step(site: &Site, daemon: &mut Daemon<'_>, (step, time): (&str, usize)) {
    let (done, said) = site.run(&["ca", step]);
    assert!(done, "{step}: {said}");
    daemon.signal("HUP");
    daemon.until(|log| log.matches("read the authority again").count() == time);
}

#[test]
fn an_authority_is_replaced_step_by_step_while_the_daemon_runs() {
    let site = Site::new("own-ca");
    let mut daemon = site.serve();
    let (before, address) = (show(&site), daemon.address());
    assert_eq!(before.matches("BEGIN CERTIFICATE").count(), 1, "{before}");
    let (done, said) = site.run(&["ca", "switch"]);
    assert!(!done && said.contains("none is prepared"), "{said}");

    step(&site, &mut daemon, ("prepare", 1));
    let both = show(&site);
    let next = both.strip_prefix(&before).expect("the one that signs comes first");
    assert_eq!(next.matches("BEGIN CERTIFICATE").count(), 1, "{both}");
    assert!(serves(address, &before) && serves(address, &both) && !serves(address, next));

    step(&site, &mut daemon, ("switch", 2));
    assert!(serves(address, next) && serves(address, &before), "by either alone");

    step(&site, &mut daemon, ("retire", 3));
    assert_eq!(show(&site), next);
    assert!(serves(address, next) && !serves(address, &before));
    daemon.stop();
    // What is on disk is what is in force.
    let daemon = site.serve();
    assert!(serves(daemon.address(), next) && !serves(daemon.address(), &before));
    daemon.stop();
}
