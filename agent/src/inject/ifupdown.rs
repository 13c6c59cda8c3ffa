//! interfaces(5), and systemd.link(5) so that each NIC has the name that the file uses.

use super::Plan;

/// Names that no other rule gives.
fn name(index: usize) -> String {
    format!("nic{index}")
}

/// `/etc/network/interfaces`.
pub(super) fn interfaces(plan: &Plan) -> String {
    let mut text = "auto lo\niface lo inet loopback\n".to_owned();
    for (index, nic) in plan.nics.iter().enumerate() {
        let name = name(index);
        text.push_str(&format!(
            "\nauto {name}\niface {name} inet static\n    address {}/{}\n",
            nic.address, nic.prefix_length
        ));
        if index == 0 {
            text.push_str(&format!("    gateway {}\n", nic.gateway));
            // For resolvconf(8) and its like, which own /etc/resolv.conf where it is a link; ifup itself ignores it.
            let servers: Vec<String> = nic.dns.iter().map(ToString::to_string).collect();
            if !servers.is_empty() {
                text.push_str(&format!("    dns-nameservers {}\n", servers.join(" ")));
            }
        }
    }
    text
}

/// Path and text of each link file.
pub(super) fn links(plan: &Plan) -> Vec<(String, String)> {
    let each = |(index, nic): (usize, &super::plan::Nic)| {
        let text = format!("[Match]\nPermanentMACAddress={}\n\n[Link]\nName={}\n", nic.mac, name(index));
        (format!("/etc/systemd/network/10-billet-nic{index}.link"), text)
    };
    plan.nics.iter().enumerate().map(each).collect()
}

#[cfg(test)]
mod tests {
    use super::{super::plan::tests::plan, *};

    #[test]
    fn the_first_nic_alone_has_the_gateway_and_dns() {
        let expected = "auto lo\niface lo inet loopback\n\n\
            auto nic0\niface nic0 inet static\n    address 10.20.0.7/24\n    gateway 10.20.0.1\n    \
            dns-nameservers 10.20.0.1\n\n\
            auto nic1\niface nic1 inet static\n    address 10.20.1.7/24\n";
        assert_eq!(interfaces(&plan()), expected);
        assert_eq!(links(&plan())[1].1, "[Match]\nPermanentMACAddress=52:54:00:00:00:02\n\n[Link]\nName=nic1\n");
    }
}
