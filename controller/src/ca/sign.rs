//! The two kinds of leaves: the controller's own, and agents'.

use super::{Ca, CaError, DAY, sha256_of_der};
use crate::clock::Edge;
use billet_proto::AgentId;
use rcgen::{
    CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PublicKeyData, SanType,
    SerialNumber,
};
use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};
use zeroize::Zeroizing;

/// What browsers and their kin accept at most (CA/Browser Forum's former limit); it is reissued at each start, and at half of it.
pub(crate) const SERVER_VALIDITY: Duration = DAY.saturating_mul(825);
/// Agents renew theirs at half of it: one that is away for half a year joins anew.
const AGENT_VALIDITY: Duration = DAY.saturating_mul(365);
/// How far a peer's clock may be behind ours.
const BACKDATE: Duration = Duration::from_secs(60 * 60);
/// A PKCS#10 request with a P-256 key has about 500 bytes.
const MAX_REQUEST_BYTES: usize = 16 << 10;

/// A listener's certificate with its key.
#[derive(Clone)]
pub struct ServerCertificate {
    /// The leaf alone, as who trusts the authority needs no chain; and, while the authority before is trusted too, the
    /// authority's own by that one.
    pub certificate_pem: String,
    /// PKCS#8; wiped when dropped.
    pub key_pem: Zeroizing<String>,
}

impl fmt::Debug for ServerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerCertificate")
    }
}

/// An agent's certificate and the fingerprint by which it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentCertificate {
    /// The leaf.
    pub certificate_pem: String,
    /// SHA-256 of its DER.
    pub sha256: [u8; 32],
    /// SHA-256 of the public key's bytes.
    pub key_sha256: [u8; 32],
}

impl Ca {
    /// Issues a certificate with a new key for the controller's listeners, valid 825 days: for `localhost`, the
    /// loopback addresses and `names` (DNS names or IP addresses). Nothing is stored.
    ///
    /// # Errors
    /// When one of `names` is neither, or the signature fails.
    pub fn issue_server(&self, names: &[String]) -> Result<ServerCertificate, CaError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(CaError::Sign)?;
        let mut params = leaf("billet-controller", ExtendedKeyUsagePurpose::ServerAuth, &self.edge, SERVER_VALIDITY);
        let local = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()].map(SanType::IpAddress);
        params.subject_alt_names = vec![dns_name("localhost")?];
        params.subject_alt_names.extend(local);
        for name in names {
            let name = alternative_name(name)?;
            if !params.subject_alt_names.contains(&name) {
                params.subject_alt_names.push(name);
            }
        }
        let in_force = self.in_force();
        let certificate = params.signed_by(&key, &in_force.issuer).map_err(CaError::Sign)?;
        let mut certificate_pem = certificate.pem();
        certificate_pem.extend(in_force.cross_pem.clone());
        Ok(ServerCertificate { certificate_pem, key_pem: Zeroizing::new(key.serialize_pem()) })
    }

    /// Signs an agent's certificate, valid a year as a TLS client named `agent-ID`. Of the request it takes the key
    /// alone: P-256, P-384 or Ed25519.
    ///
    /// # Errors
    /// When the request cannot be read, is not signed by its own key, or has another kind of key.
    pub fn sign_agent(&self, csr_pem: &str, agent_id: AgentId) -> Result<AgentCertificate, CaError> {
        let refused = |rule, source| CaError::Request { rule, source };
        if csr_pem.len() > MAX_REQUEST_BYTES {
            return Err(refused("it is longer than 16 KiB", None));
        }
        let request = CertificateSigningRequestParams::from_pem(csr_pem)
            .map_err(|source| refused("it is not PKCS#10 in PEM, signed by its own key", Some(source)))?;
        let algorithm = PublicKeyData::algorithm(&request.public_key);
        if ![&PKCS_ECDSA_P256_SHA256, &PKCS_ECDSA_P384_SHA384, &PKCS_ED25519].contains(&algorithm) {
            return Err(refused("its key is neither P-256, P-384 nor Ed25519", None));
        }
        let name = format!("agent-{agent_id}");
        let mut params = leaf(&name, ExtendedKeyUsagePurpose::ClientAuth, &self.edge, AGENT_VALIDITY);
        params.subject_alt_names = vec![dns_name(&name)?];
        let certificate = params.signed_by(&request.public_key, &self.in_force().issuer).map_err(CaError::Sign)?;
        let key_sha256 = sha256_of_der(PublicKeyData::der_bytes(&request.public_key));
        let sha256 = sha256_of_der(certificate.der());
        Ok(AgentCertificate { certificate_pem: certificate.pem(), sha256, key_sha256 })
    }
}

pub(super) fn set_validity(params: &mut CertificateParams, edge: &Edge, validity: Duration) {
    let now = Duration::from_millis(edge.now().0);
    // A clock beyond the year 9999 is caught here; the certificate is then worth nothing, but nobody panics.
    let date = |since_1970: Duration| {
        i64::try_from(since_1970.as_secs())
            .ok()
            .and_then(|seconds| time::OffsetDateTime::from_unix_timestamp(seconds).ok())
            .unwrap_or(time::OffsetDateTime::UNIX_EPOCH)
    };
    params.not_before = date(now.saturating_sub(BACKDATE));
    params.not_after = date(now.saturating_add(validity));
}

fn leaf(name: &str, usage: ExtendedKeyUsagePurpose, edge: &Edge, validity: Duration) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![usage];
    params.use_authority_key_identifier_extension = true;
    // RFC 5280 §4.1.2.2: positive, at most 20 octets. Not derived from the key, which a request may repeat.
    let mut serial = [0; 16];
    edge.entropy.fill(&mut serial);
    serial[0] = serial[0] & 0x7f | 0x40;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    set_validity(&mut params, edge, validity);
    params
}

fn alternative_name(name: &str) -> Result<SanType, CaError> {
    match name.parse::<IpAddr>() {
        Ok(address) => Ok(SanType::IpAddress(address)),
        Err(_) => dns_name(name),
    }
}

fn dns_name(name: &str) -> Result<SanType, CaError> {
    let refused = || CaError::Name(name.chars().take(64).collect());
    rustls::pki_types::DnsName::try_from(name).map_err(|_| refused())?;
    name.try_into().map(SanType::DnsName).map_err(|_| refused())
}
