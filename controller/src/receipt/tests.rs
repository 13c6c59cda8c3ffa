//! Receipts, checked by ourselves and by OpenSSL.

use super::*;
use crate::clock::SystemEntropy;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::{path::Path, process::Command};

fn key(dir: &Path) -> ReceiptKey {
    ReceiptKey::load_or_create(&dir.join("receipt.key"), &SystemEntropy).unwrap()
}

/// RFC 8037 §A.2, A.3 and A.4.
#[test]
fn a_thumbprint_and_a_signature_are_those_of_rfc_8037() {
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
    let public = PublicKey::from_jwk(&jwk).unwrap();
    assert_eq!(public.id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    let jws = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6\
               dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    let (signed, signature) = jws.rsplit_once('.').unwrap();
    ring::signature::UnparsedPublicKey::new(
        &ring::signature::ED25519,
        URL_SAFE_NO_PAD.decode(jwk["x"].as_str().unwrap()).unwrap(),
    )
    .verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap())
    .unwrap();
    // It is signed by that key, and is no receipt.
    assert!(matches!(public.verify(jws), Err(VerifyError::Header { wanted: "billet-receipt", .. })));
}

#[test]
fn a_key_is_made_once_and_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let first = key(dir.path());
    assert_eq!(key(dir.path()).public(), first.public());
    let path = dir.path().join("receipt.key");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(ReceiptKey::load_or_create(&path, &SystemEntropy).is_err());
    std::fs::remove_file(&path).unwrap();
    assert_ne!(key(dir.path()).public(), first.public());
}

#[test]
fn what_was_changed_or_made_with_another_key_is_refused() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (key, other) = (key(dir.path()), key(other.path()));
    let said = json!({ "instance": { "name": "web" } });
    let jws = key.sign(said.to_string().as_bytes());
    assert_eq!(key.public().verify(&jws).unwrap(), said);
    assert_eq!(jws::payload(&jws).unwrap(), said);
    let parts: Vec<&str> = jws.split('.').collect();
    let encoded = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let with = |header: Value| format!("{}.{}.{}", encoded(header), parts[1], parts[2]);
    let id = key.public().id();
    for (wrong, why) in [
        (format!("{}.{}.{}", parts[0], encoded(json!({ "instance": { "name": "db" } })), parts[2]), "signature"),
        (other.sign(said.to_string().as_bytes()), "another key"),
        (with(json!({ "alg": "none", "kid": id, "typ": "billet-receipt" })), "algorithm"),
        (with(json!({ "alg": "EdDSA", "kid": id, "typ": "JWT" })), "type"),
        (with(json!({ "alg": "EdDSA", "kid": id, "typ": "billet-receipt", "crit": [] })), "extensions"),
        (format!("{}.{}.", parts[0], parts[1]), "no signature"),
        (format!("{}.{}", parts[0], parts[1]), "two parts"),
        (jws.replace('.', ""), "no parts"),
        (String::new(), "nothing"),
        (format!("{jws}."), "four parts"),
    ] {
        assert!(key.public().verify(&wrong).is_err(), "{why}: {wrong}");
    }
}

/// OpenSSL knows neither our code nor our libraries.
#[test]
fn openssl_says_the_same_of_a_signature() {
    let dir = tempfile::tempdir().unwrap();
    let key = key(dir.path());
    let jws = key.sign(b"{}");
    let (signed, signature) = jws.rsplit_once('.').unwrap();
    let path = |name: &str| dir.path().join(name);
    let mut export = Command::new("openssl");
    export.args(["pkey", "-pubout", "-in"]).arg(path("receipt.key")).arg("-out").arg(path("public"));
    assert!(export.status().unwrap().success(), "it reads the key's file");
    std::fs::write(path("signature"), URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    for (text, good) in [(signed.to_owned(), true), (format!("{signed}x"), false)] {
        std::fs::write(path("signed"), text).unwrap();
        let verified = Command::new("openssl")
            .args(["pkeyutl", "-verify", "-rawin", "-pubin", "-inkey"])
            .arg(path("public"))
            .arg("-in")
            .arg(path("signed"))
            .arg("-sigfile")
            .arg(path("signature"))
            .output()
            .unwrap();
        assert_eq!(verified.status.success(), good, "{verified:?}");
    }
}

#[test]
fn the_receipt_of_an_erased_disk_cannot_be_turned_into_one_of_another_disk_or_method() {
    let dir = tempfile::tempdir().unwrap();
    let key = key(dir.path());
    let said = json!({ "kind": "wipe", "disk": { "serial": "A" }, "method": "overwrite" });
    let jws = key.sign(said.to_string().as_bytes());
    assert_eq!(key.public().verify(&jws).unwrap(), said);
    for (field, other) in
        [("disk", json!({ "serial": "B" })), ("method", json!("nvme-sanitize-block")), ("kind", json!("x"))]
    {
        let mut changed = said.clone();
        changed[field] = other;
        let parts: Vec<&str> = jws.split('.').collect();
        let payload = URL_SAFE_NO_PAD.encode(changed.to_string());
        let forged = format!("{}.{payload}.{}", parts[0], parts[2]);
        assert_eq!(key.public().verify(&forged), Err(VerifyError::Signature), "{field}");
    }
}
