//! Get Channel Access, IPMI v2.0 §22.23.

use super::Malformed;
use ipmi_rs_core::connection::{IpmiCommand, Message, NetFn};

/// The channel that the question comes by (§6.3).
const THIS_CHANNEL: u8 = 0x0e;

/// Reads how the channel may be used: as it is kept over a restart of the BMC, or as it is now.
#[derive(Clone, Copy)]
pub(in crate::bmc) enum GetChannelAccess {
    Kept,
    Present,
}

impl From<GetChannelAccess> for Message {
    fn from(which: GetChannelAccess) -> Self {
        let which = match which {
            GetChannelAccess::Kept => 0x40,
            GetChannelAccess::Present => 0x80,
        };
        Message::new_request(NetFn::App, 0x41, vec![THIS_CHANNEL, which])
    }
}

impl IpmiCommand for GetChannelAccess {
    /// Such as `always, limit 4`; a check of messages that is off is named.
    type Output = String;
    type Error = Malformed;

    fn parse_success_response(data: &[u8]) -> Result<String, Malformed> {
        let [access, limit, ..] = *data else { return Err(Malformed) };
        let mode = match access & 0x07 {
            0 => "disabled",
            1 => "before the system boots",
            2 => "always",
            3 => "shared",
            _ => "unknown",
        };
        let mut text = format!("{mode}, limit {}", limit & 0x0f);
        for (flag, what) in [(0x10, "no check of each message"), (0x08, "no check of users")] {
            if access & flag != 0 {
                text.push_str(", ");
                text.push_str(what);
            }
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channels_access_is_read_as_ipmitool_shows_it() {
        // `ipmitool raw 6 0x41 0x0e 0x80` of ipmi_sim; `channel info` shows "Access Mode: always available".
        assert_eq!(GetChannelAccess::parse_success_response(&[0x02, 0x04]).unwrap(), "always, limit 4");
        let open = GetChannelAccess::parse_success_response(&[0x1a, 0x03]).unwrap();
        assert_eq!(open, "always, limit 3, no check of each message, no check of users");
        assert_eq!(GetChannelAccess::parse_success_response(&[2]), Err(Malformed));
        assert_eq!(Message::from(GetChannelAccess::Kept).data(), [0x0e, 0x40]);
        assert_eq!(Message::from(GetChannelAccess::Present).data(), [0x0e, 0x80]);
    }
}
