//! Get Device ID, IPMI v2.0 §20.1.

use super::Malformed;
use ipmi_rs_core::connection::{IpmiCommand, Message, NetFn};

/// Reads the version of the BMC's firmware.
pub(in crate::bmc) struct GetDeviceId;

impl From<GetDeviceId> for Message {
    fn from(_: GetDeviceId) -> Self {
        Message::new_request(NetFn::App, 0x01, Vec::new())
    }
}

impl IpmiCommand for GetDeviceId {
    /// Such as `9.08 (00000003)`; without the brackets where the BMC has no auxiliary revision.
    type Output = String;
    type Error = Malformed;

    fn parse_success_response(data: &[u8]) -> Result<String, Malformed> {
        // Id, revision, major (bit 7 is no part of it), minor (BCD), IPMI version, support, maker (3), product (2), auxiliary.
        let [_, _, major, minor, ..] = *data else { return Err(Malformed) };
        if data.len() < 11 {
            return Err(Malformed);
        }
        let auxiliary = data.get(11..15).map(|bytes| format!(" ({})", hex::encode(bytes)));
        Ok(format!("{}.{minor:02x}{}", major & 0x7f, auxiliary.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_one_that_ipmitool_shows() {
        // `ipmitool raw 6 1` of ipmi_sim, of which `ipmitool mc info` shows "Firmware Revision: 9.08".
        let answer = hex::decode("000309080 29f911200020f00000000".replace(' ', "")).unwrap();
        assert_eq!(GetDeviceId::parse_success_response(&answer).unwrap(), "9.08 (00000000)");
        assert_eq!(GetDeviceId::parse_success_response(&answer[..11]).unwrap(), "9.08");
        // One that is starting says so in bit 7.
        let starting = [&[0, 3, 0x89][..], &answer[3..]].concat();
        assert_eq!(GetDeviceId::parse_success_response(&starting).unwrap(), "9.08 (00000000)");
        assert_eq!(GetDeviceId::parse_success_response(&answer[..10]), Err(Malformed));
    }
}
