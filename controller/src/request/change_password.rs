//! The body of ChangeInstancePassword.

use super::{
    Password, Problems,
    fields::{Fault, parsed},
    reinstall::instance_ids,
};
use billet_proto::InstanceId;
use serde_json::Value;

/// Instances of one call.
const MAX_INSTANCES: usize = 50;

/// A request for another password, from the next boot on.
#[derive(Debug)]
pub struct ChangePassword {
    /// In plain text, until it is hashed.
    pub password: Password,
    /// 1 to 50, each once.
    pub instance_ids: Vec<InstanceId>,
}

impl ChangePassword {
    /// Reads a JSON body. The password's plain text is moved out of the parsed document, not copied.
    ///
    /// # Errors
    /// For each field its first problem; never a password.
    pub fn parse(bytes: &[u8]) -> Result<Self, Problems> {
        let ids = |value: Value| -> Result<Vec<InstanceId>, Fault> { instance_ids(value, MAX_INSTANCES) };
        parsed(bytes, |fields| {
            let password = fields.required("new_password", Password::from_json);
            let instance_ids = fields.required("instance_id_set", ids);
            Some(Self { password: password?, instance_ids: instance_ids? })
        })
    }
}
