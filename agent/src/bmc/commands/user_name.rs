//! Set and Get User Name, IPMI v2.0 §22.28, §22.29.

use super::Malformed;
use crate::bmc::UserName;
use ipmi_rs_core::connection::{IpmiCommand, Message, NetFn};

/// Reads the name of the account in a slot (1 to 63).
pub(in crate::bmc) struct GetUserName(pub(in crate::bmc) u8);

impl From<GetUserName> for Message {
    fn from(GetUserName(slot): GetUserName) -> Self {
        Message::new_request(NetFn::App, 0x46, vec![slot & 0x3f])
    }
}

impl IpmiCommand for GetUserName {
    type Output = UserName;
    type Error = Malformed;

    fn parse_success_response(data: &[u8]) -> Result<UserName, Malformed> {
        data.first_chunk().copied().map(UserName::new).ok_or(Malformed)
    }
}

/// Sets the name of the account in a slot.
pub(in crate::bmc) struct SetUserName {
    pub(in crate::bmc) slot: u8,
    pub(in crate::bmc) name: UserName,
}

impl From<SetUserName> for Message {
    fn from(SetUserName { slot, name }: SetUserName) -> Self {
        let mut data = vec![slot & 0x3f];
        data.extend(name.bytes());
        Message::new_request(NetFn::App, 0x45, data)
    }
}

impl IpmiCommand for SetUserName {
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
        let read = |answer: &str| {
            let name = GetUserName::parse_success_response(&hex::decode(answer).unwrap());
            name.map(|name| name.to_string())
        };
        assert_eq!(read("61646d696e0000000000000000000000").unwrap(), "admin");
        assert_eq!(read("00000000000000000000000000000000").unwrap(), "");
        assert_eq!(read("61646d696e1b00610000000000000000").unwrap(), "admin\\x1b\\x00a");
        assert_eq!(read("61646d"), Err(Malformed));
        assert_eq!(Message::from(GetUserName(2)).data(), [2]);
    }

    #[test]
    fn a_name_is_set_as_ipmitool_sets_it() {
        // `ipmitool -vvv user set name 4 eve`.
        let message = Message::from(SetUserName { slot: 4, name: UserName::parse("eve").unwrap() });
        let sent = (message.cmd(), hex::encode(message.data()));
        assert_eq!(sent, (0x45, "0465766500000000000000000000000000".to_owned()));
    }

    #[test]
    fn a_name_is_written_back_byte_by_byte_though_it_is_shown_otherwise() {
        let told = hex::decode("61646d696e1b0061225c000000000000").unwrap();
        let read = GetUserName::parse_success_response(&told).unwrap();
        let kept = UserName::parse(&read.to_string()).unwrap();
        assert_eq!(Message::from(SetUserName { slot: 4, name: kept }).data()[1..], told[..]);
    }
}
