//! Against requests that the public client library signed: `golden/make.py` made them.

use super::*;
use crate::{clock::Edge, seal::Sealer};
use axum::http::{HeaderName, HeaderValue, Request, request::Parts};
use base64::{Engine, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("../golden/sdk_requests.json")).unwrap()
}

fn keys(secret: &str) -> AccessKeys {
    let folder = tempfile::tempdir().unwrap();
    let sealer = Sealer::load_or_create(&folder.path().join("key"), &Edge::system().entropy).unwrap();
    let text = format!(
        "[[key]]\nname = \"golden\"\naccess_key = \"BILLETGOLDENACCESSKEY\"\nsecret_key = \"{secret}\"\nrole = \"tenant\"\n\
         project = \"lab\"\n"
    );
    AccessKeys::parse(&text, &sealer).unwrap()
}

fn golden_keys() -> AccessKeys {
    keys(golden()["secret_key"].as_str().unwrap())
}

/// The head as it comes over the wire, where a header's bytes are Latin-1 to the library's HTTP client.
fn wire(request: &Value) -> (Parts, Vec<u8>) {
    let text = |name: &str| request[name].as_str().unwrap();
    let mut head = Request::builder().method(text("method")).uri(text("uri")).body(()).unwrap().into_parts().0;
    for (name, value) in request["headers"].as_object().unwrap() {
        let bytes: Vec<u8> = value.as_str().unwrap().chars().map(|c| u8::try_from(c).unwrap()).collect();
        head.headers.insert(name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(&bytes).unwrap());
    }
    (head, STANDARD.decode(text("body")).unwrap())
}

fn named(name: &str) -> (Parts, Vec<u8>) {
    wire(golden()["requests"].as_array().unwrap().iter().find(|request| request["name"] == name).unwrap())
}

fn check(head: &Parts, payload: Payload<'_>) -> Result<Caller, Denied> {
    let claim = Claim::of(&head.headers)?.expect("it is signed");
    claim.check(&golden_keys(), (&head.method, &head.uri, &head.headers), payload)
}

#[test]
fn every_request_that_the_library_signed_is_its_callers() {
    for request in golden()["requests"].as_array().unwrap() {
        let (head, body) = wire(request);
        let streamed = head.uri.path().ends_with("/images") && !body.is_empty();
        let payload = if streamed { Payload::Streamed } else { Payload::Whole(&body) };
        let caller = check(&head, payload).unwrap_or_else(|error| panic!("{}: {error}", request["name"]));
        assert_eq!((&*caller.name, caller.project), ("key/golden", Some("lab".parse().unwrap())));
    }
}

#[test]
fn a_change_of_anything_signed_is_noticed() {
    let (good, body) = named("a body");
    check(&good, Payload::Whole(&body)).unwrap();
    type Change = fn(&mut Parts, &mut Vec<u8>);
    let changes: [(&str, Change); 9] = [
        ("method", |head, _| head.method = Method::PUT),
        ("path", |head, _| head.uri = "/v1/other/instances".parse().unwrap()),
        ("query", |head, _| head.uri = format!("{}?dry_run=true", head.uri).parse().unwrap()),
        ("body", |_, body| body[3] ^= 1),
        ("no body", |_, body| body.clear()),
        ("host", |head, _| drop(head.headers.insert("host", "other:8443".parse().unwrap()))),
        ("project header", |head, _| drop(head.headers.insert("x-project-id", "other".parse().unwrap()))),
        ("date", |head, _| drop(head.headers.insert("x-sdk-date", "20261125T101113Z".parse().unwrap()))),
        ("a second of a header", |head, _| assert!(head.headers.append("host", "other:8443".parse().unwrap()))),
    ];
    for (what, change) in changes {
        let (mut head, mut body) = named("a body");
        change(&mut head, &mut body);
        assert!(check(&head, Payload::Whole(&body)).is_err(), "{what}");
    }
    let claim = Claim::of(&good.headers).unwrap().unwrap();
    let other =
        claim.check(&keys("another-secret-key"), (&good.method, &good.uri, &good.headers), Payload::Whole(&body));
    assert_eq!(other, Err(WRONG));
}

