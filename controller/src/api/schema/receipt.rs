//! Receipts.

use super::{Cidr, Id, Ipv4Address, Mac, Project, Timestamp};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// An instance's birth certificate.
#[derive(ToSchema)]
pub(in crate::api) struct Receipt {
    /// A JWS in compact form (RFC 7515) with Ed25519 (RFC 8037); its payload is `receipt`. This is what counts.
    #[schema(pattern = "^[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+$")]
    jws: String,
    receipt: ReceiptContent,
}

/// What a receipt says.
#[derive(ToSchema)]
pub(in crate::api) struct ReceiptContent {
    /// Of the meaning of these fields.
    #[schema(minimum = 1)]
    version: u32,
    instance: ReceiptInstance,
    image: ReceiptImage,
    server: ReceiptServer,
    network: Vec<ReceiptNic>,
    host_key: ReceiptHostKey,
    /// How far the boot was trusted.
    boot_trust: Option<String>,
    /// What proved that it runs.
    proof: Option<String>,
    /// Null where nothing was wiped before.
    wipe_before: Option<ReceiptWipe>,
    /// What brought it here: `install`, `reinstall`, `switch-install` or `modify-ip`.
    operation: String,
    /// Counts the server's orders.
    generation: u64,
    times: ReceiptTimes,
}

/// Whose receipt it is.
#[derive(ToSchema)]
pub(in crate::api) struct ReceiptInstance {
    id: Id,
    name: String,
    project_id: Project,
    vpc_id: Id,
}

/// What was installed.
#[derive(ToSchema)]
pub(in crate::api) struct ReceiptImage {
    id: Id,
    #[schema(required = false)]
    name: String,
    #[schema(required = false)]
    os_type: String,
    #[schema(required = false)]
    size_bytes: u64,
    #[schema(required = false, pattern = "^[0-9a-f]{64}$")]
    sha256: String,
    /// Of the manifest by which each chunk was checked before it was written.
    #[schema(required = false, pattern = "^[0-9a-f]{64}$")]
    manifest_blake3: String,
}

/// Where it was installed.
#[derive(ToSchema)]
pub(in crate::api) struct ReceiptServer {
    id: Id,
    #[schema(required = false)]
    uuid: String,
    #[schema(required = false)]
    serial: String,
    /// Of the disk written to, where it tells one.
    disk_serial: Option<String>,
}

/// A NIC as it was configured.
#[derive(ToSchema)]
pub(in crate::api) struct ReceiptNic {
    mac: Mac,
    address: Ipv4Address,
    subnet_id: Id,
    /// Of the parameter plane: which rail.
    rail: Option<u32>,
    #[schema(required = false)]
    cidr: Cidr,
    /// On the parameter plane only where there is one.
    #[schema(required = false)]
    gateway: Ipv4Address,
    /// Of the parameter plane.
    #[schema(required = false)]
    mtu: u32,
    #[schema(required = false)]
    dns: Vec<Ipv4Address>,
}

/// The key that was made for it, and answered.
#[derive(ToSchema)]
pub(in crate::api) struct ReceiptHostKey {
    openssh: Option<String>,
    fingerprint: Option<String>,
}

/// The wipe before it.
#[derive(ToSchema)]
pub(in crate::api) struct ReceiptWipe {
    at: Timestamp,
    policy: String,
    disks: Vec<ReceiptWipedDisk>,
}

/// A disk that was wiped.
#[derive(ToSchema)]
pub(in crate::api) struct ReceiptWipedDisk {
    serial: String,
    wwn: String,
    size_bytes: u64,
    method: String,
    /// Erased.
    bytes: u64,
    samples_read_back: u32,
}

/// When what happened.
#[derive(ToSchema)]
pub(in crate::api) struct ReceiptTimes {
    accepted: Timestamp,
    /// When each step began, by its name.
    steps: BTreeMap<String, Timestamp>,
    running: Timestamp,
}

/// A JWK (RFC 8037 §2).
#[derive(ToSchema)]
pub(in crate::api) struct ReceiptKey {
    #[schema(pattern = "^OKP$")]
    kty: String,
    #[schema(pattern = "^Ed25519$")]
    crv: String,
    #[schema(pattern = "^[A-Za-z0-9_-]{43}$")]
    x: String,
    /// Its thumbprint (RFC 7638).
    #[schema(pattern = "^[A-Za-z0-9_-]{43}$")]
    kid: String,
    #[schema(pattern = "^sig$")]
    r#use: String,
    #[schema(pattern = "^EdDSA$")]
    alg: String,
}
