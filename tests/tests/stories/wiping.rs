//! Wiping: nothing at all while a disk is there that was not recorded, every byte once it is gone, and metadata alone where
//! the operator chose that for a server that is one project's.

use crate::{
    disk::{copy, fill, is_same, is_same_in, is_zero, is_zero_in, partitions, signature},
    stage::{PASSWORD, PATIENCE, running, site, until},
};
use billet_lab::{
    Firmware, Server, ServerSpec,
    site::{PROJECT, Site},
};
use serde_json::Value;
use std::{fs, path::PathBuf};

/// A disk beside the system's.
const DATA: u64 = 64 << 20;
/// What goes of metadata at each end of a disk and of a partition.
const END: u64 = 16 << 20;

#[test]
#[ignore = "needs the laboratory: cargo xtask test runs it"]
fn a_disk_that_nobody_recorded_stops_the_wipe_and_metadata_alone_go_where_that_was_chosen() {
    let disks = vec![4 << 30, DATA];
    let spec = ServerSpec { firmware: Firmware::Bios, nics: 1, disks, ..ServerSpec::default() };
    // Nothing may be used unwiped.
    let site = site("wipe", vec![spec], 1, "");
    let server = site.lab.servers[0].clone();

    let id = written_on(&site, &server);
    stopped_by_a_strange_disk(&site, &server, &id);
    wiped_without_it(&site, &server);
    kept_for_the_project(&site, &server);
    let id = written_on(&site, &server);
    metadata_alone(&site, &server, &id);
}

/// A tenant's system and data, on a server that is off again: what is on its disks now stays as it is. Answers the instance.
fn written_on(site: &Site, server: &Server) -> String {
    let password = site.password_file(PASSWORD).unwrap();
    let nic = format!("{}=10.20.0.10", site.subnets[0]);
    let id = site.create("wipe-1", "plain", &password, &["--nic", &nic]).unwrap();
    running(site, &id);
    site.text(false, &["instance", "off", &id]).unwrap();
    until("the instance to be stopped", PATIENCE, || site.show(&id).unwrap()["phase"] == "stopped");
    assert!(is_off(site));
    fill(&server.disks[1], DATA);
    id
}

/// Not a byte of any disk changes, and the server is out of use, with an error that names the disk.
fn stopped_by_a_strange_disk(site: &Site, server: &Server, id: &str) {
    fill(&server.strange_disk(), DATA);
    let all: Vec<PathBuf> = server.disks.iter().cloned().chain([server.strange_disk()]).collect();
    let before: Vec<PathBuf> = all.iter().map(|disk| copy(disk)).collect();
    site.text(false, &["instance", "delete", id, "--wait"]).unwrap();
    let shown = after_the_task(site);
    println!("    {}", shown["error"]);
    assert_eq!((&shown["manage_state"], &shown["unwiped"]), (&"maintain".into(), &true.into()), "{shown}");
    assert_eq!(shown["error"]["error_code"], "disks_not_recorded", "{shown}");
    assert!(shown["error"]["error_msg"].as_str().unwrap().contains(&server.strange_serial()), "{shown}");
    assert!(is_off(site));
    for (disk, before) in all.iter().zip(&before) {
        assert!(!is_zero(disk) && is_same(disk, before), "{} is as it was", disk.display());
    }
    let events = site.json(true, &["server", "events", &server.id]).unwrap().to_string();
    assert!(events.contains("disks-differ") && events.contains("wipe-failed"), "{events}");
    // It is not in use again by a word that says nothing of what is on it, nor by a weaker wipe.
    assert!(site.text(true, &["server", "ready", &server.id]).is_err());
    assert!(site.text(true, &["server", "wipe", &server.id, "--policy", "metadata"]).is_err());
}

/// The operator takes the disk away and asks again.
fn wiped_without_it(site: &Site, server: &Server) {
    let taken_away = server.dir.join("taken-away.raw");
    fs::rename(server.strange_disk(), &taken_away).unwrap();
    site.text(true, &["server", "wipe", &server.id]).unwrap();
    let shown = after_the_task(site);
    assert_eq!((&shown["manage_state"], &shown["unwiped"]), (&"maintain".into(), &false.into()), "{shown}");
    assert_eq!((&shown["last_wipe"]["policy"], &shown["last_wipe"]["disks"]), (&"full".into(), &2.into()), "{shown}");
    for disk in &server.disks {
        assert!(is_zero(disk), "every byte of {} is zero", disk.display());
    }
    assert!(!is_zero(&taken_away));
    site.text(true, &["server", "ready", &server.id]).unwrap();
    assert_eq!(show(site)["manage_state"], "ready");
}

/// Metadata alone only where the server goes to nobody else.
fn kept_for_the_project(site: &Site, server: &Server) {
    let words = ["server", "register", &server.id, "--agent", "rack0", "--wipe-policy", "metadata"];
    let refused = site.text(true, &words).unwrap_err().to_string();
    assert!(refused.contains("shared pool"), "{refused}");
    site.text(true, &[&words[..], &["--for", PROJECT]].concat()).unwrap();
}

/// Both ends of disks and partitions are zero, no table or file system is found any more, and what lies between stays.
fn metadata_alone(site: &Site, server: &Server, id: &str) {
    let before: Vec<PathBuf> = server.disks.iter().map(|disk| copy(disk)).collect();
    site.text(false, &["instance", "delete", id, "--wait"]).unwrap();
    let shown = after_the_task(site);
    assert_eq!((&shown["manage_state"], &shown["unwiped"]), (&"ready".into(), &false.into()), "{shown}");
    assert_eq!(shown["last_wipe"]["policy"], "metadata", "{shown}");

    let data = &server.disks[1];
    assert!(is_zero_in(data, 0..END) && is_zero_in(data, DATA - END..DATA));
    assert!(is_same_in(data, &before[1], END..DATA - END), "the middle stays");

    let (system, old) = (&server.disks[0], &before[0]);
    let parts = partitions(old);
    assert_eq!((parts.len(), partitions(system)), (3, vec![]), "the table is gone");
    let whole = 0..fs::metadata(system).unwrap().len();
    for range in parts.iter().chain(std::iter::once(&whole)) {
        let first = range.start..range.end.min(range.start + END);
        let last = range.start.max(range.end.saturating_sub(END))..range.end;
        assert!(is_zero_in(system, first) && is_zero_in(system, last), "the ends of {range:?}");
        assert_eq!(signature(system, range.start), "", "at {}", range.start);
    }
    let root = &parts[2];
    assert!(signature(old, root.start).contains("ext4"), "there was something to find");
    let middle = root.start + END..root.end - END;
    assert!(!is_zero_in(old, middle.clone()) && is_same_in(system, old, middle), "the middle stays");
}

/// Waits until nothing is being done with the server itself; answers it.
fn after_the_task(site: &Site) -> Value {
    let mut shown = Value::Null;
    until("the work on the server to be over", PATIENCE, || {
        shown = show(site);
        shown["manage_state"] != "in-use" && shown["task"].is_null()
    });
    shown
}

fn show(site: &Site) -> Value {
    site.json(true, &["server", "show", &site.lab.servers[0].id]).unwrap()
}

/// By an independent tool.
fn is_off(site: &Site) -> bool {
    site.lab.power_status(0).unwrap().contains("is off")
}
