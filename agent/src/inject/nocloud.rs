//! cloud-init's NoCloud seed (its documentation, "NoCloud" and "Networking config Version 2"): JSON, which is YAML too.

use super::{Plan, netplan, plan::Nic};
use serde_json::{Value, json};

/// Where cloud-init looks.
pub(super) const SEED: &str = "/var/lib/cloud/seed/nocloud";

/// Text of `meta-data`. The keys are for the image's own user; root has them without cloud-init too.
pub(super) fn meta_data(plan: &Plan) -> String {
    let keys: Vec<String> = plan.ssh_keys.iter().map(ToString::to_string).collect();
    let local_hostname = plan.short_hostname();
    text(&json!({ "instance-id": plan.instance_id, "local-hostname": local_hostname, "public-keys": keys }))
}

/// `user-data`: the tenant's as it is, whatever its kind.
pub(super) fn user_data(plan: &Plan) -> &[u8] {
    if plan.user_data.is_empty() { b"#cloud-config\n{}\n" } else { &plan.user_data }
}

/// Text of `network-config`.
pub(super) fn network_config(nics: &[Nic]) -> String {
    text(&netplan::network(nics))
}

/// Our settings, which hold whatever the tenant's `user-data` is, unless it says otherwise itself.
pub(super) const SETTINGS: &str = "/etc/cloud/cloud.cfg.d/99-billet.cfg";

/// Their text. The password is not in it: shadow(5) has it, and nothing else needs to.
pub(super) fn settings(plan: &Plan) -> String {
    let mut settings = vec![
        ("preserve_hostname", json!(false)),
        ("hostname", json!(plan.short_hostname())),
        ("manage_etc_hosts", json!(true)),
        ("disable_root", json!(false)),
        ("ssh_pwauth", json!(true)),
        // The ramdisk made the host key, and `running` means that it answers.
        ("ssh_deletekeys", json!(false)),
        ("ssh_genkeytypes", json!(["ed25519"])),
        ("ssh", json!({ "emit_keys_to_console": false })),
    ];
    if plan.hostname != plan.short_hostname() {
        settings.push(("fqdn", json!(plan.hostname)));
    }
    // No other source is waited for. ds-identify reads this line with a shell's means: it must stand as it does.
    let mut text = "datasource_list: [ NoCloud ]\n".to_owned();
    text.extend(settings.iter().map(|(key, value)| format!("{key}: {value}\n")));
    text
}

/// Who configures the network.
pub(super) const NETWORK_SETTINGS: &str = "/etc/cloud/cloud.cfg.d/99-billet-network.cfg";
/// cloud-init, by netplan even where another is there too.
pub(super) const BY_NETPLAN: &str = "system_info: { \"network\": { \"renderers\": [\"netplan\"] } }\n";
/// cloud-init, by whatever it knows.
pub(super) const BY_ITSELF: &str = "{}\n";
/// Not cloud-init.
pub(super) const DISABLED: &str = "network: { \"config\": \"disabled\" }\n";

/// What cloud-init itself wrote of a network before, to be removed: folder and beginning of the name.
pub(super) const GENERATED: [(&str, &str); 5] = [
    ("/etc/netplan", "50-cloud-init"),
    ("/etc/network/interfaces.d", "50-cloud-init"),
    ("/etc/systemd/network", "10-cloud-init-"),
    ("/etc/systemd/network", "50-cloud-init-"),
    ("/etc/NetworkManager/system-connections", "cloud-init-"),
];

fn text(value: &Value) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("a Value has a JSON form");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::{
        super::plan::tests::{KEY, order, plan},
        *,
    };

    #[test]
    fn the_seed_says_name_and_network_and_no_secret() {
        let plan = plan();
        let meta: Value = serde_json::from_str(&meta_data(&plan)).unwrap();
        assert_eq!(meta["local-hostname"], "web-1");
        assert_eq!(meta["public-keys"], json!([]));
        assert_eq!(user_data(&plan), b"#cloud-config\n{}\n");
        let network: Value = serde_json::from_str(&network_config(&plan.nics)).unwrap();
        assert_eq!(network["ethernets"]["nic0"]["routes"][0]["via"], "10.20.0.1");
        assert_eq!(network["ethernets"]["nic1"]["addresses"], json!(["10.20.1.7/24"]));
        assert_eq!(network["ethernets"]["nic1"].get("routes"), None);
        let settings = settings(&plan);
        assert!(settings.starts_with("datasource_list: [ NoCloud ]\n"), "{settings}");
        assert!(settings.contains("\nfqdn: \"web-1.example\"\n") && !settings.contains("$6$"), "{settings}");
    }

    #[test]
    fn the_tenants_user_data_is_handed_on_as_it_is() {
        let mut order = order();
        order.ssh_keys = vec![KEY.into()];
        for user_data in [b"#!/bin/sh\nexit 0\n".as_slice(), b"\x1f\x8b\x08\x00", b"Content-Type: multipart/mixed\n"] {
            order.user_data = user_data.to_vec();
            let plan = Plan::new(&order).unwrap();
            assert_eq!(super::user_data(&plan), user_data);
            // What must hold for us does not depend on it.
            assert!(settings(&plan).contains("\nssh_deletekeys: false\n"));
            let meta: Value = serde_json::from_str(&meta_data(&plan)).unwrap();
            assert_eq!(meta["public-keys"], json!([KEY]));
        }
    }
}
