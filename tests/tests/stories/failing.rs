//! What must not work: each ends in `error` with a cause that names it, and nothing is half done.

use crate::stage::{PASSWORD, PATIENCE, files, site};
use billet_lab::{Firmware, ServerSpec, daemons::write_private, process, site::Site};
use serde_json::Value;
use std::{
    fs::{self, OpenOptions},
    os::unix::fs::{FileExt, MetadataExt},
    path::Path,
};

/// A server that never boots is given up after this, in seconds.
const DEADLINES: &str = "[policy]\nallow_unwiped_reuse = true\n\n[deadlines]\nboot = 180\n";

#[test]
#[ignore = "needs the laboratory: cargo xtask test runs it"]
fn what_cannot_work_ends_in_error_and_names_its_cause() {
    let two_disks = ServerSpec { firmware: Firmware::Bios, disks: vec![4 << 30, 4 << 30], ..ServerSpec::default() };
    let mut site = site("fails", vec![two_disks, ServerSpec::default()], 1, DEADLINES);

    // A server that never boots, all the time that the others take.
    fs::write(site.lab.servers[1].dead_switch(), "").unwrap();
    let dead = create(&site, 1, "plain");

    bmc_of_another_machine(&mut site);
    bmc_with_another_password(&mut site);
    hint_that_fits(&mut site, "{ serial = \"NONE\" }", "disk_none_matches");
    hint_that_fits(&mut site, "{ max_bytes = 9000000000 }", "disk_ambiguous");
    corrupt_chunk(&mut site);

    let instance = failed(&site, &dead, "boot_deadline");
    assert!(instance["error"]["error_msg"].as_str().unwrap().contains("firmware"), "{}", instance["error"]);
    is_off(&site, 1, &instance);
}

/// Nothing runs on the provisioning network that no order stands for: an independent tool says that the server is off.
fn is_off(site: &Site, server: usize, instance: &Value) {
    let said = instance["error"]["error_msg"].as_str().unwrap();
    assert!(said.ends_with("the server was powered off"), "{said}");
    let told = site.lab.power_status(server).unwrap();
    assert!(told.contains("is off"), "{told}");
}

fn create(site: &Site, server: usize, image: &str) -> String {
    let password = site.password_file(PASSWORD).unwrap();
    site.create("fails-1", image, &password, &["--nic", &site.subnets[0], "--server", &site.lab.servers[server].id])
        .unwrap()
}

/// Waits for the error; answers the instance.
fn failed(site: &Site, id: &str, cause: &str) -> Value {
    let instance = site.settled(id, PATIENCE).unwrap();
    assert_eq!(instance["state"], "error", "{instance}");
    assert_eq!(instance["error"]["error_code"], cause, "{}", instance["error"]);
    println!("    {cause}: {}", instance["error"]["error_msg"].as_str().unwrap_or_default());
    instance
}

fn delete(site: &Site, id: &str) {
    site.text(false, &["instance", "delete", id, "--wait"]).unwrap();
}

fn restart_bmc(site: &mut Site, password: &str, uuid: &str) {
    let simulator = site.lab.process("bmc0").unwrap();
    process::end(&simulator).unwrap();
    site.lab.servers[0].write_bmc(password, uuid).unwrap();
    site.lab.start_bmc(0).unwrap();
}

fn bmc_of_another_machine(site: &mut Site) {
    let server = site.lab.servers[0].clone();
    let password = fs::read_to_string(server.password_file()).unwrap().trim().to_owned();
    restart_bmc(site, &password, "99999999-0000-4000-8000-000000000000");
    let id = create(site, 0, "plain");
    let instance = failed(site, &id, "bmc_wrong_machine");
    assert!(instance["error"]["error_msg"].as_str().unwrap().contains(&server.uuid));
    assert!(fs::read_to_string(server.dir.join("chassis.log")).unwrap().is_empty(), "no power action was done");
    restart_bmc(site, &password, &server.uuid);
    delete(site, &id);
}

fn bmc_with_another_password(site: &mut Site) {
    let server = site.lab.servers[0].clone();
    let password = fs::read_to_string(server.password_file()).unwrap().trim().to_owned();
    restart_bmc(site, "another-one", &server.uuid);
    let id = create(site, 0, "plain");
    failed(site, &id, "bmc_auth_failed");
    restart_bmc(site, &password, &server.uuid);
    delete(site, &id);
}

fn restart_agent_with_hint(site: &mut Site, hint: &str) {
    let path = site.agents[0].dir.join("agent.toml");
    let text = fs::read_to_string(&path).unwrap();
    let mut servers = 0;
    let changed = text.lines().map(|line| {
        // The first server's.
        let is_it = line.starts_with("disk = ") && {
            servers += 1;
            servers == 1
        };
        if is_it { format!("disk = {hint}") } else { line.to_owned() }
    });
    let text = changed.collect::<Vec<_>>().join("\n");
    write_private(&path, &text).unwrap();
    let agent = site.lab.process("agent0").unwrap();
    process::end(&agent).unwrap();
    site.start_agent(0).unwrap();
}

/// Not one byte is written to either disk.
fn hint_that_fits(site: &mut Site, hint: &str, cause: &str) {
    restart_agent_with_hint(site, hint);
    let id = create(site, 0, "plain");
    let instance = failed(site, &id, cause);
    is_off(site, 0, &instance);
    for disk in &site.lab.servers[0].disks {
        assert_eq!(fs::metadata(disk).unwrap().blocks(), 0, "{} is untouched", disk.display());
    }
    delete(site, &id);
}

/// A byte of the store changes after the import: it is never written, and the disk cannot boot.
fn corrupt_chunk(site: &mut Site) {
    let server = site.lab.servers[0].clone();
    restart_agent_with_hint(site, &format!("{{ serial = \"{}\" }}", server.disk_serial(0)));
    let blob = site.controller.dir.join(format!("state/images/{}.zst", site.images["plain"]));
    let bytes = fs::metadata(&blob).unwrap().len();
    let file = OpenOptions::new().read(true).write(true).open(&blob).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, bytes / 2).unwrap();
    file.write_all_at(&[byte[0] ^ 0x10], bytes / 2).unwrap();
    let id = create(site, 0, "plain");
    let instance = site.settled(&id, PATIENCE).unwrap();
    assert_eq!(instance["error"]["error_code"], "chunk_corrupt", "{}", instance["error"]);
    is_off(site, 0, &instance);
    let first = &files(&server.dir, &|path: &Path| path.ends_with("disk0.raw"))[0].1[..1 << 20];
    assert!(first.iter().all(|byte| *byte == 0), "the first MiB was not written");
    delete(site, &id);
}
