//! systemd.network(5): one file for each NIC, matched by MAC; the default route on the first alone.

use super::Plan;
use std::fmt::Write;

/// Path and text of each file.
pub(super) fn files(plan: &Plan) -> Vec<(String, String)> {
    let each = |(index, nic): (usize, &super::plan::Nic)| {
        let mut text =
            format!("[Match]\nPermanentMACAddress={}\n\n[Network]\nDHCP=no\nLinkLocalAddressing=ipv6\n", nic.mac);
        let mut line = |line: std::fmt::Arguments<'_>| writeln!(text, "{line}").expect("a String takes any text");
        line(format_args!("Address={}/{}", nic.address, nic.prefix_length));
        if index == 0 {
            line(format_args!("Gateway={}", nic.gateway));
            for server in &nic.dns {
                line(format_args!("DNS={server}"));
            }
        }
        (format!("/etc/systemd/network/10-billet-nic{index}.network"), text)
    };
    plan.nics.iter().enumerate().map(each).collect()
}

/// Links that enable the service, as `systemctl enable` makes them.
pub(super) const ENABLING: [(&str, &str); 2] = [
    (
        "/etc/systemd/system/multi-user.target.wants/systemd-networkd.service",
        "/lib/systemd/system/systemd-networkd.service",
    ),
    ("/etc/systemd/system/sockets.target.wants/systemd-networkd.socket", "/lib/systemd/system/systemd-networkd.socket"),
];

#[cfg(test)]
mod tests {
    use super::{super::plan::tests::plan, *};

    #[test]
    fn the_first_nic_alone_has_the_default_route_and_dns() {
        let files = files(&plan());
        assert_eq!(files[0].0, "/etc/systemd/network/10-billet-nic0.network");
        let expected = "[Match]\nPermanentMACAddress=52:54:00:00:00:01\n\n[Network]\nDHCP=no\nLinkLocalAddressing=ipv6\n\
            Address=10.20.0.7/24\nGateway=10.20.0.1\nDNS=10.20.0.1\n";
        assert_eq!(files[0].1, expected);
        let expected = "[Match]\nPermanentMACAddress=52:54:00:00:00:02\n\n[Network]\nDHCP=no\nLinkLocalAddressing=ipv6\n\
            Address=10.20.1.7/24\n";
        assert_eq!(files[1].1, expected);
    }
}
