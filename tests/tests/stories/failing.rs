//! What must not work: each ends in `error` with a cause that names it, and nothing is half done.

use crate::stage::{PASSWORD, PATIENCE, events, files, ready, site, until};
use billet_lab::{Firmware, ServerSpec, daemons::write_private, net::inside, process, site::Site};
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
    let mut site = site("fails", vec![two_disks, ServerSpec::default()], 2, DEADLINES);

    // The second rack has no servers: it is another host on the provisioning network.
    // A server that never boots, all the time that the others take.
    fs::write(site.lab.servers[1].dead_switch(), "").unwrap();
    let dead = create(&site, 1, "plain");

    bmc_of_another_machine(&mut site);
    bmc_with_another_password(&mut site);
    identity_of_another_host(&site);
    hint_that_fits(&mut site, "{ serial = \"NONE\" }", "disk_none_matches");
    hint_that_fits(&mut site, "{ max_bytes = 9000000000 }", "disk_ambiguous");
    another_bootable_disk(&mut site);
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

/// The first server is free for the next instance.
fn delete(site: &Site, id: &str) {
    site.text(false, &["instance", "delete", id, "--wait"]).unwrap();
    ready(site, &site.lab.servers[0].id);
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
    let actions = || fs::read_to_string(server.dir.join("chassis.log")).unwrap();
    let before = actions();
    let id = create(site, 0, "plain");
    let instance = failed(site, &id, "bmc_wrong_machine");
    assert!(instance["error"]["error_msg"].as_str().unwrap().contains(&server.uuid));
    assert_eq!(actions(), before, "no power action was done");
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
    let words = ["server", "register", &server.id, "--agent", "rack0", "--clear-other-bootable-disks"];
    site.text(true, &words).unwrap();
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
    let mut sector = [1; 512];
    fs::File::open(&server.disks[1]).unwrap().read_exact_at(&mut sector, 0).unwrap();
    assert_eq!(sector, [0; 512], "by policy the other disk cannot boot any more");
    delete(site, &id);
}

/// What another host on the provisioning network gets when it asks as if it were the server.
fn fetched(site: &Site, path: &str) -> Option<Vec<u8>> {
    let url = format!("http://10.77.0.1:8080{path}");
    let script =
        "import sys, urllib.request; sys.stdout.buffer.write(urllib.request.urlopen(sys.argv[1], timeout=5).read())";
    let output = inside(&site.lab.names.rack(1), "python3").args(["-c", script, &url]).output().unwrap();
    output.status.success().then_some(output.stdout)
}

/// Whoever is first gets the identity, and the second request, here the server's own, voids the boot: the first one's token
/// is worth nothing. The server is booted again, by another identity; where somebody takes that too, and the next, it is an
/// error.
fn identity_of_another_host(site: &Site) {
    let server = site.lab.servers[0].clone();
    let script = format!("/boot/{}/script.ipxe", server.macs[0]);
    assert_eq!(fetched(site, &script), None, "no boot is open");
    let id = create(site, 0, "plain");
    let mut text = String::new();
    until("the boot is open", PATIENCE, || {
        text = fetched(site, &script).map(|bytes| String::from_utf8(bytes).unwrap()).unwrap_or_default();
        !text.is_empty()
    });
    let url = text.split_whitespace().find(|word| word.ends_with("identity.cpio")).unwrap();
    let path = url.strip_prefix("http://10.77.0.1:8080").unwrap();
    let archive = String::from_utf8_lossy(&fetched(site, path).unwrap()).into_owned();
    let token = archive.split("\"boot_token\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned();
    assert!(token.len() >= 64 && !text.contains(&token), "a secret, and not on the kernel's command line");
    let mut asked = vec![path.to_owned()];
    until("two more boots are open, and their identities asked for", PATIENCE, || {
        let text = fetched(site, &script).map(|bytes| String::from_utf8(bytes).unwrap()).unwrap_or_default();
        let url = text.split_whitespace().find(|word| word.ends_with("identity.cpio")).unwrap_or_default();
        let path = url.strip_prefix("http://10.77.0.1:8080").unwrap_or_default().to_owned();
        if !path.is_empty() && !asked.contains(&path) {
            // Whether it is the first or the second to ask.
            let _ = fetched(site, &path);
            asked.push(path);
        }
        asked.len() == 3
    });
    let instance = failed(site, &id, "boot_voided");
    is_off(site, 0, &instance);
    let noted = |event: &Value| event["message"].as_str().is_some_and(|text| text.starts_with("identity-asked-again"));
    assert!(events(site, &id).iter().any(noted), "it is an event");
    assert_eq!(fetched(site, path), None);
    for (path, bytes) in files(&site.lab.dir, &|path: &Path| path.extension().is_some_and(|end| end == "log")) {
        let holds = bytes.windows(token.len()).any(|window| window == token.as_bytes());
        assert!(!holds, "{} holds a boot token", path.display());
    }
    delete(site, &id);
}

/// A disk beside the target that could boot instead: an error, and neither is written to.
fn another_bootable_disk(site: &mut Site) {
    let server = site.lab.servers[0].clone();
    restart_agent_with_hint(site, &format!("{{ serial = \"{}\" }}", server.disk_serial(0)));
    // Boot code, an active partition, and the signature.
    let mut sector = [0; 512];
    sector[..3].copy_from_slice(&[0xeb, 0x63, 0x90]);
    sector[446..462].copy_from_slice(&[0x80, 0, 0, 0, 0x83, 0, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0]);
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    let other = OpenOptions::new().read(true).write(true).open(&server.disks[1]).unwrap();
    other.write_all_at(&sector, 0).unwrap();
    let id = create(site, 0, "plain");
    let instance = failed(site, &id, "other_bootable_disk");
    is_off(site, 0, &instance);
    assert_eq!(fs::metadata(&server.disks[0]).unwrap().blocks(), 0, "the target is untouched");
    let mut read = [0; 512];
    other.read_exact_at(&mut read, 0).unwrap();
    assert_eq!(read, sector, "the other disk too");
    delete(site, &id);
}
