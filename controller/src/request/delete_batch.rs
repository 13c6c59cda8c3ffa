//! The body of DeleteInstances.

use super::{Problems, fields::parsed, reinstall::instance_ids};
use billet_proto::InstanceId;

/// The family's limit for one call.
const MAX_INSTANCES: usize = 50;

/// A request to delete several instances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteBatch {
    /// 1 to 50, each once.
    pub instance_ids: Vec<InstanceId>,
}

impl DeleteBatch {
    /// Reads a JSON body.
    ///
    /// # Errors
    /// For each field its first problem.
    pub fn parse(bytes: &[u8]) -> Result<Self, Problems> {
        parsed(bytes, |fields| {
            let instance_ids = fields.required("instance_id_set", |value| instance_ids(value, MAX_INSTANCES));
            Some(Self { instance_ids: instance_ids? })
        })
    }
}
