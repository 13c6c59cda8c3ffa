//! The life of one server and of an instance on it: inspected, installed, changed, powered, installed again, deleted, wiped.

use crate::{
    disk::is_zero,
    stage::{PASSWORD, PATIENCE, events, site, until},
};
use billet_lab::{Firmware, ServerSpec, site::Site};
use serde_json::Value;
use std::path::Path;

/// Another that could stand nowhere by chance.
const SECOND: &str = "Vx4-lantern-Moss";

#[test]
#[ignore = "needs the laboratory: cargo xtask test runs it"]
fn an_installed_system_is_changed_powered_and_replaced_and_what_was_written_is_erased() {
    let server = ServerSpec { firmware: Firmware::Bios, nics: 1, ..ServerSpec::default() };
    // Nothing may be used unwiped.
    let site = site("ops", vec![server], 1, "");
    inspected(&site);

    let password = site.password_file(PASSWORD).unwrap();
    let nic = format!("{}=10.20.0.10", site.subnets[0]);
    let metadata = site.lab.dir.join("metadata");
    billet_lab::daemons::write_private(&metadata, "role=web\n").unwrap();
    let metadata = metadata.display().to_string();
    let id = site.create("ops-1", "plain", &password, &["--nic", &nic, "--metadata-file", &metadata]).unwrap();
    let first = settled(&site, &id, "running");
    assert!(logs_in(&site, &first, &password));
    assert!(knows_its_metadata(&site, &first, &password));

    // A password waits for the next boot.
    let second = site.lab.dir.join("second-password");
    billet_lab::daemons::write_private(&second, &format!("{SECOND}\n")).unwrap();
    site.text(false, &["instance", "password", &id, "--password-file", &second.display().to_string()]).unwrap();
    assert!(logs_in(&site, &first, &password), "the old one, until the boot");
    ordered(&site, &id, &["instance", "reboot", &id]);
    let rebooted = settled(&site, &id, "running");
    assert_eq!(rebooted["host_key"], first["host_key"], "the same system");
    assert!(logs_in(&site, &rebooted, &second) && !logs_in(&site, &rebooted, &password));

    // Another address; the old one is free.
    ordered(&site, &id, &["instance", "ip", &id, "--nic", &format!("{}=10.20.0.50", site.subnets[0])]);
    let moved = settled(&site, &id, "running");
    assert_eq!(moved["network_interfaces"][0]["ipv4_address"], "10.20.0.50");
    assert!(logs_in(&site, &moved, &second));

    ordered(&site, &id, &["instance", "off", &id]);
    settled(&site, &id, "stopped");
    assert!(site.lab.power_status(0).unwrap().contains("is off"));
    ordered(&site, &id, &["instance", "on", &id]);
    let again = settled(&site, &id, "running");
    until("the system is up again", PATIENCE, || logs_in(&site, &again, &second));

    // The other image, on the same server with the same address.
    let image = site.images["cloudinit"].clone();
    let file = password.display().to_string();
    ordered(&site, &id, &["instance", "reinstall", &id, "--image", &image, "--password-file", &file]);
    let replaced = settled(&site, &id, "running");
    assert_eq!(replaced["network_interfaces"], moved["network_interfaces"]);
    assert_ne!(replaced["host_key"], moved["host_key"], "another system");
    assert_eq!(
        (&replaced["image"]["name"], &replaced["operation_state"]),
        (&"cloudinit".into(), &"switch-install-succeed".into())
    );
    assert!(logs_in(&site, &replaced, &password));
    assert!(knows_its_metadata(&site, &replaced, &password));

    // The same image anew: what the tenant left is gone, and server, addresses and metadata stay.
    site.ssh(&replaced, &password, "echo kept > /root/mine && sync").unwrap();
    ordered(&site, &id, &["instance", "reinstall", &id, "--password-file", &second.display().to_string()]);
    let anew = settled(&site, &id, "running");
    assert_eq!(
        (&anew["server_id"], &anew["network_interfaces"], &anew["metadata"]),
        (&first["server_id"], &replaced["network_interfaces"], &first["metadata"])
    );
    assert_eq!((&anew["image"]["name"], &anew["operation_state"]), (&"cloudinit".into(), &"reinstall-succeed".into()));
    assert_ne!(anew["host_key"], replaced["host_key"], "another system");
    assert!(logs_in(&site, &anew, &second) && !logs_in(&site, &anew, &password));
    assert!(knows_its_metadata(&site, &anew, &second));
    assert!(site.ssh(&anew, &second, "test ! -e /root/mine").is_ok());
    let receipt = site.text(false, &["receipt", "show", &id]).unwrap();
    assert!(!receipt.trim().is_empty());

    site.text(false, &["instance", "delete", &id, "--wait"]).unwrap();
    wiped(&site);

    // Deleted in the middle of the writing: off, wiped, and ready again.
    let cancelled = site.create("ops-2", "plain", &password, &["--nic", &nic]).unwrap();
    until("it is written to", PATIENCE, || {
        events(&site, &cancelled).iter().any(|event| event["kind"] == "progress" && event["step"] == "write")
    });
    site.text(false, &["instance", "delete", &cancelled, "--wait"]).unwrap();
    wiped(&site);
}

/// A real boot told what the machine is, before anything was placed on it.
fn inspected(site: &Site) {
    let id = &site.lab.servers[0].id;
    let shown = site.json(true, &["server", "hardware", id]).unwrap().to_string();
    assert!(shown.contains("DISK00") || shown.contains("QEMU"), "{shown}");
    assert!(site.lab.power_status(0).unwrap().contains("is off"), "it is off after the inspection");
    assert!(is_zero(&site.lab.servers[0].disks[0]), "nothing was written");
}

/// Runs the client, and says what it refused.
fn ordered(site: &Site, id: &str, words: &[&str]) {
    let before = generation(site, id);
    site.text(false, words).unwrap();
    until("the order is accepted", PATIENCE, || generation(site, id) != before);
}

/// Operations that were accepted so far.
fn generation(site: &Site, id: &str) -> usize {
    events(site, id).iter().filter(|event| event["kind"] == "accepted").count()
}

/// Waits for the end of what is in progress.
fn settled(site: &Site, id: &str, state: &str) -> Value {
    let mut last = Value::Null;
    until(state, PATIENCE, || {
        last = site.show(id).unwrap_or_default();
        let phase = last["phase"].as_str().unwrap_or_default();
        assert!(phase != "failed" && last["error"].is_null(), "{}: {}", last["phase"], last["error"]);
        phase == state
    });
    last
}

fn logs_in(site: &Site, instance: &Value, password: &Path) -> bool {
    site.ssh(instance, password, "true").is_ok()
}

fn knows_its_metadata(site: &Site, instance: &Value, password: &Path) -> bool {
    site.ssh(instance, password, "grep web /etc/billet/metadata.json").is_ok()
}

/// The server is ready again, the record of its wipe says how, and the disk itself bears it out.
fn wiped(site: &Site) {
    let id = &site.lab.servers[0].id;
    let mut server = Value::Null;
    until("the server to be wiped and ready", PATIENCE, || {
        server = site.json(true, &["server", "show", id]).unwrap_or_default();
        assert_ne!(server["manage_state"], "maintain", "{}", server["error"]);
        server["manage_state"] == "ready"
    });
    assert_eq!(server["unwiped"], false, "{server}");
    assert!(site.lab.power_status(0).unwrap().contains("is off"));
    assert!(is_zero(&site.lab.servers[0].disks[0]), "every byte of the disk is zero");
}
