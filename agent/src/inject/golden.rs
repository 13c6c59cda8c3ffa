//! Every renderer's text for one server that has everything: `golden/` holds what was looked at by the peers' own programs
//! (`netplan generate`, `ifquery`, cloud-init's reader, `nmcli --offline`). To change it on purpose: `BILLET_GOLDEN=write cargo test golden`.

use super::{ifupdown, links, netplan, network_manager, networkd, nocloud, parameter_plane, plan::tests::wired_nics};
use std::path::Path;

fn together(files: Vec<(String, String)>) -> String {
    files.iter().map(|(path, text)| format!("### {path}\n{text}\n")).collect()
}

#[test]
fn every_renderer_writes_what_its_golden_file_says() {
    let nics = wired_nics();
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/inject/golden");
    for (name, text) in [
        ("networkd.txt", together(networkd::files(&nics))),
        ("network-manager.txt", together(network_manager::files(&nics))),
        ("links.txt", together(links::names(&nics))),
        ("netplan.yaml", netplan::text(&nics)),
        ("network-config", nocloud::network_config(&nics)),
        ("interfaces", ifupdown::interfaces(&nics)),
        ("parameter-plane.json", parameter_plane::plan(&nics)),
        ("hccn.conf", parameter_plane::hccn(&nics).unwrap_or_default()),
    ] {
        let path = dir.join(name);
        if std::env::var_os("BILLET_GOLDEN").is_some_and(|word| word == "write") {
            std::fs::create_dir_all(&dir).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        let expected = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(text, expected, "{name}");
    }
}

/// No renderer gives a rail's gateway to the main table, nor a name server to a rail.
#[test]
fn a_rail_has_no_default_route_outside_its_table() {
    let nics = wired_nics();
    let rails =
        super::links::links(&nics).into_iter().filter(|link| link.top.is_some_and(|top| top.nic.rail().is_some()));
    assert_eq!(rails.count(), 2, "an accelerator's own port is no link");
    let interfaces = ifupdown::interfaces(&nics);
    assert_eq!(interfaces.matches("    gateway ").count(), 1);
    for line in interfaces.lines().filter(|line| line.contains("172.16.0.1 ")) {
        assert!(line.contains(" table 100"), "{line}");
    }
    let network = netplan::network(&nics);
    let routes = network["ethernets"]["nic3"]["routes"].as_array().unwrap();
    assert!(routes.iter().all(|route| route["table"] == 100), "{routes:?}");
    assert!(network["ethernets"]["nic3"].get("nameservers").is_none());
}

/// Of IPv6 neither an address nor a router: the kernel would learn both by itself.
#[test]
fn nothing_is_learnt_on_a_rail_or_below_a_tagged_network() {
    let nics = wired_nics();
    let silent = ["bond0", "nic2", "nic3", "nic4"];
    let interfaces = ifupdown::interfaces(&nics);
    let stanzas = interfaces.split("\nauto ").filter(|text| text.contains("disable_ipv6 || true"));
    let names: Vec<&str> = stanzas.filter_map(|text| text.lines().next()).collect();
    assert_eq!(names, silent, "ifupdown");
    let network = netplan::network(&nics);
    let keyfiles = network_manager::files(&nics);
    for name in silent {
        let kind = if name.starts_with("bond") { "bonds" } else { "ethernets" };
        assert_eq!(network[kind][name]["accept-ra"], false, "netplan: {name}");
        let ending = format!("billet-{name}.nmconnection");
        let (_, text) = keyfiles.iter().find(|(path, _)| path.ends_with(&ending)).unwrap();
        assert!(text.contains("[ipv6]\nmethod=disabled"), "NetworkManager: {name}");
    }
}
