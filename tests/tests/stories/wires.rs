//! How servers are wired: a tagged bond that loses a cable.

use crate::stage::{PASSWORD, PATIENCE, site, until};
use billet_lab::{Bond, ServerSpec, chassis, site::Site};
use serde_json::Value;
use std::{path::Path, time::Duration};

#[test]
#[ignore = "needs the laboratory: cargo xtask test runs it"]
fn a_bond_with_a_tag_lives_on_when_a_cable_is_pulled() {
    let bond = Bond { mode: "active-backup".into(), nics: vec![0, 1], vlan: Some(100) };
    let servers = vec![ServerSpec { bonds: vec![bond], ..ServerSpec::default() }];
    let site = site("bond", servers, 1, "[policy]\nallow_unwiped_reuse = true\n");
    let server = &site.lab.servers[0];
    let password = site.password_file(PASSWORD).unwrap();
    let nic = format!("{}=10.20.0.10", site.subnets[0]);
    let id = site.create("bond-1", "cloudinit", &password, &["--nic", &nic]).unwrap();
    let instance = running(&site, &id);
    let mac = instance["network_interfaces"][0]["mac"].as_str().unwrap_or_default();
    assert!(mac.is_empty() || mac == server.macs[0], "the port is its first MAC, not {mac}");

    let told = ssh(
        &site,
        &instance,
        &password,
        "cat /proc/net/bonding/bond0; ip -d link show bond0v100; ip -4 -brief address",
    );
    for part in ["fault-tolerance (active-backup)", "Primary Slave:", "vlan protocol 802.1Q id 100", "10.20.0.10/24"] {
        assert!(told.contains(part), "{part} in {told}");
    }
    for mac in &server.macs[..2] {
        assert!(told.contains(&format!("Permanent HW addr: {mac}")), "{mac} in {told}");
    }
    assert_eq!(active(&site, &instance, &password), server.macs[0], "the first member is preferred");

    chassis::ask(&server.dir, "set pull 0").unwrap();
    until("the second link has taken over", Duration::from_secs(60), || {
        try_ssh(&site, &instance, &password).is_some_and(|told| told == server.macs[1])
    });
    chassis::ask(&server.dir, "set plug 0").unwrap();
    until("the preferred link is back", Duration::from_secs(60), || {
        try_ssh(&site, &instance, &password).is_some_and(|told| told == server.macs[0])
    });
    site.text(false, &["instance", "delete", &id, "--wait"]).unwrap();
}

fn running(site: &Site, id: &str) -> Value {
    let instance = site.settled(id, PATIENCE).unwrap();
    assert_eq!(instance["state"], "running", "{} {}", instance["error"], instance["phase"]);
    instance
}

fn ssh(site: &Site, instance: &Value, password: &Path, command: &str) -> String {
    site.ssh(instance, password, command).unwrap()
}

/// MAC of the link that works now.
const ACTIVE: &str = "cat /sys/class/net/$(cat /sys/class/net/bond0/bonding/active_slave)/bonding_slave/perm_hwaddr";

fn active(site: &Site, instance: &Value, password: &Path) -> String {
    ssh(site, instance, password, ACTIVE).trim().to_owned()
}

fn try_ssh(site: &Site, instance: &Value, password: &Path) -> Option<String> {
    Some(site.ssh(instance, password, ACTIVE).ok()?.trim().to_owned())
}
