//! Signatures with an access key: `SDK-HMAC-SHA256`, as the family's public client libraries make them.
//!
//! What is signed: method, path (decoded and encoded again, ending in a slash), the sorted query, the headers that the
//! caller chose, and the SHA-256 of the body. `Host` and `X-Sdk-Date` must be among the headers, and so must those of ours
//! that change what a call does.
//!
//! Non-goals: nonces. A request that is caught can be sent again within [`MAX_SKEW`]; TLS keeps requests from being caught,
//! and a creation with an `X-Client-Token` is done once however often it comes. Temporary keys (`X-Security-Token`) are
//! refused: nobody here issues them.

use super::{AccessKeys, Caller, Credential, Denied};
use crate::clock::Timestamp;
use axum::http::{HeaderMap, Method, Uri};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use std::time::Duration;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

const ALGORITHM: &str = "SDK-HMAC-SHA256";
/// As much as the family's gateway tolerates.
pub const MAX_SKEW: Duration = Duration::from_secs(15 * 60);
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
const CONTENT_HASH: &str = "x-sdk-content-sha256";
/// SHA-256 of nothing (FIPS 180-4).
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// Headers that change what a call does: they are signed wherever they stand.
const MEANINGFUL: [&str; 2] = ["x-client-token", CONTENT_HASH];
/// A client signs all that it sends; no client sends so many.
const MAX_SIGNED_HEADERS: usize = 64;

const MISSHAPEN: Denied =
    Denied::Unknown("Authorization must be 'SDK-HMAC-SHA256 Access=…, SignedHeaders=…, Signature=…'");
/// One text for an unknown key and a wrong signature: it does not tell which keys exist.
const WRONG: Denied = Denied::Unknown("the access key is unknown, or the signature is not of this request");

/// A signature that was not checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    access_key: String,
    /// In lower case, in the signature's order.
    signed: Vec<String>,
    signature: [u8; 32],
    /// `X-Sdk-Date` as it stands.
    date: String,
    at: Timestamp,
}

/// The body of a signed request.
#[derive(Debug, Clone, Copy)]
pub enum Payload<'a> {
    /// All of it.
    Whole(&'a [u8]),
    /// Too large to be held; the caller may say `UNSIGNED-PAYLOAD`.
    Streamed,
}

impl Claim {
    /// The claim that the headers make; none where `Authorization` is no signature of this kind.
    ///
    /// # Errors
    /// When it is one, and misshapen.
    pub fn of(headers: &HeaderMap) -> Result<Option<Self>, Denied> {
        let Some(given) = headers.get("authorization").and_then(|value| value.to_str().ok()) else { return Ok(None) };
        let Some(rest) = given.strip_prefix(ALGORITHM) else { return Ok(None) };
        if headers.get_all("authorization").iter().count() > 1 {
            return Err(MISSHAPEN);
        }
        if headers.contains_key("x-security-token") {
            return Err(Denied::Unknown("X-Security-Token: temporary access keys are not taken here"));
        }
        let (mut access_key, mut signed, mut signature) = (None, None, None);
        for part in rest.split(',') {
            let (name, value) = part.trim().split_once('=').ok_or(MISSHAPEN)?;
            let place = match name {
                "Access" => &mut access_key,
                "SignedHeaders" => &mut signed,
                "Signature" => &mut signature,
                _ => return Err(MISSHAPEN),
            };
            if place.replace(value).is_some() {
                return Err(MISSHAPEN);
            }
        }
        let signed: Vec<String> = signed.ok_or(MISSHAPEN)?.split(';').map(str::to_ascii_lowercase).collect();
        let mut bytes = [0; 32];
        hex::decode_to_slice(signature.ok_or(MISSHAPEN)?, &mut bytes).map_err(|_| MISSHAPEN)?;
        if signed.len() > MAX_SIGNED_HEADERS || signed.iter().any(String::is_empty) {
            return Err(MISSHAPEN);
        }
        let is_signed = |name: &str| signed.iter().any(|signed| signed == name);
        if !is_signed("host") || !is_signed("x-sdk-date") {
            return Err(Denied::Unknown("SignedHeaders must name host and x-sdk-date"));
        }
        if MEANINGFUL.iter().any(|name| headers.contains_key(*name) && !is_signed(name)) {
            return Err(Denied::Unknown(
                "SignedHeaders must name x-client-token and x-sdk-content-sha256 where they are sent",
            ));
        }
        let no_date = Denied::Unknown("X-Sdk-Date must be a time such as 20261125T101112Z");
        let date = headers.get("x-sdk-date").and_then(|value| value.to_str().ok()).ok_or(no_date.clone())?.trim();
        let at = time_of(date).ok_or(no_date)?;
        let access_key = access_key.ok_or(MISSHAPEN)?.to_owned();
        Ok(Some(Self { access_key, signed, signature: bytes, date: date.to_owned(), at }))
    }

    /// What the call is taken by, once it was checked with the same keys.
    ///
    /// # Errors
    /// When the key is not among them.
    pub fn credential(&self, keys: &AccessKeys) -> Result<Credential, Denied> {
        keys.find(&self.access_key).map(|key| key.credential(&self.access_key)).ok_or(WRONG)
    }

    /// Whether it is worth reading the body: the key is known, and the time is about now.
    ///
    /// # Errors
    /// When not.
    pub fn is_plausible(&self, keys: &AccessKeys, now: Timestamp) -> Result<(), Denied> {
        if self.at.since(now).max(now.since(self.at)) > MAX_SKEW {
            return Err(Denied::Unknown("X-Sdk-Date is more than 15 min away from the controller's clock"));
        }
        keys.find(&self.access_key).map(drop).ok_or(WRONG)
    }

