//! systemd.network(5) and systemd.netdev(5): files for each interface; NICs are matched by MAC.

use super::{
    links::{Kind, Link, Top, links},
    plan::{BondMode, Nic},
};

/// Path and text of each file.
pub(super) fn files(nics: &[Nic]) -> Vec<(String, String)> {
    let path = |link: &Link<'_>, kind: &str| format!("/etc/systemd/network/10-billet-{}.{kind}", link.name);
    let mut files = Vec::new();
    for link in links(nics) {
        files.extend(netdev(&link).map(|text| (path(&link, "netdev"), text)));
        files.push((path(&link, "network"), network(&link)));
    }
    files
}

/// The device, where it is not hardware.
fn netdev(link: &Link<'_>) -> Option<String> {
    let name = &link.name;
    match &link.kind {
        Kind::Nic { .. } => None,
        Kind::Bond { mode, mac, .. } => {
            let mut text = format!("[NetDev]\nName={name}\nKind=bond\nMACAddress={mac}\n");
            text.push_str(&format!("\n[Bond]\nMode={}\nMIIMonitorSec=100ms\n", mode.word()));
            if *mode == BondMode::Lacp {
                text.push_str("LACPTransmitRate=fast\nTransmitHashPolicy=layer3+4\n");
            }
            Some(text)
        }
        Kind::Vlan { tag, .. } => Some(format!("[NetDev]\nName={name}\nKind=vlan\n\n[VLAN]\nId={tag}\n")),
    }
}

fn network(link: &Link<'_>) -> String {
    let mut text = match &link.kind {
        Kind::Nic { mac } => format!("[Match]\nPermanentMACAddress={mac}\n"),
        Kind::Bond { .. } | Kind::Vlan { .. } => format!("[Match]\nName={}\n", link.name),
    };
    if let Some(mtu) = link.mtu {
        text.push_str(&format!("\n[Link]\nMTUBytes={mtu}\n"));
    }
    text.push_str("\n[Network]\nDHCP=no\n");
    // Nothing is learnt on a rail, nor below a bond or a tagged network.
    let learns = link.top.is_some_and(|top| top.nic.rail().is_none());
    text.push_str(if learns { "LinkLocalAddressing=ipv6\n" } else { "LinkLocalAddressing=no\nIPv6AcceptRA=no\n" });
    if let Some((bond, preferred)) = &link.member_of {
        text.push_str(&format!("Bond={bond}\n"));
        if *preferred {
            text.push_str("PrimarySlave=true\n");
        }
    }
    if let Some(vlan) = &link.carries {
        text.push_str(&format!("VLAN={vlan}\n"));
    }
    if let Some(top) = &link.top {
        text.push_str(&configuration(top));
    }
    text
}

fn configuration(Top { nic, primary }: &Top<'_>) -> String {
    let mut text = format!("Address={}\n", nic.with_prefix());
    if *primary {
        text.extend(nic.gateway.iter().map(|gateway| format!("Gateway={gateway}\n")));
        text.extend(nic.dns.iter().map(|server| format!("DNS={server}\n")));
    }
    if let Some(rail) = nic.rail() {
        let (table, from) = (rail.table(), nic.address);
        let network = nic.network();
        text.push_str(&format!(
            "\n[Route]\nDestination={network}\nScope=link\nPreferredSource={from}\nTable={table}\n"
        ));
        text.extend(nic.gateway.iter().map(|gateway| {
            format!("\n[Route]\nDestination=0.0.0.0/0\nGateway={gateway}\nPreferredSource={from}\nTable={table}\n")
        }));
        let priority = rail.priority();
        text.push_str(&format!("\n[RoutingPolicyRule]\nFrom={from}\nTable={table}\nPriority={priority}\n"));
    }
    text
}

/// Links that enable the service, as `systemctl enable` makes them.
pub(super) const ENABLING: [(&str, &str); 2] = [
    (
        "/etc/systemd/system/multi-user.target.wants/systemd-networkd.service",
        "/lib/systemd/system/systemd-networkd.service",
    ),
    ("/etc/systemd/system/sockets.target.wants/systemd-networkd.socket", "/lib/systemd/system/systemd-networkd.socket"),
];
