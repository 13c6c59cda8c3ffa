//! All files of one system, in their order.

use super::{
    Changes, HostKeyPair, InjectError, Plan, Root, authorized_keys,
    detect::{self, Renderer},
    hostname, ifupdown, links, netplan, network_manager, networkd, nocloud, parameter_plane,
    plan::Nic,
    shadow, sshd,
};
use std::time::{SystemTime, UNIX_EPOCH};

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Injected {
    /// Paths that were written.
    pub files: Vec<String>,
    /// Who configures the network: `cloud-init`, `netplan`, `systemd-networkd`, `NetworkManager` or `ifupdown`.
    pub renderer: &'static str,
    /// What the tenant should know.
    pub notes: Vec<String>,
}

/// Where the tenant's metadata is found.
const METADATA: &str = "/etc/billet/metadata.json";
/// Where the tenant's user data is found, when the image has nothing that would read it.
const USER_DATA: &str = "/var/lib/billet/user-data";
const HOST_KEY: &str = "/etc/ssh/ssh_host_ed25519_key";

/// Configures the system under `root`. May be done again.
///
/// # Errors
/// When the system is of a kind that we cannot configure, or a file cannot be written.
pub fn inject(root: &Root, plan: &Plan, key: &HostKeyPair) -> Result<Injected, InjectError> {
    let system = detect::system(root)?;
    let (mut files, mut notes) = (Files { root, written: Vec::new() }, Vec::new());
    // Each machine makes its own (machine-id(5), "First Boot Semantics").
    files.put("/etc/machine-id", 0o444, b"")?;
    password(&mut files, &plan.password_hash)?;
    ssh(&mut files, key)?;
    authorized_keys(&mut files, plan)?;
    files.make("/etc/billet")?;
    let metadata = serde_json::to_vec_pretty(&plan.metadata).expect("pairs of texts have a JSON form");
    files.put(METADATA, 0o600, &metadata)?;
    files.put("/etc/hostname", 0o644, hostname::hostname(plan).as_bytes())?;
    files.put("/etc/hosts", 0o644, hostname::hosts(plan).as_bytes())?;
    if system.cloud_init {
        root.mkdir_all(nocloud::SEED, 0o700)?;
        files.put(&seed("meta-data"), 0o600, nocloud::meta_data(plan).as_bytes())?;
        files.put(&seed("user-data"), 0o600, nocloud::user_data(plan))?;
        files.make("/etc/cloud/cloud.cfg.d")?;
        files.put(nocloud::SETTINGS, 0o644, nocloud::settings(plan).as_bytes())?;
    } else if !plan.user_data.is_empty() {
        root.mkdir_all("/var/lib/billet", 0o755)?;
        files.put(USER_DATA, 0o600, &plan.user_data)?;
        notes.push(format!("the image has no cloud-init: user_data is at {USER_DATA}, and nothing runs it"));
    }
    network(&mut files, system, &plan.hostname, &plan.nics)?;
    Ok(Injected { files: files.written, renderer: name(system.network), notes })
}

/// Changes an installed system. May be done again.
///
/// # Errors
/// When the system is of a kind that we cannot configure, or a file cannot be written.
pub fn reconfigure(root: &Root, changes: &Changes) -> Result<Injected, InjectError> {
    let system = detect::system(root)?;
    let mut files = Files { root, written: Vec::new() };
    if let Some(hash) = &changes.password_hash {
        password(&mut files, hash)?;
    }
    if let Some(nics) = &changes.nics {
        if system.network == Renderer::CloudInit && !root.exists("/usr/sbin/netplan") {
            let why = "its cloud-init alone configures the network, and only at an instance's first start";
            return Err(InjectError::Unsupported(why.into()));
        }
        files.make("/etc/billet")?;
        network(&mut files, system, &changes.hostname, nics)?;
    }
    Ok(Injected { files: files.written, renderer: name(system.network), notes: Vec::new() })
}

/// The public half of the host key that was made at installation.
///
/// # Errors
/// When it is not there.
pub fn host_key(root: &Root) -> Result<String, InjectError> {
    let text = root.read(&format!("{HOST_KEY}.pub"))?;
    Ok(text.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
}

fn name(renderer: Renderer) -> &'static str {
    match renderer {
        Renderer::CloudInit => "cloud-init",
        Renderer::Netplan => "netplan",
        Renderer::Networkd => "systemd-networkd",
        Renderer::NetworkManager => "NetworkManager",
        Renderer::Ifupdown => "ifupdown",
    }
}

fn seed(name: &str) -> String {
    format!("{}/{name}", nocloud::SEED)
}

