//! Receipts of erased disks.

use super::{Id, Timestamp, access::AuditPageInfo, admin::WipePolicy};
use utoipa::ToSchema;

/// A page of them.
#[derive(ToSchema)]
pub(in crate::api) struct WipeReceipts {
    receipts: Vec<WipeReceipt>,
    page_info: AuditPageInfo,
}

/// That a disk was erased.
#[derive(ToSchema)]
pub(in crate::api) struct WipeReceipt {
    seq: u64,
    recorded_at: Timestamp,
    disk_serial: String,
    generation: u64,
    /// A JWS in compact form (RFC 7515) with Ed25519 (RFC 8037); its payload is `receipt`. This is what counts.
    #[schema(pattern = "^[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+$")]
    jws: String,
    receipt: WipeReceiptContent,
}

/// What such a receipt says.
#[derive(ToSchema)]
pub(in crate::api) struct WipeReceiptContent {
    /// Of the meaning of these fields.
    #[schema(minimum = 1)]
    version: u32,
    /// An instance's receipt has none.
    #[schema(pattern = "^wipe$")]
    kind: String,
    server: WipeReceiptServer,
    disk: WipeReceiptDisk,
    policy: WipePolicy,
    /// `nvme-sanitize-block`, `nvme-sanitize-crypto`, `nvme-format`, `nvme-format-crypto`, `ata-secure-erase-enhanced`,
    /// `ata-secure-erase`, `write-zeroes`, `overwrite` or `metadata`.
    method: String,
    /// The drive's own way left something else than zeros, so that they were written after it.
    zeroed_after: bool,
    /// What was tried before, each with why it did not do.
    refused: Vec<String>,
    /// What was erased.
    ranges: Vec<WipeReceiptRange>,
    /// All of them together.
    bytes: u64,
    samples: WipeReceiptSamples,
    /// Counts the server's orders.
    generation: u64,
    times: WipeReceiptTimes,
}

/// Whose disk it is.
#[derive(ToSchema)]
pub(in crate::api) struct WipeReceiptServer {
    id: Id,
    uuid: String,
    serial: String,
}

/// The disk, as it tells itself.
#[derive(ToSchema)]
pub(in crate::api) struct WipeReceiptDisk {
    serial: String,
    wwn: String,
    model: String,
    firmware_version: String,
    transport: String,
    size_bytes: u64,
}

/// A part of the disk.
#[derive(ToSchema)]
pub(in crate::api) struct WipeReceiptRange {
    from: u64,
    bytes: u64,
}

/// What was read back and found zero.
#[derive(ToSchema)]
pub(in crate::api) struct WipeReceiptSamples {
    count: u32,
    /// BLAKE3 of offset and length of each, 64 bits, little-endian, in the order read; null: not told.
    #[schema(required, pattern = "^[0-9a-f]{64}$")]
    places_blake3: Option<String>,
}

/// When what happened.
#[derive(ToSchema)]
pub(in crate::api) struct WipeReceiptTimes {
    /// The wipe was asked for.
    #[schema(required)]
    accepted: Option<Timestamp>,
    /// It was told as ended: the controller's clock.
    recorded: Timestamp,
    /// How long erasing took: the ramdisk's clock.
    erase_ms: u64,
    read_back_ms: u64,
}
