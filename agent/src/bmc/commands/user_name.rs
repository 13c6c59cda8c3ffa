//! Set and Get User Name, IPMI v2.0 §22.28, §22.29.

use super::Malformed;
use ipmi_rs_core::connection::{IpmiCommand, Message, NetFn};

/// A name has so many bytes, filled up with zeros.
const BYTES: usize = 16;

/// Reads the name of the account in a slot (1 to 63).
pub(in crate::bmc) struct GetUserName(pub(in crate::bmc) u8);

impl From<GetUserName> for Message {
    fn from(GetUserName(slot): GetUserName) -> Self {
        Message::new_request(NetFn::App, 0x46, vec![slot & 0x3f])
    }
}

impl IpmiCommand for GetUserName {
    /// Fit to be shown; another byte than of ASCII's printable ones is told as `\xNN`, so that no two names look alike.
    type Output = String;
    type Error = Malformed;

    fn parse_success_response(data: &[u8]) -> Result<String, Malformed> {
        let name = data.get(..BYTES).ok_or(Malformed)?;
        let end = name.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        Ok(name[..end].escape_ascii().to_string())
    }
}

/// Sets the name of the account in a slot. One with more than 16 bytes is cut: callers refuse it before.
pub(in crate::bmc) struct SetUserName<'a> {
    pub(in crate::bmc) slot: u8,
    pub(in crate::bmc) name: &'a str,
}

impl From<SetUserName<'_>> for Message {
    fn from(SetUserName { slot, name }: SetUserName<'_>) -> Self {
        let mut data = vec![slot & 0x3f];
        data.extend(name.bytes().chain(std::iter::repeat(0)).take(BYTES));
        Message::new_request(NetFn::App, 0x45, data)
    }
}

impl IpmiCommand for SetUserName<'_> {
    type Output = ();
    type Error = Malformed;
    fn parse_success_response(_: &[u8]) -> Result<(), Malformed> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_without_what_fills_it_up() {
        // `ipmitool raw 6 0x46 2` of ipmi_sim with an account "admin" there, and of an empty slot.
        let read = |answer: &str| GetUserName::parse_success_response(&hex::decode(answer).unwrap());
        assert_eq!(read("61646d696e0000000000000000000000").unwrap(), "admin");
        assert_eq!(read("00000000000000000000000000000000").unwrap(), "");
        assert_eq!(read("61646d696e1b00610000000000000000").unwrap(), "admin\\x1b\\x00a");
        assert_eq!(read("61646d"), Err(Malformed));
        assert_eq!(Message::from(GetUserName(2)).data(), [2]);
    }

    #[test]
    fn a_name_is_set_as_ipmitool_sets_it() {
        // `ipmitool -vvv user set name 4 eve`.
        let message = Message::from(SetUserName { slot: 4, name: "eve" });
        let sent = (message.cmd(), hex::encode(message.data()));
        assert_eq!(sent, (0x45, "0465766500000000000000000000000000".to_owned()));
    }
}
