//! Two servers at once: UEFI with cloud-init, BIOS without; two agents; a decoy; daemons that are killed; and deletion.

use crate::stage::{PASSWORD, PATIENCE, events, files, ready, site, until};
use billet_lab::{
    Firmware, ServerSpec, chassis, hook,
    net::{inside, ip},
    process,
    site::Site,
};
use nix::sys::signal::Signal;
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

/// A metadata value that could stand nowhere by chance.
const SECRET: &str = "metadata-Fjord-91c";

/// What tenants give for the first start.
const USER_DATA: &str = "#!/bin/sh\necho by cloud-init > /root/user-data-ran\n";

#[test]
#[ignore = "needs the laboratory: cargo xtask test runs it"]
fn two_powered_off_servers_become_the_machines_that_were_asked_for() {
    let servers = vec![
        ServerSpec { firmware: Firmware::Uefi, ..ServerSpec::default() },
        ServerSpec { firmware: Firmware::Bios, rack: 1, ..ServerSpec::default() },
    ];
    let mut site = site("story", servers, 2, "[policy]\nallow_unwiped_reuse = true\n");
    // Older than any certificate here: the ramdisk takes the time from its boot file before it speaks TLS.
    std::fs::write(site.lab.servers[1].clock(), "2011-11-11T11:11:11").unwrap();
    let password = site.password_file(PASSWORD).unwrap();
    let decoy = Decoy::start(&site, "10.20.0.10");
    let metadata = site.private_file("metadata", &format!("note={SECRET}\n")).unwrap();
    let (first, second) = (format!("{}=10.20.0.10", site.subnets[0]), site.subnets[1].clone());
    let on = |site: &Site, server: usize| site.lab.servers[server].id.clone();
    let (key, public) = login_key(&site);
    let user_data = site.private_file("user-data", USER_DATA).unwrap();
    let mine = ["--ssh-key", &public, "--user-data", &user_data];
    let on_first = on(&site, 0);
    let more = ["--nic", &first, "--nic", &second, "--metadata-file", &metadata, "--server", &on_first];
    let more = [&more[..], &mine[..]].concat();
    let sampling = Sampling::start(secrets(&site));
    let uefi = site.create("web-1.example", "cloudinit", &password, &more).unwrap();
    let address = format!("{}=10.20.0.11", site.subnets[0]);
    let on_second = on(&site, 1);
    let more = [&["--nic", &address, "--server", &on_second][..], &mine[..]].concat();
    let bios = site.create("web-2", "plain", &password, &more).unwrap();

    // Each agent serves its own alone, and both at once.
    until("both are written to", PATIENCE, || {
        [&uefi, &bios].iter().all(|id| events(&site, id).iter().any(|event| event["kind"] == "progress"))
    });
    assert_eq!(sampling.end(), Vec::<String>::new(), "a secret in a process's arguments");
    kill_and_start_again(&mut site);

    until("the decoy is noticed", PATIENCE, || {
        events(&site, &uefi)
            .iter()
            .any(|event| event["message"].as_str().is_some_and(|text| text.starts_with("other-host-key")))
    });
    assert_eq!(site.show(&uefi).unwrap()["state"], "pending", "a decoy does not make it running");
    drop(decoy);

    let uefi = running(&site, &uefi);
    let bios = running(&site, &bios);
    assert_eq!((&uefi["proof"], &uefi["boot_trust"]), (&"ssh-host-key".into(), &"lan".into()));
    look_inside(&site, &uefi, &password, "web-1", &["10.20.0.10/24", "10.20.1."]);
    look_inside(&site, &bios, &password, "web-2", &["10.20.0.11/24"]);
    let told =
        site.ssh(&uefi, &password, "cat /etc/billet/metadata.json; hostname --fqdn; ip -4 route show default").unwrap();
    assert!(told.contains(SECRET) && told.contains("web-1.example"), "{told}");
    assert_eq!(told.matches("default via 10.20.0.1").count(), 1, "{told}");
    assert_eq!(told.matches("default").count(), 1, "one default route: {told}");
    has_key_and_user_data(&site, &uefi, &bios, &key);
    let clock = site.ssh(&bios, &password, "dmesg | grep -o 'setting system clock to [0-9]*'").unwrap();
    assert_eq!(clock.trim(), "setting system clock to 2011", "the server's own clock is years behind");
    reaches_nothing_of_ours(&site, &uefi, &password);
    shows_enlisting(&site, &uefi);
    nothing_secret_is_written(&site);

    delete(&site, &[&uefi, &bios]);
}

