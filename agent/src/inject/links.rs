//! What the kernel is to have: NICs, bonds of them, and tagged networks on either. Every renderer writes this down in its own way.

use super::plan::{BondMode, Nic};
use billet_proto::MacAddr;

/// An interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link<'a> {
    /// At most 15 bytes, and of no form that a system takes for its own: `nic0`, `nic0m1`, `bond0`, `nic0v100`.
    pub(super) name: String,
    pub(super) kind: Kind,
    /// The bond that it is in, and whether it is the preferred link.
    pub(super) member_of: Option<(String, bool)>,
    /// The tagged network on it.
    pub(super) carries: Option<String>,
    pub(super) mtu: Option<u32>,
    /// What is configured on it, when nothing is above it.
    pub(super) top: Option<Top<'a>>,
}

/// The configuration of a NIC of the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Top<'a> {
    pub(super) nic: &'a Nic,
    /// It has the system's default route and DNS.
    pub(super) primary: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Nic { mac: MacAddr },
    Bond { mode: BondMode, mac: MacAddr, members: Vec<String> },
    Vlan { tag: u16, on: String },
}

/// All interfaces, each after those below it. An accelerator's own port is none.
pub(super) fn links(nics: &[Nic]) -> Vec<Link<'_>> {
    let seen = nics.iter().enumerate().filter(|(_, nic)| nic.accelerator.is_none());
    seen.flat_map(|(index, nic)| of_nic(index, nic)).collect()
}

fn of_nic(index: usize, nic: &Nic) -> Vec<Link<'_>> {
    let plain = |name: String, kind: Kind| Link { name, kind, member_of: None, carries: None, mtu: nic.mtu, top: None };
    let mut links = Vec::new();
    match &nic.bond {
        None => links.push(plain(format!("nic{index}"), Kind::Nic { mac: nic.mac })),
        Some(bond) => {
            let name = format!("bond{index}");
            let mut members = Vec::new();
            for (number, mac) in bond.members.iter().enumerate() {
                let member = format!("nic{index}m{number}");
                let preferred = number == 0 && bond.mode == BondMode::ActiveBackup;
                let member_of = Some((name.clone(), preferred));
                links.push(Link { member_of, ..plain(member.clone(), Kind::Nic { mac: *mac }) });
                members.push(member);
            }
            links.push(plain(name, Kind::Bond { mode: bond.mode, mac: nic.mac, members }));
        }
    }
    if let (Some(tag), Some(below)) = (nic.vlan, links.last_mut()) {
        let on = below.name.clone();
        let name = format!("{on}v{tag}");
        below.carries = Some(name.clone());
        links.push(plain(name, Kind::Vlan { tag, on }));
    }
    if let Some(top) = links.last_mut() {
        top.top = Some(Top { nic, primary: index == 0 });
    }
    links
}

/// systemd.link(5) files, by which each NIC has its name: path and text.
pub(super) fn names(nics: &[Nic]) -> Vec<(String, String)> {
    let each = |link: Link<'_>| {
        let Kind::Nic { mac } = link.kind else { return None };
        let text = format!("[Match]\nPermanentMACAddress={mac}\n\n[Link]\nName={}\n", link.name);
        Some((format!("/etc/systemd/network/10-billet-{}.link", link.name), text))
    };
    links(nics).into_iter().filter_map(each).collect()
}
