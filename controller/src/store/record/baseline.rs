//! What a server was like when it was enrolled.

use crate::clock::Timestamp;
use billet_proto::link;

/// What a server was like at an inspection, as the operator wants it to be again after each tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    /// When.
    pub recorded_at: Timestamp,
    /// What was seen.
    pub facts: link::Baseline,
}
