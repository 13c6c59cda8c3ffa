//! NetworkManager's keyfiles (nm-settings-keyfile(5)): a connection for each interface; NICs are found by MAC.

use super::{
    links::{Kind, Link, Top, links},
    plan::{BondMode, Nic},
};

/// Where NetworkManager looks.
pub(super) const DIR: &str = "/etc/NetworkManager/system-connections";

/// Path and text of each file; NetworkManager takes only such as root alone can read.
pub(super) fn files(nics: &[Nic]) -> Vec<(String, String)> {
    let each = |link: &Link<'_>| (format!("{DIR}/billet-{}.nmconnection", link.name), keyfile(link));
    links(nics).iter().map(each).collect()
}

fn keyfile(link: &Link<'_>) -> String {
    let name = &link.name;
    let kind = match &link.kind {
        Kind::Nic { .. } => "ethernet",
        Kind::Bond { .. } => "bond",
        Kind::Vlan { .. } => "vlan",
    };
    let mut text = format!("[connection]\nid=billet-{name}\ntype={kind}\nautoconnect-priority=100\n");
    if !matches!(link.kind, Kind::Nic { .. }) {
        text.push_str(&format!("interface-name={name}\n"));
    }
    if let Some((bond, _)) = &link.member_of {
        text.push_str(&format!("master={bond}\nslave-type=bond\n"));
    }
    match &link.kind {
        Kind::Nic { mac } => text.push_str(&format!("\n[ethernet]\nmac-address={mac}\n")),
        Kind::Bond { mode, mac, members } => {
            let more = match mode {
                BondMode::ActiveBackup => format!("primary={}\n", members[0]),
                BondMode::Lacp => "lacp_rate=fast\nxmit_hash_policy=layer3+4\n".into(),
            };
            text.push_str(&format!("\n[bond]\nmode={}\nmiimon=100\n{more}", mode.word()));
            text.push_str(&format!("\n[ethernet]\ncloned-mac-address={mac}\n"));
        }
        Kind::Vlan { tag, on } => text.push_str(&format!("\n[vlan]\nid={tag}\nparent={on}\n\n[ethernet]\n")),
    }
    // The section that was begun last is that of Ethernet.
    text.extend(link.mtu.map(|mtu| format!("mtu={mtu}\n")));
    if link.member_of.is_some() {
        return text;
    }
    match &link.top {
        None => text.push_str("\n[ipv4]\nmethod=disabled\n\n[ipv6]\nmethod=disabled\n"),
        Some(top) => text.push_str(&configuration(top)),
    }
    text
}

fn configuration(Top { nic, primary }: &Top<'_>) -> String {
    let mut text = format!("\n[ipv4]\nmethod=manual\naddress1={}\n", nic.with_prefix());
    if *primary {
        text.extend(nic.gateway.map(|gateway| format!("gateway={gateway}\n")));
        let servers: String = nic.dns.iter().map(|server| format!("{server};")).collect();
        if !servers.is_empty() {
            text.push_str(&format!("dns={servers}\n"));
        }
    }
    let Some(rail) = nic.rail() else {
        text.push_str("\n[ipv6]\nmethod=auto\n");
        return text;
    };
    let (table, from, priority) = (rail.table(), nic.address, rail.priority());
    let network = nic.network();
    text.push_str(&format!("route1={network}\nroute1_options=table={table},src={from}\n"));
    text.extend(
        nic.gateway.map(|gateway| format!("route2=0.0.0.0/0,{gateway}\nroute2_options=table={table},src={from}\n")),
    );
    text.push_str(&format!("routing-rule1=priority {priority} from {from} table {table}\n"));
    text.push_str("\n[ipv6]\nmethod=disabled\n");
    text
}
