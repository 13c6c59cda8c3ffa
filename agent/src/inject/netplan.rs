//! netplan's YAML (its documentation, "YAML configuration"; cloud-init's "Networking config Version 2" is the same), written
//! as JSON, which is YAML too.

use super::{
    links::{Kind, Link, Top, links},
    plan::{BondMode, Nic},
};
use serde_json::{Map, Value, json};

/// Where netplan looks; cloud-init writes what it is given to the same file.
pub(super) const PATH: &str = "/etc/netplan/50-cloud-init.yaml";

/// The value of `network`.
pub(super) fn network(nics: &[Nic]) -> Value {
    let (mut ethernets, mut bonds, mut vlans) = (Map::new(), Map::new(), Map::new());
    for link in links(nics) {
        let mut config = json!({ "dhcp4": false, "dhcp6": false });
        if let Some(mtu) = link.mtu {
            config["mtu"] = mtu.into();
        }
        configure(&mut config, &link);
        match &link.kind {
            Kind::Nic { mac } => {
                // Named as well as matched: bonds and tagged networks speak of it by its name.
                config["match"] = json!({ "macaddress": mac.to_string() });
                config["set-name"] = link.name.clone().into();
                ethernets.insert(link.name, config);
            }
            Kind::Bond { mode, mac, members } => {
                config["interfaces"] = json!(members);
                config["macaddress"] = mac.to_string().into();
                config["parameters"] = match mode {
                    BondMode::ActiveBackup => {
                        json!({ "mode": mode.word(), "mii-monitor-interval": 100, "primary": members[0] })
                    }
                    BondMode::Lacp => json!({
                        "mode": mode.word(),
                        "mii-monitor-interval": 100,
                        "lacp-rate": "fast",
                        "transmit-hash-policy": "layer3+4",
                    }),
                };
                bonds.insert(link.name, config);
            }
            Kind::Vlan { tag, on } => {
                config["id"] = (*tag).into();
                config["link"] = on.clone().into();
                vlans.insert(link.name, config);
            }
        }
    }
    let mut network = json!({ "version": 2, "ethernets": ethernets });
    for (kind, links) in [("bonds", bonds), ("vlans", vlans)] {
        if !links.is_empty() {
            network[kind] = links.into();
        }
    }
    network
}

/// Text of the file.
pub(super) fn text(nics: &[Nic]) -> String {
    let mut text = serde_json::to_string_pretty(&json!({ "network": network(nics) })).expect("a Value has a JSON form");
    text.push('\n');
    text
}

fn configure(config: &mut Value, link: &Link<'_>) {
    let Some(Top { nic, primary }) = &link.top else {
        // Nothing is learnt below a bond or a tagged network.
        config["link-local"] = json!([]);
        config["accept-ra"] = false.into();
        return;
    };
    config["addresses"] = json!([nic.with_prefix()]);
    if *primary {
        if let Some(gateway) = nic.gateway {
            config["routes"] = json!([{ "to": "0.0.0.0/0", "via": gateway }]);
        }
        config["nameservers"] = json!({ "addresses": nic.dns });
    }
    if let Some(rail) = nic.rail() {
        let table = rail.table();
        let mut routes = vec![json!({ "to": nic.network(), "scope": "link", "from": nic.address, "table": table })];
        routes.extend(
            nic.gateway
                .map(|gateway| json!({ "to": "0.0.0.0/0", "via": gateway, "from": nic.address, "table": table })),
        );
        config["routes"] = routes.into();
        config["routing-policy"] = json!([{ "from": nic.address, "table": table, "priority": rail.priority() }]);
        config["link-local"] = json!([]);
        config["accept-ra"] = false.into();
    }
}
