//! interfaces(5). Bonds and tagged networks are made by ip(8) alone, so that no package need be there for them.

use super::{
    links::{Kind, Link, Top, links},
    plan::{BondMode, Nic},
};

/// `/etc/network/interfaces`.
pub(super) fn interfaces(nics: &[Nic]) -> String {
    let mut text = "auto lo\niface lo inet loopback\n".to_owned();
    // A bond takes its members up itself.
    for link in links(nics).iter().filter(|link| link.member_of.is_none()) {
        text.push_str(&stanza(link));
    }
    text
}

fn stanza(link: &Link<'_>) -> String {
    let name = &link.name;
    let method = if link.top.is_some() { "static" } else { "manual" };
    let mut text = format!("\nauto {name}\niface {name} inet {method}\n");
    let mut line = |line: String| text.push_str(&format!("    {line}\n"));
    match &link.kind {
        Kind::Nic { .. } => {}
        Kind::Bond { mode, mac, members } => {
            let more = match mode {
                BondMode::ActiveBackup => "",
                BondMode::Lacp => " lacp_rate fast xmit_hash_policy layer3+4",
            };
            let mode_word = mode.word();
            line(format!("pre-up ip link add {name} address {mac} type bond mode {mode_word} miimon 100{more}"));
            for member in members {
                line(format!("pre-up ip link set {member} down"));
                line(format!("pre-up ip link set {member} master {name}"));
            }
            if *mode == BondMode::ActiveBackup {
                line(format!("pre-up ip link set {name} type bond primary {}", members[0]));
            }
            line(format!("post-down ip link del {name}"));
        }
        Kind::Vlan { tag, on } => {
            line(format!("pre-up ip link add link {on} name {name} type vlan id {tag}"));
            line(format!("post-down ip link del {name}"));
        }
    }
    if link.top.is_none_or(|top| top.nic.rail().is_some()) {
        // Nothing is learnt on a rail, nor below a tagged network; the kernel takes router advertisements unless it is told.
        line(format!("pre-up echo 1 > /proc/sys/net/ipv6/conf/{name}/disable_ipv6 || true"));
    }
    if link.top.is_none() {
        line(format!("up ip link set {name} up"));
    }
    match (link.mtu, link.top) {
        // `mtu` is a word of the method static.
        (Some(mtu), None) => line(format!("up ip link set {name} mtu {mtu}")),
        (Some(mtu), Some(_)) => line(format!("mtu {mtu}")),
        (None, _) => {}
    }
    for more in link.top.iter().flat_map(|top| configuration(name, top)) {
        line(more);
    }
    text
}

fn configuration(name: &str, Top { nic, primary }: &Top<'_>) -> Vec<String> {
    let mut lines = vec![format!("address {}", nic.with_prefix())];
    if *primary {
        lines.extend(nic.gateway.map(|gateway| format!("gateway {gateway}")));
        // For resolvconf(8) and its like, which own /etc/resolv.conf where it is a link; ifup itself ignores it.
        let servers: Vec<String> = nic.dns.iter().map(ToString::to_string).collect();
        if !servers.is_empty() {
            lines.push(format!("dns-nameservers {}", servers.join(" ")));
        }
    }
    if let Some(rail) = nic.rail() {
        let (table, from, priority) = (rail.table(), nic.address, rail.priority());
        let network = nic.network();
        lines.push(format!("up ip route replace {network} dev {name} scope link src {from} table {table}"));
        lines.extend(
            nic.gateway.map(|gateway| {
                format!("up ip route replace default via {gateway} dev {name} src {from} table {table}")
            }),
        );
        lines.push(format!("up ip rule add from {from} lookup {table} priority {priority}"));
        lines.push(format!("down ip rule del from {from} lookup {table} priority {priority}"));
    }
    lines
}
