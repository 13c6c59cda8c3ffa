//! Get System GUID, IPMI v2.0 §22.14.

use super::Malformed;
use crate::bmc::quirks::is_unprogrammed_uuid;
use ipmi_rs_core::connection::{IpmiCommand, Message, NetFn};
use uuid::Uuid;

/// Reads the UUID of the machine, in the BMC's byte order; nothing if it was never programmed.
pub(in crate::bmc) struct GetSystemGuid;

impl From<GetSystemGuid> for Message {
    fn from(_: GetSystemGuid) -> Self {
        Message::new_request(NetFn::App, 0x37, Vec::new())
    }
}

impl IpmiCommand for GetSystemGuid {
    type Output = Option<Uuid>;
    type Error = Malformed;

    fn parse_success_response(data: &[u8]) -> Result<Option<Uuid>, Malformed> {
        let uuid = Uuid::from_slice(data.get(..16).ok_or(Malformed)?).map_err(|_| Malformed)?;
        Ok(Some(uuid).filter(|uuid| !is_unprogrammed_uuid(*uuid)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unprogrammed_guid_is_none() {
        assert_eq!(GetSystemGuid::parse_success_response(&[0; 16]), Ok(None));
        assert_eq!(GetSystemGuid::parse_success_response(&[0xff; 16]), Ok(None));
        assert_eq!(GetSystemGuid::parse_success_response(&[0; 15]), Err(Malformed));
        let told = GetSystemGuid::parse_success_response(&[0xa1; 16]).unwrap().unwrap();
        assert_eq!(told.as_bytes(), &[0xa1; 16]);
    }
}
