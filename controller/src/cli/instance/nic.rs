//! NICs and metadata on the command line.

use crate::cli::client::NewNic;
use std::fmt;

/// `SUBNET` or `SUBNET=ADDRESS`.
pub fn parse(text: &str) -> Result<NewNic, String> {
    let (subnet, address) = match text.split_once('=') {
        Some((subnet, address)) => (subnet, Some(address)),
        None => (text, None),
    };
    let subnet_id = subnet.parse().map_err(|_| format!("'{subnet}' is not a subnet's id"))?;
    let ipv4_address = address.map(|text| text.parse().map_err(|_| format!("'{text}' is not an IPv4 address")));
    Ok(NewNic { subnet_id, ipv4_address: ipv4_address.transpose()? })
}

/// `KEY=VALUE`; its value may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Pair {
    /// Before the first `=`.
    pub key: String,
    /// After it.
    pub value: String,
}

impl std::str::FromStr for Pair {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (key, value) = text.split_once('=').ok_or("metadata is KEY=VALUE")?;
        Ok(Self { key: key.to_owned(), value: value.to_owned() })
    }
}

/// Without the value.
impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair").field("key", &self.key).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBNET: &str = "0198170e-4ca7-7000-8000-000000000001";

    #[test]
    fn a_nic_is_a_subnet_with_or_without_an_address() {
        assert_eq!(parse(SUBNET).unwrap().ipv4_address, None);
        let with = parse(&format!("{SUBNET}=10.0.0.5")).unwrap();
        assert_eq!(with.ipv4_address, Some([10, 0, 0, 5].into()));
        assert_eq!(with.subnet_id.to_string(), SUBNET);
        for bad in
            ["", "x", "=10.0.0.5", &format!("{SUBNET}="), &format!("{SUBNET}=10.0.0.5=6"), &format!("{SUBNET}=::1")]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_value_may_hold_anything_and_is_not_shown() {
        let pair: Pair = "k=a=b".parse().unwrap();
        assert_eq!((pair.key.as_str(), pair.value.as_str()), ("k", "a=b"));
        assert!(!format!("{pair:?}").contains("a=b"));
        assert!("k".parse::<Pair>().is_err());
    }
}
