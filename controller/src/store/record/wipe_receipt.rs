//! The signed receipt of a disk that was erased.

use crate::clock::Timestamp;
use billet_proto::ServerId;

/// A receipt. It outlives its server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WipeReceipt {
    /// Grows over all servers; 0 before it is recorded.
    pub seq: u64,
    /// Whose disk.
    pub server_id: ServerId,
    /// Of the order to wipe.
    pub generation: u64,
    /// As the disk tells it; may be empty.
    pub disk_serial: String,
    /// When.
    pub recorded_at: Timestamp,
    /// A JWS in compact form.
    pub jws: String,
}
