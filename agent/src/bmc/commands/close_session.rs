//! Close Session, IPMI v2.0 §22.19.

use super::Malformed;
use ipmi_rs_core::connection::{IpmiCommand, Message, NetFn};

/// Gives a session back; BMCs have few. Carries the BMC's id of the session.
pub(in crate::bmc) struct CloseSession(pub(in crate::bmc) u32);

impl From<CloseSession> for Message {
    fn from(CloseSession(id): CloseSession) -> Self {
        Message::new_request(NetFn::App, 0x3c, id.to_le_bytes().to_vec())
    }
}

impl IpmiCommand for CloseSession {
    type Output = ();
    type Error = Malformed;
    fn parse_success_response(_: &[u8]) -> Result<(), Malformed> {
        Ok(())
    }
}
