//! Set Session Privilege Level, IPMI v2.0 §22.18.

use super::Malformed;
use crate::config::Privilege;
use ipmi_rs_core::connection::{IpmiCommand, Message, NetFn};

/// The privilege's number (table 22-28).
pub(in crate::bmc) fn privilege_code(privilege: Privilege) -> u8 {
    match privilege {
        Privilege::Operator => 3,
        Privilege::Administrator => 4,
    }
}

/// Raises the session to the privilege that it was opened for: a new one starts at User.
pub(in crate::bmc) struct SetPrivilege(pub(in crate::bmc) Privilege);

impl From<SetPrivilege> for Message {
    fn from(SetPrivilege(privilege): SetPrivilege) -> Self {
        Message::new_request(NetFn::App, 0x3b, vec![privilege_code(privilege)])
    }
}

impl IpmiCommand for SetPrivilege {
    /// The number of the privilege that the session has now.
    type Output = u8;
    type Error = Malformed;
    fn parse_success_response(data: &[u8]) -> Result<u8, Malformed> {
        data.first().map(|level| level & 0x0f).ok_or(Malformed)
    }
}
