//! Get LAN Configuration Parameters, IPMI v2.0 §23.2; the parameters are in table 23-4.

use super::Malformed;
use ipmi_rs_core::connection::{IpmiCommand, Message, NetFn};
use std::net::{Ipv4Addr, Ipv6Addr};

/// The channel that the question comes by (§6.3).
pub(super) const THIS_CHANNEL: u8 = 0x0e;

/// A setting of the BMC's network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bmc) enum LanParameter {
    /// How sessions may be authenticated, for each privilege.
    AuthenticationTypes,
    Address,
    AddressSource,
    Mac,
    Netmask,
    Gateway,
    BackupGateway,
    Vlan,
    /// The highest privilege of each cipher suite; a suite that was closed and is open again shows here.
    CipherPrivileges,
    /// Whether there are IPv6 addresses at all (revision 1.1, as all that is about IPv6).
    Ipv6,
    /// Where the way out of an IPv6 network comes from.
    Ipv6Routers,
    /// The first of those that are set by hand.
    Ipv6Router,
}

impl LanParameter {
    /// All that are read first. The community string (16) is not: it is a secret that many would guess, by a digest too.
    pub(in crate::bmc) const ALL: [Self; 10] = [
        Self::AuthenticationTypes,
        Self::Address,
        Self::AddressSource,
        Self::Mac,
        Self::Netmask,
        Self::Gateway,
        Self::BackupGateway,
        Self::Vlan,
        Self::CipherPrivileges,
        Self::Ipv6,
    ];
    /// What is read beside them of a BMC that knows IPv6.
    pub(in crate::bmc) const OF_IPV6: [Self; 2] = [Self::Ipv6Routers, Self::Ipv6Router];

    /// Its name, and its number in the table.
    pub(in crate::bmc) const fn name(self) -> (&'static str, u8) {
        match self {
            Self::AuthenticationTypes => ("authentication-types", 2),
            Self::Address => ("address", 3),
            Self::AddressSource => ("address-source", 4),
            Self::Mac => ("mac", 5),
            Self::Netmask => ("netmask", 6),
            Self::Gateway => ("gateway", 12),
            Self::BackupGateway => ("backup-gateway", 14),
            Self::Vlan => ("vlan", 20),
            Self::CipherPrivileges => ("cipher-privileges", 24),
            Self::Ipv6 => ("ipv6", 51),
            Self::Ipv6Routers => ("ipv6-routers", 64),
            Self::Ipv6Router => ("ipv6-router", 65),
        }
    }

    /// The value, for people and to be compared.
    fn text(self, data: &[u8]) -> Option<String> {
        Some(match self {
            Self::Address | Self::Netmask | Self::Gateway | Self::BackupGateway => {
                Ipv4Addr::from(*data.first_chunk::<4>()?).to_string()
            }
            Self::AddressSource => match data.first()? & 0x0f {
                1 => "static".into(),
                2 => "dhcp".into(),
                3 => "bios".into(),
                4 => "other".into(),
                _ => "not told".into(),
            },
            Self::Mac => data.get(..6)?.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":"),
            Self::Vlan => {
                let [low, high] = *data.first_chunk::<2>()?;
                let is_on = high & 0x80 != 0;
                if is_on { u16::from_le_bytes([low, high & 0x0f]).to_string() } else { "none".into() }
            }
            Self::Ipv6 => match data.first()? {
                0 => "off".into(),
                1 => "alone".into(),
                2 => "beside IPv4".into(),
                other => format!("{other:02x}"),
            },
            Self::Ipv6Routers => match data.first()? & 0x03 {
                0 => "none".into(),
                1 => "static".into(),
                2 => "told by routers".into(),
                _ => "static, and told by routers".into(),
            },
            Self::Ipv6Router => Ipv6Addr::from(*data.first_chunk::<16>()?).to_string(),
            Self::AuthenticationTypes | Self::CipherPrivileges => hex::encode(data),
        })
    }
}

/// Reads a setting's bytes; [`LanValue::of`] makes a text of them.
pub(in crate::bmc) struct GetLanParameter(pub(in crate::bmc) LanParameter);

/// A setting as it came.
pub(in crate::bmc) struct LanValue(Vec<u8>);

impl LanValue {
    /// The value of `parameter`; none where it is too short.
    pub(in crate::bmc) fn of(&self, parameter: LanParameter) -> Option<String> {
        parameter.text(&self.0)
    }
}

impl From<GetLanParameter> for Message {
    fn from(GetLanParameter(parameter): GetLanParameter) -> Self {
        Message::new_request(NetFn::Transport, 0x02, vec![THIS_CHANNEL, parameter.name().1, 0, 0])
    }
}

impl IpmiCommand for GetLanParameter {
    type Output = LanValue;
    type Error = Malformed;

    fn parse_success_response(data: &[u8]) -> Result<LanValue, Malformed> {
        // The revision of the parameter comes first.
        let (_, value) = data.split_first().ok_or(Malformed)?;
        if value.is_empty() { Err(Malformed) } else { Ok(LanValue(value.to_vec())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(parameter: LanParameter, answer: &str) -> Option<String> {
        GetLanParameter::parse_success_response(&hex::decode(answer).unwrap()).ok()?.of(parameter)
    }

    #[test]
    fn settings_are_read_as_ipmitool_shows_them() {
        // `ipmitool raw 0x0c 2 0x0e N 0 0`; those with zeros alone in them are of ipmi_sim as it is.
        for (parameter, answer, shown) in [
            (LanParameter::AuthenticationTypes, "110000171700", "0000171700"),
            (LanParameter::Address, "110a4e0065", "10.78.0.101"),
            (LanParameter::AddressSource, "1101", "static"),
            (LanParameter::AddressSource, "1102", "dhcp"),
            (LanParameter::Mac, "11525400000001", "52:54:00:00:00:01"),
            (LanParameter::Netmask, "11ffffff00", "255.255.255.0"),
            (LanParameter::Vlan, "110000", "none"),
            (LanParameter::Vlan, "116480", "100"),
            (LanParameter::CipherPrivileges, "11444444444444444444", "444444444444444444"),
            // By table 23-4: neither ipmitool nor ipmi_sim knows these.
            (LanParameter::Ipv6, "1100", "off"),
            (LanParameter::Ipv6, "1102", "beside IPv4"),
            (LanParameter::Ipv6Routers, "1103", "static, and told by routers"),
            (LanParameter::Ipv6Router, "11fe800000000000000000000000000001", "fe80::1"),
        ] {
            assert_eq!(read(parameter, answer).as_deref(), Some(shown), "{parameter:?}");
        }
        assert_eq!(read(LanParameter::Address, "110a4e00"), None);
        assert_eq!(read(LanParameter::Address, "11"), None);
        assert_eq!(Message::from(GetLanParameter(LanParameter::Gateway)).data(), [0x0e, 12, 0, 0]);
    }

    #[test]
    fn the_community_string_is_not_asked_for() {
        assert!(LanParameter::ALL.iter().chain(&LanParameter::OF_IPV6).all(|parameter| parameter.name().1 != 16));
    }

    proptest! {
        #[test]
        fn no_setting_makes_it_panic(data in proptest::collection::vec(any::<u8>(), 0..32)) {
            if let Ok(value) = GetLanParameter::parse_success_response(&data) {
                for parameter in LanParameter::ALL.into_iter().chain(LanParameter::OF_IPV6) {
                    let _ = value.of(parameter);
                }
            }
        }
    }
}
