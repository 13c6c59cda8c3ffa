//! How servers are wired: a tagged bond that loses a cable, and accelerators' rails.

use crate::stage::{PASSWORD, running, site, until};
use billet_lab::{Bond, ServerSpec, chassis, net::inside, site::Site};
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

#[test]
#[ignore = "needs the laboratory: cargo xtask test runs it"]
fn each_rail_has_its_own_table_and_leads_nowhere_else() {
    let servers = vec![ServerSpec { nics: 6, rails: 4, ..ServerSpec::default() }];
    let site = site("rails", servers, 1, "[policy]\nallow_unwiped_reuse = true\n");
    let password = site.password_file(PASSWORD).unwrap();
    let (first, second) = (format!("{}=10.20.0.10", site.subnets[0]), site.subnets[1].clone());
    let id = site.create("rails-1", "plain", &password, &["--nic", &first, "--nic", &second]).unwrap();
    let instance = running(&site, &id);
    let run = |command: &str| ssh(&site, &instance, &password, command);

    let plan: Value = serde_json::from_str(&run("cat /etc/billet/parameter-plane.json")).unwrap();
    let rails = plan["rails"].as_array().unwrap();
    assert_eq!(rails.len(), 4, "{plan}");
    let (rules, links) = (run("ip -4 rule"), run("ip -o link"));
    for (number, rail) in rails.iter().enumerate() {
        let (address, table) = (rail["address"].as_str().unwrap(), 100 + number);
        assert_eq!(
            (&rail["rail"], &rail["routing_table"], &rail["mtu"]),
            (&number.into(), &table.into(), &9000.into())
        );
        assert_eq!(rail["mac"], site.lab.servers[0].macs[2 + number]);
        let rule = format!("{}:\tfrom {address} lookup {table}", 1000 + number);
        assert!(rules.contains(&rule), "{rule} in {rules}");
        let link = links.lines().find(|line| line.contains(rail["mac"].as_str().unwrap())).unwrap();
        assert!(link.contains("mtu 9000"), "{link}");
        let routes = run(&format!("ip -4 route show table {table}"));
        assert!(routes.contains(&format!("172.16.{number}.0/24 dev")), "{routes}");
        let through = format!("default via 172.16.{number}.1 dev");
        assert_eq!(routes.contains(&through), number < 3, "only the last has no gateway: {routes}");
        // From its own network, and from behind the router, where an answer finds its way by the rail's table alone.
        assert!(reaches(&site, &format!("172.16.{number}.1"), address), "rail {number}");
        assert_eq!(reaches(&site, "172.31.0.1", address), number < 3, "rail {number} from behind the router");
    }
    let main = run("ip -4 route show default");
    assert!(main.starts_with("default via 10.20.0.1 ") && main.lines().count() == 1, "{main}");
    assert!(!run("cat /etc/resolv.conf").contains("172."));
    site.text(false, &["instance", "delete", &id, "--wait"]).unwrap();
}

/// Whether the SSH server at `address` greets someone on the parameter plane who calls from `from`.
fn reaches(site: &Site, from: &str, address: &str) -> bool {
    let script = format!(
        "import socket; s = socket.create_connection(('{address}', 22), 10, ('{from}', 0)); s.settimeout(20); print(s.recv(4))"
    );
    let called = inside(&site.lab.names.rails(), "python3").args(["-c", &script]).output().unwrap();
    String::from_utf8_lossy(&called.stdout).contains("SSH-")
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