fn network(
    files: &mut Files<'_>,
    system: detect::Understands,
    hostname: &str,
    nics: &[Nic],
) -> Result<(), InjectError> {
    let root = files.root;
    // A link is systemd-resolved's or resolvconf's; they learn the servers from the network's configuration.
    if !root.is_link("/etc/resolv.conf") {
        files.put("/etc/resolv.conf", 0o644, hostname::resolv_conf(hostname, nics).as_bytes())?;
    }
    files.put(parameter_plane::PATH, 0o644, parameter_plane::plan(nics).as_bytes())?;
    if let Some(text) = parameter_plane::hccn(nics) {
        files.put(parameter_plane::HCCN_PATH, 0o644, text.as_bytes())?;
    }
    // What was there of us before may have been of another shape.
    files.remove("/etc/systemd/network", |name| name.starts_with("10-billet-"))?;
    files.remove(network_manager::DIR, |name| name.starts_with("billet-"))?;
    let netplan = root.exists("/usr/sbin/netplan");
    if system.cloud_init {
        // At a change cloud-init, which does this once, has left its own.
        for (dir, start) in nocloud::GENERATED {
            files.remove(dir, |name| name.starts_with(start))?;
        }
        files.make("/etc/cloud/cloud.cfg.d")?;
        let who = match system.network {
            Renderer::CloudInit if netplan => nocloud::BY_NETPLAN,
            Renderer::CloudInit => nocloud::BY_ITSELF,
            _ => nocloud::DISABLED,
        };
        files.put(nocloud::NETWORK_SETTINGS, 0o644, who.as_bytes())?;
    }
    match system.network {
        Renderer::CloudInit => {
            root.mkdir_all(nocloud::SEED, 0o700)?;
            files.put(&seed("network-config"), 0o600, nocloud::network_config(nics).as_bytes())?;
        }
        Renderer::Netplan => {}
        Renderer::Networkd => {
            files.put_all("/etc/systemd/network", 0o644, networkd::files(nics))?;
            for (path, target) in networkd::ENABLING {
                files.make(path.rsplit_once('/').map_or("/", |(dir, _)| dir))?;
                root.symlink(path, target)?;
            }
        }
        Renderer::NetworkManager => {
            files.put_all("/etc/systemd/network", 0o644, links::names(nics))?;
            files.put_all(network_manager::DIR, 0o600, network_manager::files(nics))?;
        }
        Renderer::Ifupdown => {
            files.put_all("/etc/systemd/network", 0o644, links::names(nics))?;
            files.make("/etc/network")?;
            files.put("/etc/network/interfaces", 0o644, ifupdown::interfaces(nics).as_bytes())?;
        }
    }
    // For cloud-init too: it writes the same, and only at an instance's first start.
    if matches!(system.network, Renderer::CloudInit | Renderer::Netplan) && netplan {
        files.make("/etc/netplan")?;
        files.put(netplan::PATH, 0o600, netplan::text(nics).as_bytes())?;
    }
    Ok(())
}

fn password(files: &mut Files<'_>, hash: &str) -> Result<(), InjectError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let text = zeroize::Zeroizing::new(files.root.read("/etc/shadow")?);
    let changed = shadow::with_root_password(&text, hash, now).map(zeroize::Zeroizing::new);
    let changed = changed.ok_or_else(|| InjectError::Unsupported("its /etc/shadow has no line for root".into()))?;
    files.root.rewrite("/etc/shadow", changed.as_bytes())?;
    files.written.push("/etc/shadow".into());
    Ok(())
}

/// sshd(8) takes the file only when root alone can write to it and to its folders.
fn authorized_keys(files: &mut Files<'_>, plan: &Plan) -> Result<(), InjectError> {
    if plan.ssh_keys.is_empty() {
        return Ok(());
    }
    let home = authorized_keys::home(&files.root.read("/etc/passwd").unwrap_or_default());
    let dir = format!("{home}/.ssh");
    files.root.mkdir_all(&dir, 0o700)?;
    let path = format!("{dir}/authorized_keys");
    let now = if files.root.exists(&path) { files.root.read(&path)? } else { String::new() };
    files.put(&path, 0o600, authorized_keys::with_keys(&now, &plan.ssh_keys).as_bytes())
}

fn ssh(files: &mut Files<'_>, key: &HostKeyPair) -> Result<(), InjectError> {
    if !files.root.exists("/etc/ssh/sshd_config") {
        return Err(InjectError::Unsupported("it has no SSH server: /etc/ssh/sshd_config is not there".into()));
    }
    // Keys that came with the image are everybody's.
    for name in files.root.list("/etc/ssh") {
        if name.starts_with("ssh_host_") {
            files.root.remove(&format!("/etc/ssh/{name}"))?;
        }
    }
    files.put(HOST_KEY, 0o600, key.private()?.as_bytes())?;
    files.put(&format!("{HOST_KEY}.pub"), 0o644, format!("{}\n", key.public()?).as_bytes())?;
    files.make("/etc/ssh/sshd_config.d")?;
    files.put(sshd::PATH, 0o644, sshd::TEXT.as_bytes())?;
    if let Some(main) = sshd::with_include(&files.root.read("/etc/ssh/sshd_config")?) {
        files.root.rewrite("/etc/ssh/sshd_config", main.as_bytes())?;
        files.written.push("/etc/ssh/sshd_config".into());
    }
    Ok(())
}