fn running(site: &Site, id: &str) -> Value {
    let instance = site.settled(id, PATIENCE).unwrap();
    assert_eq!(instance["state"], "running", "{} {}", instance["error"], instance["phase"]);
    instance
}

/// Controller and agent, without warning, in the middle of the writing.
fn kill_and_start_again(site: &mut Site) {
    for what in ["controller", "agent0"] {
        let victim = site.lab.process(what).unwrap();
        process::signal(&victim, Signal::SIGKILL).unwrap();
        process::end(&victim).unwrap();
    }
    site.start_controller().unwrap();
    site.start_agent(0).unwrap();
}

fn look_inside(site: &Site, instance: &Value, password: &Path, name: &str, addresses: &[&str]) {
    let told = site.ssh(instance, password, "hostname; ip -brief -4 address; cat /proc/cmdline").unwrap();
    assert_eq!(told.lines().next(), Some(name), "{told}");
    for address in addresses {
        assert!(told.contains(address), "{address} in {told}");
    }
    assert!(site.ssh(instance, &wrong(site), "true").is_err(), "another password does not log in");
}

fn wrong(site: &Site) -> PathBuf {
    let path = site.lab.dir.join("wrong-password");
    std::fs::write(&path, "Wrong-password-1\n").unwrap();
    path
}

/// A key to log in with, and where its public half is.
fn login_key(site: &Site) -> (PathBuf, String) {
    let key = site.lab.dir.join("login-key");
    let mut make = Command::new("ssh-keygen");
    make.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key);
    assert!(make.status().unwrap().success(), "ssh-keygen makes a key");
    let public = key.with_extension("pub").display().to_string();
    (key, public)
}

/// cloud-init runs what the tenant gave; where there is none, it lies there and nobody ran it. The key logs in on both.
fn has_key_and_user_data(site: &Site, with_cloud_init: &Value, plain: &Value, key: &Path) {
    until("cloud-init ran the user data", PATIENCE, || {
        let told = site.ssh_by_key(with_cloud_init, key, "cat /root/user-data-ran").unwrap_or_default();
        told == "by cloud-init\n"
    });
    let told =
        site.ssh_by_key(plain, key, "cat /var/lib/billet/user-data; ls /root/user-data-ran 2>&1 | tail -1").unwrap();
    let (given, ran) = told.split_at(USER_DATA.len().min(told.len()));
    assert!(given == USER_DATA && ran.contains("No such file"), "{told}");
}

/// Ports of agents, BMCs' network, the controller, and another VPC that has the same addresses.
fn reaches_nothing_of_ours(site: &Site, instance: &Value, password: &Path) {
    let other = site.lab.names.vpc(1);
    ip(&format!("-n {other} addr add 10.20.0.77/24 dev gw0")).unwrap();
    let script = "import socket; s = socket.create_server(('10.20.0.77', 22)); s.settimeout(60); s.accept()";
    let mut listener = inside(&other, "python3").args(["-c", script]).spawn().unwrap();
    let reach = |from_inside: bool, address: &str, port: u16| {
        let try_it = format!("timeout 4 bash -c '</dev/tcp/{address}/{port}' 2>/dev/null && echo reached || echo not");
        if from_inside {
            site.ssh(instance, password, &try_it).unwrap().trim() == "reached"
        } else {
            let output = inside(&other, "bash").args(["-c", &try_it]).output().unwrap();
            String::from_utf8_lossy(&output.stdout).trim() == "reached"
        }
    };
    // What is tried is really there.
    assert!(reach(true, "10.20.0.10", 22), "the instance reaches itself");
    for (address, port) in [
        ("10.77.0.1", 8443),
        ("10.77.0.1", 8080),
        ("10.77.0.2", 8443),
        ("10.20.0.254", 8443),
        ("10.20.0.254", 8080),
        ("10.78.0.1", 22),
        ("10.79.0.1", 8444),
        ("10.20.0.77", 22),
    ] {
        assert!(!reach(true, address, port), "the instance reaches {address}:{port}");
    }
    assert!(reach(false, "10.20.0.77", 22), "the listener in the other VPC listens");
    let _ = listener.wait();
}

/// Ramdisk kernel start to enlisted is told, and shown here; how long it may take depends on the machine.
fn shows_enlisting(site: &Site, instance: &Value) {
    let id = instance["id"].as_str().unwrap();
    let told = events(site, id)
        .iter()
        .filter_map(|event| event["message"].as_str().map(str::to_owned))
        .find(|m| m.starts_with("enlisted"));
    let told = told.expect("enlisting is an event");
    println!("    {told}");
}

