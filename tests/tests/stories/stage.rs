//! A site for a story.

use billet_lab::{
    Options, ServerSpec,
    daemons::Binaries,
    images::Images,
    site::{Site, SiteOptions, first_disk},
};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// An installation under emulation, with others beside it.
pub const PATIENCE: Duration = Duration::from_secs(600);
/// A password that could stand nowhere by chance.
pub const PASSWORD: &str = "Zq7-whisper-Karst";

pub fn path(variable: &str) -> PathBuf {
    std::env::var_os(variable).unwrap_or_else(|| panic!("{variable} is not set: run `cargo xtask test`")).into()
}

pub fn site(name: &str, servers: Vec<ServerSpec>, racks: usize, controller: &str) -> Site {
    site_with(&["cloudinit", "plain"], name, servers, racks, controller)
}

/// With these images alone.
pub fn site_with(
    imports: &'static [&'static str],
    name: &str,
    servers: Vec<ServerSpec>,
    racks: usize,
    controller: &str,
) -> Site {
    let dir = path("BILLET_LAB_DIR").join(name);
    let lab = Options { name: name.into(), dir, program: path("BILLET_LAB_PROGRAM"), servers, racks, vpcs: 2 };
    let binaries = Binaries {
        agent: path("BILLET_LAB_AGENT"),
        controller: path("BILLET_LAB_CONTROLLER"),
        client: path("BILLET_LAB_CLIENT"),
        ramdisk_dir: path("BILLET_LAB_RAMDISK"),
    };
    let images = Images { cloudinit: path("BILLET_LAB_CLOUDINIT"), plain: path("BILLET_LAB_PLAIN") };
    let say = |what: &str| println!("    {what}");
    let controller = controller.to_owned();
    Site::start(SiteOptions { lab, binaries, images, imports, controller, disk_hint: first_disk, say }).unwrap()
}

/// Waits until something is seen in an instance.
pub fn until(what: &str, time: Duration, mut seen: impl FnMut() -> bool) {
    let began = Instant::now();
    while !seen() {
        assert!(began.elapsed() < time, "{what}: not within {} s", time.as_secs());
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Waits for an instance to be running; answers it.
pub fn running(site: &Site, id: &str) -> Value {
    let instance = site.settled(id, PATIENCE).unwrap();
    assert_eq!(instance["state"], "running", "{} {}", instance["error"], instance["phase"]);
    instance
}

/// Waits until a server is ready again: after a release it is inspected, or wiped.
pub fn ready(site: &Site, id: &str) {
    until("the server to be ready again", PATIENCE, || {
        let server = site.json(true, &["server", "show", id]).unwrap_or_default();
        assert!(server["error"].is_null(), "{server}");
        server["manage_state"] == "ready"
    });
}

/// An instance's events.
pub fn events(site: &Site, id: &str) -> Vec<Value> {
    let Ok(list) = site.json(false, &["instance", "events", id]) else { return Vec::new() };
    list.as_array().or(list["events"].as_array()).cloned().unwrap_or_default()
}

/// Every file below a folder with its bytes.
pub fn files(dir: &Path, wanted: &dyn Fn(&Path) -> bool) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(dir) else { return found };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path.is_dir() {
            found.extend(files(&path, wanted));
        } else if wanted(&path) {
            found.push((path.clone(), std::fs::read(&path).unwrap_or_default()));
        }
    }
    found
}
