//! NICs on the command line.

use crate::cli::client::NewNic;

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
}