    /// The key's caller, if the signature is of this request. The comparison takes the same time whatever is wrong.
    ///
    /// # Errors
    /// When it is not, or the body is not what the headers say.
    pub fn check(
        &self,
        keys: &AccessKeys,
        (method, uri, headers): (&Method, &Uri, &HeaderMap),
        payload: Payload<'_>,
    ) -> Result<Caller, Denied> {
        let key = keys.find(&self.access_key).ok_or(WRONG)?;
        let mut request = Vec::new();
        for part in [method.as_str().as_bytes(), path(uri.path()).as_bytes(), query(uri.query()).as_bytes()] {
            request.extend_from_slice(part);
            request.push(b'\n');
        }
        for name in &self.signed {
            let mut values = headers.get_all(name).iter();
            let (Some(value), None) = (values.next(), values.next()) else {
                return Err(Denied::Unknown("SignedHeaders names a header that was not sent exactly once"));
            };
            request.extend_from_slice(name.as_bytes());
            request.push(b':');
            request.extend_from_slice(value.as_bytes().trim_ascii());
            request.push(b'\n');
        }
        request.push(b'\n');
        request.extend_from_slice(self.signed.join(";").as_bytes());
        request.push(b'\n');
        request.extend_from_slice(content_hash(headers, payload)?.as_bytes());

        let text = format!("{ALGORITHM}\n{}\n{}", self.date, hex::encode(Sha256::digest(&request)));
        let mut mac = Hmac::<Sha256>::new_from_slice(key.secret.as_bytes()).expect("an HMAC takes keys of any length");
        mac.update(text.as_bytes());
        mac.verify(&self.signature.into()).map_err(|_| WRONG)?;
        Ok(key.caller.clone())
    }
}

/// `20261125T101112Z`.
fn time_of(date: &str) -> Option<Timestamp> {
    let digits = |range: std::ops::Range<usize>| {
        date.get(range).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
    };
    if date.len() != 16 || date.get(8..9) != Some("T") || date.get(15..) != Some("Z") {
        return None;
    }
    let (year, month, day) = (digits(0..4)?, digits(4..6)?, digits(6..8)?);
    let (hour, minute, second) = (digits(9..11)?, digits(11..13)?, digits(13..15)?);
    let text = format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z");
    let seconds = OffsetDateTime::parse(&text, &Rfc3339).ok()?.unix_timestamp();
    u64::try_from(seconds).ok().map(|seconds| Timestamp(seconds * 1000))
}

/// What stands for the body in what is signed.
fn content_hash(headers: &HeaderMap, payload: Payload<'_>) -> Result<String, Denied> {
    let said = headers.get(CONTENT_HASH).map(|value| value.to_str().unwrap_or_default().trim());
    let bytes = match payload {
        Payload::Whole(bytes) => bytes,
        Payload::Streamed if said == Some(UNSIGNED) => return Ok(UNSIGNED.to_owned()),
        Payload::Streamed => return Err(Denied::Unknown("X-Sdk-Content-Sha256 must be UNSIGNED-PAYLOAD here")),
    };
    // The libraries say UNSIGNED-PAYLOAD for a type that is not JSON even where there is no body.
    if bytes.is_empty() {
        return Ok(EMPTY.to_owned());
    }
    let is = hex::encode(Sha256::digest(bytes));
    match said {
        None => Ok(is),
        Some(said) if said.eq_ignore_ascii_case(&is) => Ok(said.to_owned()),
        Some(UNSIGNED) => Err(Denied::Unknown("X-Sdk-Content-Sha256: UNSIGNED-PAYLOAD is for an image's bytes alone")),
        Some(_) => Err(Denied::Unknown("X-Sdk-Content-Sha256 is not the body's")),
    }
}

/// The path as it is signed: each segment decoded and encoded again, with a slash at the end.
fn path(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len() + 1);
    for (index, segment) in decoded(path).split(|byte| *byte == b'/').enumerate() {
        if index > 0 {
            encoded.push('/');
        }
        encode(segment, &mut encoded);
    }
    if !encoded.ends_with('/') {
        encoded.push('/');
    }
    encoded
}

/// The query as it is signed: decoded, sorted by name and value, encoded again.
fn query(query: Option<&str>) -> String {
    let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect();
    pairs.sort();
    let mut encoded = String::new();
    for (name, value) in &pairs {
        if !encoded.is_empty() {
            encoded.push('&');
        }
        encode(name, &mut encoded);
        encoded.push('=');
        encode(value, &mut encoded);
    }
    encoded
}

/// Percent signs that are no escapes stay as they are.
fn decoded(text: &str) -> Vec<u8> {
    let (bytes, mut decoded, mut index) = (text.as_bytes(), Vec::with_capacity(text.len()), 0);
    while let Some(byte) = bytes.get(index) {
        let mut escape = [0];
        let digits = bytes.get(index + 1..index + 3).filter(|_| *byte == b'%');
        if digits.is_some_and(|digits| hex::decode_to_slice(digits, &mut escape).is_ok()) {
            decoded.push(escape[0]);
            index += 3;
        } else {
            decoded.push(*byte);
            index += 1;
        }
    }
    decoded
}

/// RFC 3986 §2.3: all but the unreserved characters as `%XX`.
fn encode(bytes: &[u8], to: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            to.push(char::from(*byte));
        } else {
            to.push('%');
            to.push(char::from(DIGITS[usize::from(byte >> 4)]));
            to.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests;