struct Files<'a> {
    root: &'a Root,
    written: Vec<String>,
}

impl Files<'_> {
    fn put(&mut self, path: &str, mode: u32, content: &[u8]) -> Result<(), InjectError> {
        self.root.write(path, mode, content)?;
        self.written.push(path.to_owned());
        Ok(())
    }
    fn put_all(&mut self, dir: &str, mode: u32, files: Vec<(String, String)>) -> Result<(), InjectError> {
        self.make(dir)?;
        files.iter().try_for_each(|(path, text)| self.put(path, mode, text.as_bytes()))
    }
    fn remove(&self, dir: &str, which: impl Fn(&str) -> bool) -> Result<(), InjectError> {
        let names = self.root.list(dir).into_iter().filter(|name| which(name));
        names.map(|name| format!("{dir}/{name}")).try_for_each(|path| Ok(self.root.remove(&path)?))
    }
    fn make(&self, dir: &str) -> Result<(), InjectError> {
        Ok(self.root.mkdir_all(dir, 0o755)?)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::plan::tests::{KEY, order, plan, wired},
        *,
    };
    use std::{fs, os::unix::fs::PermissionsExt, path::Path};

    const NETWORKD: &str = "usr/lib/systemd/systemd-networkd";

    fn system(release: &str, extra: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        put("etc/os-release", release);
        put("etc/shadow", "root:*:1::::::\n");
        put("etc/passwd", "root:x:0:0:root:/root:/bin/bash\n");
        put("etc/ssh/sshd_config", "Port 22\n");
        put("etc/ssh/ssh_host_rsa_key", "everybody's");
        for path in extra {
            put(path, "");
        }
        dir
    }
    fn run(dir: &Path, plan: &Plan) -> Result<Injected, InjectError> {
        inject(&Root::open(dir).unwrap(), plan, &HostKeyPair::generate().unwrap())
    }
    fn text(dir: &tempfile::TempDir, path: &str) -> String {
        fs::read_to_string(dir.path().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    #[test]
    fn each_system_is_configured_in_its_own_way() {
        for (extra, renderer, file) in [
            (&["usr/bin/cloud-init", "usr/sbin/ifup"] as &[&str], "ifupdown", "var/lib/cloud/seed/nocloud/user-data"),
            (&["usr/bin/cloud-init", NETWORKD], "systemd-networkd", "etc/systemd/network/10-billet-nic1.network"),
            (&["usr/bin/cloud-init", "usr/sbin/netplan"], "cloud-init", "var/lib/cloud/seed/nocloud/network-config"),
            (&["usr/bin/cloud-init", "usr/sbin/netplan"], "cloud-init", "etc/netplan/50-cloud-init.yaml"),
            (&["usr/bin/cloud-init"], "cloud-init", "var/lib/cloud/seed/nocloud/network-config"),
            (&["usr/sbin/netplan", NETWORKD], "netplan", "etc/netplan/50-cloud-init.yaml"),
            (&[NETWORKD], "systemd-networkd", "etc/systemd/network/10-billet-nic1.network"),
            (
                &["usr/sbin/NetworkManager", NETWORKD],
                "NetworkManager",
                "etc/NetworkManager/system-connections/billet-nic0.nmconnection",
            ),
            (&["usr/sbin/ifup", NETWORKD], "ifupdown", "etc/network/interfaces"),
        ] {
            let dir = system("ID=debian\n", extra);
            for _ in 0..2 {
                assert_eq!(run(dir.path(), &plan()).unwrap().renderer, renderer);
            }
            assert!(dir.path().join(file).exists(), "{file}");
            assert!(text(&dir, "etc/shadow").starts_with("root:$6$saltsaltsalt$hashhash:"));
            assert!(text(&dir, "etc/ssh/sshd_config").starts_with("Include"));
            assert!(!dir.path().join("etc/ssh/ssh_host_rsa_key").exists());
            assert_eq!(text(&dir, "etc/hostname"), "web-1\n");
            let metadata: serde_json::Value = serde_json::from_str(&text(&dir, "etc/billet/metadata.json")).unwrap();
            assert_eq!(metadata["role"], "wéb \"1\"");
            let settings = dir.path().join("etc/cloud/cloud.cfg.d/99-billet-network.cfg");
            let disabled = fs::read_to_string(settings).is_ok_and(|text| text.contains("disabled"));
            assert_eq!(disabled, extra[0].ends_with("cloud-init") && renderer != "cloud-init", "{extra:?}");
        }
    }

    #[test]
    fn what_we_cannot_configure_is_said_and_not_touched() {
        let dir = system("ID=fedora\nPRETTY_NAME=\"Fedora 99\"\n", &["usr/bin/cloud-init"]);
        let error = run(dir.path(), &plan()).unwrap_err();
        assert!(error.to_string().contains("Fedora 99") && error.cause() == "image_unsupported");
        assert_eq!(text(&dir, "etc/shadow"), "root:*:1::::::\n");
        assert!(run(system("ID=debian\n", &[]).path(), &plan()).is_err());
    }

    #[test]
    fn keys_let_their_owners_in_and_user_data_waits_where_nothing_reads_it() {
        let mut order = order();
        (order.ssh_keys, order.user_data) = (vec![KEY.into()], b"#!/bin/sh\n".to_vec());
        let plan = Plan::new(&order).unwrap();
        let dir = system("ID=debian\n", &[NETWORKD, "root/.ssh/authorized_keys"]);
        fs::write(dir.path().join("root/.ssh/authorized_keys"), "# the image's").unwrap();
        for _ in 0..2 {
            assert!(run(dir.path(), &plan).unwrap().notes[0].contains("/var/lib/billet/user-data"));
        }
        assert_eq!(text(&dir, "root/.ssh/authorized_keys"), format!("# the image's\n{KEY}\n"));
        assert_eq!(text(&dir, "var/lib/billet/user-data"), "#!/bin/sh\n");
        let mode = |path: &str| fs::metadata(dir.path().join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("root/.ssh/authorized_keys"), mode("var/lib/billet/user-data")), (0o600, 0o600));

        let dir = system("ID=debian\n", &[NETWORKD, "usr/bin/cloud-init"]);
        assert_eq!(run(dir.path(), &plan).unwrap().notes, Vec::<String>::new());
        let made = fs::metadata(dir.path().join("root/.ssh")).unwrap().permissions().mode() & 0o777;
        assert_eq!(made, 0o700);
        assert_eq!(text(&dir, "var/lib/cloud/seed/nocloud/user-data"), "#!/bin/sh\n");
        assert!(!dir.path().join("var/lib/billet/user-data").exists());
    }

    #[test]
    fn the_parameter_planes_plan_is_left_for_programs() {
        let dir = system("ID=debian\n", &[NETWORKD]);
        run(dir.path(), &plan()).unwrap();
        let plan: serde_json::Value = serde_json::from_str(&text(&dir, "etc/billet/parameter-plane.json")).unwrap();
        assert_eq!(plan["rails"], serde_json::json!([]));
        assert!(!dir.path().join("etc/hccn.conf").exists());
        run(dir.path(), &Plan::new(&wired()).unwrap()).unwrap();
        let plan: serde_json::Value = serde_json::from_str(&text(&dir, "etc/billet/parameter-plane.json")).unwrap();
        assert_eq!(plan["rails"].as_array().unwrap().len(), 3);
        assert!(text(&dir, "etc/hccn.conf").starts_with("address_2="));
    }

    #[test]
    fn a_change_replaces_the_network_and_leaves_everything_else() {
        let dir = system("ID=debian\n", &[NETWORKD]);
        run(dir.path(), &Plan::new(&wired()).unwrap()).unwrap();
        let (key, shadow) = (text(&dir, "etc/ssh/ssh_host_ed25519_key"), text(&dir, "etc/shadow"));
        let root = Root::open(dir.path()).unwrap();
        let nics = plan().nics;
        let changes = Changes { hostname: "web-1".into(), nics: Some(nics), password_hash: None };
        reconfigure(&root, &changes).unwrap();
        let left = root.list("/etc/systemd/network");
        assert_eq!(left, ["10-billet-nic0.network", "10-billet-nic1.network"]);
        assert_eq!((text(&dir, "etc/ssh/ssh_host_ed25519_key"), text(&dir, "etc/shadow")), (key, shadow));
        assert!(host_key(&root).unwrap().starts_with("ssh-ed25519 AAAA"));
        let hash = Some(zeroize::Zeroizing::new("$6$new$hash".to_owned()));
        reconfigure(&root, &Changes { hostname: "web-1".into(), nics: None, password_hash: hash }).unwrap();
        assert!(text(&dir, "etc/shadow").starts_with("root:$6$new$hash:"));
        assert_eq!(root.list("/etc/systemd/network"), left);
    }
}
