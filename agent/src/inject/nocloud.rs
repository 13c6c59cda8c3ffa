//! cloud-init's NoCloud seed (its documentation, "NoCloud" and "Networking config Version 2"): JSON, which is YAML too.

use super::Plan;
use serde_json::{Value, json};

/// Where cloud-init looks.
pub(super) const SEED: &str = "/var/lib/cloud/seed/nocloud";

/// Text of `meta-data`.
pub(super) fn meta_data(plan: &Plan) -> String {
    text(&json!({ "instance-id": plan.instance_id, "local-hostname": plan.short_hostname() }))
}

/// Text of `user-data`. The password is not in it: shadow(5) has it, and nothing else needs to.
pub(super) fn user_data(plan: &Plan) -> String {
    let mut config = json!({
        "preserve_hostname": false,
        "hostname": plan.short_hostname(),
        "manage_etc_hosts": true,
        "disable_root": false,
        "ssh_pwauth": true,
        // The ramdisk made the host key, and `running` means that it answers.
        "ssh_deletekeys": false,
        "ssh_genkeytypes": ["ed25519"],
        "ssh": { "emit_keys_to_console": false },
    });
    if plan.hostname != plan.short_hostname() {
        config["fqdn"] = plan.hostname.clone().into();
    }
    format!("#cloud-config\n{}", text(&config))
}

/// Text of `network-config`.
pub(super) fn network_config(plan: &Plan) -> String {
    let mut ethernets = serde_json::Map::new();
    for (index, nic) in plan.nics.iter().enumerate() {
        // Named as well as matched: not every renderer of cloud-init can match by MAC alone.
        let mut config = json!({
            "match": { "macaddress": nic.mac.to_string() },
            "set-name": format!("eth{index}"),
            "dhcp4": false,
            "dhcp6": false,
            "addresses": [format!("{}/{}", nic.address, nic.prefix_length)],
        });
        if index == 0 {
            config["routes"] = json!([{ "to": "0.0.0.0/0", "via": nic.gateway }]);
            config["nameservers"] = json!({ "addresses": nic.dns });
        }
        ethernets.insert(format!("eth{index}"), config);
    }
    text(&json!({ "version": 2, "ethernets": ethernets }))
}

/// `/etc/cloud/cloud.cfg.d/99-billet.cfg`: no other source is waited for.
pub(super) const SOURCES: &str = "datasource_list: [ NoCloud ]\n";

fn text(value: &Value) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("a Value has a JSON form");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::{super::plan::tests::plan, *};

    #[test]
    fn the_seed_says_name_and_network_and_no_secret() {
        let plan = plan();
        let meta: Value = serde_json::from_str(&meta_data(&plan)).unwrap();
        assert_eq!(meta["local-hostname"], "web-1");
        let user = user_data(&plan);
        let config: Value = serde_json::from_str(user.strip_prefix("#cloud-config\n").unwrap()).unwrap();
        assert_eq!((&config["fqdn"], &config["ssh_deletekeys"]), (&json!("web-1.example"), &json!(false)));
        assert!(!user.contains("$6$"));
        let network: Value = serde_json::from_str(&network_config(&plan)).unwrap();
        assert_eq!(network["ethernets"]["eth0"]["routes"][0]["via"], "10.20.0.1");
        assert_eq!(network["ethernets"]["eth1"]["addresses"], json!(["10.20.1.7/24"]));
        assert_eq!(network["ethernets"]["eth1"].get("routes"), None);
    }
}
