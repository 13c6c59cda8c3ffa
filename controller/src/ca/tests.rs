//! Certificates are judged by OpenSSL and by a TLS handshake, not by the library that made them.

use super::*;
use crate::clock::{Clock, SystemEntropy, Timestamp};
use billet_proto::AgentId;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection,
    pki_types::{PrivateKeyDer, ServerName},
    server::WebPkiClientVerifier,
};
use std::{
    io::Write,
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
    sync::Arc,
};

fn agent_id() -> AgentId {
    "0198170e-4ca7-7000-8000-000000000001".parse().unwrap()
}

fn authority() -> (tempfile::TempDir, Ca) {
    let folder = tempfile::tempdir().unwrap();
    let ca = Ca::load_or_create(folder.path(), &Edge::system()).unwrap();
    (folder, ca)
}

/// OpenSSL's answer to `input`; it must succeed.
fn openssl(args: &[&str], input: &str) -> String {
    let mut child = Command::new("openssl")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("these tests need openssl (Debian package openssl)");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "openssl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn text_of(certificate_pem: &str) -> String {
    openssl(&["x509", "-noout", "-text"], certificate_pem)
}

/// A request by OpenSSL that asks for much more than it gets, and its key.
fn request(folder: &Path, key_arguments: &[&str]) -> (String, String) {
    let key = folder.join("agent.key").to_str().unwrap().to_owned();
    let mut args = vec!["req", "-new", "-nodes", "-keyout", &key, "-subj", "/O=Evil/CN=billet-controller"];
    args.extend(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext", "basicConstraints=CA:TRUE"]);
    args.extend(key_arguments);
    let csr = openssl(&args, "");
    (csr, std::fs::read_to_string(key).unwrap())
}

const P256: [&str; 4] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];

fn agent() -> (tempfile::TempDir, Ca, AgentCertificate, String) {
    let (folder, ca) = authority();
    let (csr, key) = request(folder.path(), &P256);
    let signed = ca.sign_agent(&csr, agent_id()).unwrap();
    (folder, ca, signed, key)
}

#[test]
fn the_authority_is_made_once_and_its_key_is_the_owners_alone() {
    let (folder, ca) = authority();
    let again = Ca::load_or_create(folder.path(), &Edge::system()).unwrap();
    assert_eq!(ca.certificate_pem(), again.certificate_pem());
    let mode = |name| std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("ca.key"), 0o600);
    let text = text_of(&ca.certificate_pem());
    for expected in ["ASN1 OID: prime256v1", "CA:TRUE, pathlen:0", "Certificate Sign", "Issuer: CN = Billet CA "] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
}

#[test]
fn leaves_chain_to_the_authority_for_their_purpose_only() {
    let (folder, ca, agent, _) = agent();
    let server = ca.issue_server(&["controller.example".into()]).unwrap();
    let ca_file = folder.path().join("ca.pem").to_str().unwrap().to_owned();
    let verify = |purpose: &str, pem: &str| {
        let file = folder.path().join("leaf.pem");
        std::fs::write(&file, pem).unwrap();
        let output = Command::new("openssl")
            .args(["verify", "-x509_strict", "-CAfile", &ca_file, "-purpose", purpose])
            .arg(file)
            .output()
            .unwrap();
        output.status.success()
    };
    for (purpose, pem, expected) in [
        ("sslserver", &server.certificate_pem, true),
        ("sslclient", &server.certificate_pem, false),
        ("sslclient", &agent.certificate_pem, true),
        ("sslserver", &agent.certificate_pem, false),
    ] {
        assert_eq!(verify(purpose, pem), expected, "{purpose} {}", text_of(pem));
    }
}

