//! Get LAN Configuration Parameters for static IPv6 addresses, IPMI v2.0 revision 1.1 §23.2; the parameters are in table 23-4.

use super::{Malformed, lan_configuration::THIS_CHANNEL};
use ipmi_rs_core::connection::{IpmiCommand, Message, NetFn};
use std::net::Ipv6Addr;

/// Parameter 55: how many static addresses there can be.
pub(in crate::bmc) struct CountIpv6Addresses;

/// Parameter 56: one of them, by its number from 0.
pub(in crate::bmc) struct GetIpv6Address(pub(in crate::bmc) u8);

impl From<CountIpv6Addresses> for Message {
    fn from(CountIpv6Addresses: CountIpv6Addresses) -> Self {
        Message::new_request(NetFn::Transport, 0x02, vec![THIS_CHANNEL, 55, 0, 0])
    }
}

impl IpmiCommand for CountIpv6Addresses {
    type Output = u8;
    type Error = Malformed;

    fn parse_success_response(data: &[u8]) -> Result<u8, Malformed> {
        // The revision of the parameter comes first.
        data.get(1).copied().ok_or(Malformed)
    }
}

impl From<GetIpv6Address> for Message {
    fn from(GetIpv6Address(number): GetIpv6Address) -> Self {
        Message::new_request(NetFn::Transport, 0x02, vec![THIS_CHANNEL, 56, number, 0])
    }
}

impl IpmiCommand for GetIpv6Address {
    /// Address and length of the prefix; none where it is not in use.
    type Output = Option<String>;
    type Error = Malformed;

    fn parse_success_response(data: &[u8]) -> Result<Option<String>, Malformed> {
        // Revision, number, source with the bit that says whether it is in use, address, length of the prefix; the status, which changes
        // by itself, is not looked at.
        let [_, _, source, rest @ ..] = data else { return Err(Malformed) };
        let (address, rest) = rest.split_first_chunk::<16>().ok_or(Malformed)?;
        let prefix_length = rest.first().ok_or(Malformed)?;
        let is_in_use = source & 0x80 != 0;
        Ok(is_in_use.then(|| format!("{}/{prefix_length}", Ipv6Addr::from(*address))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn static_addresses_are_read_as_the_table_says() {
        assert_eq!(CountIpv6Addresses::parse_success_response(&[0x11, 4, 16, 3]).ok(), Some(4));
        let read = |answer: &str| GetIpv6Address::parse_success_response(&hex::decode(answer).unwrap()).ok();
        let address = "20010db8000000000000000000000065";
        assert_eq!(read(&format!("110180{address}4000")), Some(Some("2001:db8::65/64".into())));
        assert_eq!(read(&format!("110100{address}4001")), Some(None), "it is there and not in use");
        assert_eq!(read(&format!("110180{address}")), None);
        assert_eq!(read("11"), None);
        assert_eq!(Message::from(GetIpv6Address(3)).data(), [0x0e, 56, 3, 0]);
        assert_eq!(Message::from(CountIpv6Addresses).data(), [0x0e, 55, 0, 0]);
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(data in proptest::collection::vec(any::<u8>(), 0..32)) {
            let _ = GetIpv6Address::parse_success_response(&data);
            let _ = CountIpv6Addresses::parse_success_response(&data);
        }
    }
}