fn secrets(site: &Site) -> Vec<String> {
    let token = |path: &Path| std::fs::read_to_string(path).unwrap().trim().to_owned();
    let mut all = vec![PASSWORD.to_owned(), SECRET.to_owned(), token(&site.tenant_token), token(&site.admin_token)];
    all.extend(site.lab.servers.iter().map(|server| token(&server.password_file())));
    all
}

fn holds(bytes: &[u8], secret: &str) -> bool {
    bytes.windows(secret.len()).any(|window| window == secret.as_bytes())
}

/// Looks at every process's arguments again and again: those of the client too, which lives shortly.
struct Sampling {
    stop: Arc<AtomicBool>,
    found: JoinHandle<Vec<String>>,
}

impl Sampling {
    fn start(secrets: Vec<String>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let found = std::thread::spawn(move || {
            let mut found = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                let lines = std::fs::read_dir("/proc").unwrap();
                let lines = lines.filter_map(|entry| std::fs::read(entry.ok()?.path().join("cmdline")).ok());
                let bad = lines.filter(|line| secrets.iter().any(|secret| holds(line, secret)));
                found.extend(bad.map(|line| String::from_utf8_lossy(&line).into_owned()));
                std::thread::sleep(Duration::from_millis(50));
            }
            found
        });
        Self { stop, found }
    }

    fn end(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        self.found.join().unwrap()
    }
}

/// No log, no console, no kernel command line, no file of the database.
fn nothing_secret_is_written(site: &Site) {
    let wanted = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(".log") || name.starts_with("billet.db")
    };
    let files = files(&site.lab.dir, &wanted);
    for needed in ["billet.db", "controller.log", "agent.log", "console.log"] {
        assert!(files.iter().any(|(path, bytes)| path.ends_with(needed) && !bytes.is_empty()), "{needed} is looked at");
    }
    for (path, bytes) in files {
        for secret in secrets(site) {
            assert!(!holds(&bytes, &secret), "{} holds {secret}", path.display());
        }
    }
}

/// Off, read back; addresses free; the server, which was inspected, may be used again, and says that nothing wiped it.
fn delete(site: &Site, instances: &[&Value]) {
    for instance in instances {
        let id = instance["id"].as_str().unwrap();
        site.text(false, &["instance", "delete", id, "--wait"]).unwrap();
    }
    for server in &site.lab.servers {
        ready(site, &server.id);
        assert!(chassis::ask(&server.dir, "get power").unwrap().contains("power:0"), "server {} is off", server.number);
        for tap in &server.taps {
            let bridge = hook::master(&site.lab.names.fabric(), tap).unwrap();
            assert!(bridge.is_none_or(|bridge| !bridge.starts_with("vpc")), "{tap} is off the tenant's network");
        }
        let listed = site.text(true, &["server", "list"]).unwrap();
        assert!(listed.contains("not wiped") && listed.contains("ready"), "{listed}");
    }
    let left = site.json(false, &["instance", "list"]).unwrap();
    assert_eq!(left.as_array().or(left["instances"].as_array()).map(Vec::len), Some(0));
}

/// An SSH server with another key, at the address that the instance will have.
struct Decoy {
    namespace: String,
    address: String,
    server: std::process::Child,
}

impl Decoy {
    fn start(site: &Site, address: &str) -> Self {
        let namespace = site.lab.names.vpc(0);
        let dir = site.lab.dir.join("decoy");
        std::fs::create_dir_all(&dir).unwrap();
        let key = dir.join("key");
        assert!(
            Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(&key)
                .status()
                .unwrap()
                .success()
        );
        ip(&format!("-n {namespace} addr add {address}/24 dev gw0")).unwrap();
        // Each connection's server is nobody's: it then needs no accounts, which an ordinary user's laboratory lacks.
        let listen = format!("{address}:22");
        let mut sshd = inside(&namespace, "systemd-socket-activate");
        sshd.args(["--accept", "--inetd", "-l", &listen]).args(["/usr/bin/unshare", "--user", "--map-user=1000"]);
        sshd.args(["/usr/sbin/sshd", "-i", "-e", "-f", "/dev/null", "-h"]).arg(&key);
        let server = sshd.stderr(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(500));
        Self { namespace, address: address.into(), server }
    }
}

impl Drop for Decoy {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
        let _ = ip(&format!("-n {} addr del {}/24 dev gw0", self.namespace, self.address));
    }
}