#[test]
fn a_server_certificate_names_loopback_and_what_was_configured_once() {
    let (_folder, ca) = authority();
    let names = ["controller.example", "192.0.2.7", "2001:db8::7", "localhost"].map(String::from);
    let text = text_of(&ca.issue_server(&names).unwrap().certificate_pem);
    let expected = "DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, DNS:controller.example, \
                    IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:7";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn a_name_that_no_certificate_can_carry_is_refused() {
    let (_folder, ca) = authority();
    for bad in ["", "a b", "büro", "https://x", &"a".repeat(300)] {
        assert!(matches!(ca.issue_server(&[bad.to_owned()]), Err(CaError::Name(_))), "{bad}");
    }
}

#[test]
fn of_a_request_only_the_key_is_taken() {
    let (_folder, _ca, signed, key) = agent();
    let text = text_of(&signed.certificate_pem);
    let name = format!("agent-{}", agent_id());
    assert!(text.contains(&format!("Subject: CN = {name}\n")), "{text}");
    assert!(text.contains(&format!("DNS:{name}\n")), "{text}");
    for forbidden in ["Evil", "localhost", "billet-controller", "CA:TRUE"] {
        assert!(!text.contains(forbidden), "{forbidden} in {text}");
    }
    let public = openssl(&["x509", "-noout", "-pubkey"], &signed.certificate_pem);
    assert_eq!(public, openssl(&["pkey", "-pubout"], &key));
}

#[test]
fn the_fingerprint_is_the_one_that_openssl_computes() {
    let (_folder, _ca, signed, _) = agent();
    let printed = openssl(&["x509", "-noout", "-fingerprint", "-sha256"], &signed.certificate_pem);
    let digits = printed.trim().split('=').nth(1).unwrap().replace(':', "").to_lowercase();
    assert_eq!(digits, hex::encode(signed.sha256));
}

#[test]
fn two_certificates_for_one_request_differ() {
    let (folder, ca) = authority();
    let (csr, _) = request(folder.path(), &P256);
    let [one, two] = [(); 2].map(|()| ca.sign_agent(&csr, agent_id()).unwrap());
    assert_ne!(one.sha256, two.sha256);
}

#[test]
fn requests_that_prove_nothing_are_refused() {
    let (folder, ca) = authority();
    let (csr, _) = request(folder.path(), &P256);
    // A changed byte near the end lies in the signature.
    let mut der =
        CertificateDer::from_pem_slice(csr.replace("CERTIFICATE REQUEST", "CERTIFICATE").as_bytes()).unwrap().to_vec();
    *der.last_mut().unwrap() ^= 1;
    use base64::Engine;
    let body = base64::engine::general_purpose::STANDARD.encode(der);
    let forged = format!("-----BEGIN CERTIFICATE REQUEST-----\n{body}\n-----END CERTIFICATE REQUEST-----\n");
    let (rsa, _) = request(folder.path(), &["-newkey", "rsa:2048"]);
    for (name, bad) in [
        ("empty", String::new()),
        ("a certificate", ca.certificate_pem()),
        ("forged", forged),
        ("rsa", rsa),
        ("long", csr.repeat(100)),
    ] {
        assert!(matches!(ca.sign_agent(&bad, agent_id()), Err(CaError::Request { .. })), "{name}");
    }
}

#[test]
fn validity_is_counted_from_the_clock_given() {
    struct Fixed;
    impl Clock for Fixed {
        fn now(&self) -> Timestamp {
            Timestamp(1_700_000_000_000)
        }
        fn passed(&self) -> std::time::Duration {
            std::time::Duration::ZERO
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let edge = Edge { clock: Arc::new(Fixed), entropy: Arc::new(SystemEntropy) };
    let ca = Ca::load_or_create(folder.path(), &edge).unwrap();
    let text = text_of(&ca.issue_server(&[]).unwrap().certificate_pem);
    assert!(text.contains("Not Before: Nov 14 21:13:20 2023 GMT"), "{text}");
    assert!(text.contains("Not After : Feb 16 22:13:20 2026 GMT"), "{text}");
}

#[test]
fn a_lost_key_is_not_replaced_and_a_lost_certificate_is_made_anew_for_the_same_key() {
    let (folder, ca) = authority();
    let (key, pem) = (folder.path().join("ca.key"), folder.path().join("ca.pem"));
    let signed = ca.issue_server(&[]).unwrap();

    std::fs::remove_file(&pem).unwrap();
    Ca::load_or_create(folder.path(), &Edge::system()).unwrap();
    std::fs::write(folder.path().join("leaf.pem"), &signed.certificate_pem).unwrap();
    let leaf = folder.path().join("leaf.pem").to_str().unwrap().to_owned();
    openssl(&["verify", "-CAfile", pem.to_str().unwrap(), &leaf], "");

    std::fs::remove_file(&key).unwrap();
    assert!(matches!(Ca::load_or_create(folder.path(), &Edge::system()), Err(CaError::KeyMissing(_))));
    assert!(!key.exists());
}

#[test]
fn a_key_of_another_authority_or_one_that_others_may_read_is_refused() {
    let (folder, _ca) = authority();
    let (other, _other_ca) = authority();
    let key = folder.path().join("ca.key");
    std::fs::copy(other.path().join("ca.key"), &key).unwrap();
    assert!(matches!(Ca::load_or_create(folder.path(), &Edge::system()), Err(CaError::Mismatch(_))));
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(Ca::load_or_create(folder.path(), &Edge::system()), Err(CaError::File { .. })));
}

#[test]
fn debug_shows_no_key() {
    let (_folder, ca) = authority();
    let text = format!("{ca:?} {:?}", ca.issue_server(&[]).unwrap());
    assert_eq!(text, "Ca ServerCertificate");
}

/// Mutual TLS in memory: the controller's leaf against an agent's, both by this authority.
#[test]
fn controller_and_agent_accept_each_other() {
    let (_folder, ca, agent, agent_key) = agent();
    let server = ca.issue_server(&["controller.example".into()]).unwrap();
    let chain = |pem: &str| vec![CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()];
    let key = |pem: &str| PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(chain(&ca.certificate_pem()).remove(0)).unwrap();
    let roots = Arc::new(roots);
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone()).build().unwrap();
    let server_config = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain(&server.certificate_pem), key(&server.key_pem))
        .unwrap();
    let client_config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(chain(&agent.certificate_pem), key(&agent_key))
        .unwrap();
    for (name, expected) in [("controller.example", true), ("127.0.0.1", true), ("other.example", false)] {
        let mut client =
            ClientConnection::new(Arc::new(client_config.clone()), ServerName::try_from(name).unwrap()).unwrap();
        let mut controller = ServerConnection::new(Arc::new(server_config.clone())).unwrap();
        assert_eq!(shake_hands(&mut client, &mut controller), expected, "{name}");
        let seen = controller.peer_certificates().map(|chain| sha256_of_der(&chain[0]));
        assert_eq!(seen, expected.then_some(agent.sha256), "{name}");
    }
}

fn shake_hands(client: &mut ClientConnection, server: &mut ServerConnection) -> bool {
    // TLS 1.3 needs three flights; more means that somebody waits for ever.
    for _ in 0..10 {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).unwrap();
        }
        server.read_tls(&mut &bytes[..]).unwrap();
        if server.process_new_packets().is_err() {
            return false;
        }
        bytes.clear();
        while server.wants_write() {
            server.write_tls(&mut bytes).unwrap();
        }
        client.read_tls(&mut &bytes[..]).unwrap();
        if client.process_new_packets().is_err() {
            return false;
        }
        if !client.is_handshaking() && !server.is_handshaking() {
            return true;
        }
    }
    false
}