#[test]
fn a_client_token_that_is_not_signed_is_refused() {
    let (mut head, _) = named("a body");
    head.headers.insert("x-client-token", "added".parse().unwrap());
    let refused = Claim::of(&head.headers).unwrap_err();
    assert!(refused.to_string().contains("x-client-token"), "{refused}");
}

#[test]
fn unsigned_bytes_are_an_images_alone() {
    let (head, body) = named("a body of another type is not signed");
    assert!(check(&head, Payload::Whole(&body)).unwrap_err().to_string().contains("UNSIGNED-PAYLOAD"));
    let (head, _) = named("a body");
    assert!(check(&head, Payload::Streamed).unwrap_err().to_string().contains("UNSIGNED-PAYLOAD"));
}

#[test]
fn a_request_is_good_for_a_quarter_of_an_hour_either_way() {
    let (head, _) = named("a plain list");
    let claim = Claim::of(&head.headers).unwrap().unwrap();
    // `date -u -d 2026-11-25T10:11:12Z +%s`.
    let signed = Timestamp(1_795_601_472_000);
    assert_eq!(claim.at, signed);
    let keys = golden_keys();
    let minute = Duration::from_secs(60);
    let before = |by: Duration| Timestamp(signed.0 - u64::try_from(by.as_millis()).unwrap());
    for (now, good) in [
        (signed, true),
        (signed.after(15 * minute), true),
        (before(15 * minute), true),
        (signed.after(16 * minute), false),
        (before(16 * minute), false),
    ] {
        assert_eq!(claim.is_plausible(&keys, now).is_ok(), good, "{now}");
    }
    assert_eq!(claim.is_plausible(&AccessKeys::default(), signed), Err(WRONG));
}

#[test]
fn a_misshapen_signature_is_refused_and_another_scheme_is_none() {
    let (good, _) = named("a plain list");
    let hex = "00".repeat(32);
    let with = |authorization: &str| {
        let mut headers = good.headers.clone();
        headers.insert("authorization", authorization.parse().unwrap());
        Claim::of(&headers)
    };
    assert_eq!(with("Basic YTpi"), Ok(None));
    assert!(with(&format!("SDK-HMAC-SHA256 Access=a, SignedHeaders=host;x-sdk-date, Signature={hex}")).is_ok());
    for bad in [
        "SDK-HMAC-SHA256".to_owned(),
        "SDK-HMAC-SHA256 Access=a".to_owned(),
        format!("SDK-HMAC-SHA256 Access=a, SignedHeaders=host;x-sdk-date, Signature={}", "0".repeat(63)),
        format!("SDK-HMAC-SHA256 Access=a, SignedHeaders=host, Signature={hex}"),
        format!("SDK-HMAC-SHA256 Access=a, SignedHeaders=host;;x-sdk-date, Signature={hex}"),
        format!("SDK-HMAC-SHA256 Access=a, Access=b, SignedHeaders=host;x-sdk-date, Signature={hex}"),
        format!("SDK-HMAC-SHA256 Access=a, SignedHeaders=host;x-sdk-date, Signature={hex}, More=1"),
    ] {
        assert!(with(&bad).is_err(), "{bad}");
    }
    let mut headers = good.headers.clone();
    headers.insert("x-security-token", "t".parse().unwrap());
    assert!(Claim::of(&headers).unwrap_err().to_string().contains("X-Security-Token"));
}

proptest! {
    #[test]
    fn no_header_makes_it_panic(authorization in "SDK-HMAC-SHA256[ -~]{0,80}", date in "[ -~]{0,20}") {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", authorization.parse().unwrap());
        headers.insert("x-sdk-date", date.parse().unwrap());
        let _ = Claim::of(&headers);
    }

    #[test]
    fn encoding_again_changes_nothing(text in "[ -~]{0,40}") {
        prop_assert_eq!(path(&path(&text)), path(&text));
        let once = query(Some(&text));
        prop_assert_eq!(query(Some(&once)), once);
    }
}
