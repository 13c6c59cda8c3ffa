//! All files of one system, in their order.

use super::{
    HostKeyPair, InjectError, Plan, Root,
    detect::{self, Renderer},
    hostname, ifupdown, networkd, nocloud, shadow, sshd,
};
use std::time::{SystemTime, UNIX_EPOCH};

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Injected {
    /// Paths that were written.
    pub files: Vec<String>,
    /// `cloud-init`, `systemd-networkd` or `ifupdown`.
    pub renderer: &'static str,
}

/// Where the tenant's metadata is found.
const METADATA: &str = "/etc/billet/metadata.json";
const HOST_KEY: &str = "/etc/ssh/ssh_host_ed25519_key";

/// Configures the system under `root`. May be done again.
///
/// # Errors
/// When the system is of a kind that we cannot configure, or a file cannot be written.
pub fn inject(root: &Root, plan: &Plan, key: &HostKeyPair) -> Result<Injected, InjectError> {
    let renderer = detect::renderer(root)?;
    let mut files = Files { root, written: Vec::new() };
    // Each machine makes its own (machine-id(5), "First Boot Semantics").
    files.put("/etc/machine-id", 0o444, b"")?;
    password(&mut files, plan)?;
    ssh(&mut files, key)?;
    files.make("/etc/billet")?;
    let metadata = serde_json::to_vec_pretty(&plan.metadata).expect("pairs of texts have a JSON form");
    files.put(METADATA, 0o600, &metadata)?;
    files.put("/etc/hostname", 0o644, hostname::hostname(plan).as_bytes())?;
    files.put("/etc/hosts", 0o644, hostname::hosts(plan).as_bytes())?;
    // A link is systemd-resolved's or resolvconf's; they learn the servers from the network's configuration.
    if !root.is_link("/etc/resolv.conf") {
        files.put("/etc/resolv.conf", 0o644, hostname::resolv_conf(plan).as_bytes())?;
    }
    let renderer = match renderer {
        Renderer::CloudInit => {
            root.mkdir_all(nocloud::SEED, 0o700)?;
            for (name, text) in [
                ("meta-data", nocloud::meta_data(plan)),
                ("user-data", nocloud::user_data(plan)),
                ("network-config", nocloud::network_config(plan)),
            ] {
                files.put(&format!("{}/{name}", nocloud::SEED), 0o600, text.as_bytes())?;
            }
            files.make("/etc/cloud/cloud.cfg.d")?;
            files.put("/etc/cloud/cloud.cfg.d/99-billet.cfg", 0o644, nocloud::SOURCES.as_bytes())?;
            "cloud-init"
        }
        Renderer::Networkd => {
            files.make("/etc/systemd/network")?;
            for (path, text) in networkd::files(plan) {
                files.put(&path, 0o644, text.as_bytes())?;
            }
            for (path, target) in networkd::ENABLING {
                files.make(path.rsplit_once('/').map_or("/", |(dir, _)| dir))?;
                root.symlink(path, target)?;
            }
            "systemd-networkd"
        }
        Renderer::Ifupdown => {
            files.make("/etc/systemd/network")?;
            for (path, text) in ifupdown::links(plan) {
                files.put(&path, 0o644, text.as_bytes())?;
            }
            files.make("/etc/network")?;
            files.put("/etc/network/interfaces", 0o644, ifupdown::interfaces(plan).as_bytes())?;
            "ifupdown"
        }
    };
    Ok(Injected { files: files.written, renderer })
}

fn password(files: &mut Files<'_>, plan: &Plan) -> Result<(), InjectError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let text = zeroize::Zeroizing::new(files.root.read("/etc/shadow")?);
    let changed = shadow::with_root_password(&text, &plan.password_hash, now).map(zeroize::Zeroizing::new);
    let changed = changed.ok_or_else(|| InjectError::Unsupported("its /etc/shadow has no line for root".into()))?;
    files.root.rewrite("/etc/shadow", changed.as_bytes())?;
    files.written.push("/etc/shadow".into());
    Ok(())
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
    fn make(&self, dir: &str) -> Result<(), InjectError> {
        Ok(self.root.mkdir_all(dir, 0o755)?)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::plan::tests::plan, *};
    use std::{fs, path::Path};

    fn system(release: &str, extra: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        put("etc/os-release", release);
        put("etc/shadow", "root:*:1::::::\n");
        put("etc/ssh/sshd_config", "Port 22\n");
        put("etc/ssh/ssh_host_rsa_key", "everybody's");
        for path in extra {
            put(path, "");
        }
        dir
    }
    fn run(dir: &Path) -> Result<Injected, InjectError> {
        inject(&Root::open(dir).unwrap(), &plan(), &HostKeyPair::generate().unwrap())
    }

    #[test]
    fn each_system_is_configured_in_its_own_way() {
        for (extra, renderer, file) in [
            (["usr/bin/cloud-init", "usr/sbin/ifup"].as_slice(), "cloud-init", "var/lib/cloud/seed/nocloud/user-data"),
            (&["usr/lib/systemd/systemd-networkd"], "systemd-networkd", "etc/systemd/network/10-billet-nic1.network"),
            (&["usr/sbin/ifup", "usr/lib/systemd/systemd-networkd"], "ifupdown", "etc/network/interfaces"),
        ] {
            let dir = system("ID=debian\n", extra);
            for _ in 0..2 {
                assert_eq!(run(dir.path()).unwrap().renderer, renderer);
            }
            assert!(dir.path().join(file).exists(), "{file}");
            let text = |path: &str| fs::read_to_string(dir.path().join(path)).unwrap();
            assert!(text("etc/shadow").starts_with("root:$6$saltsaltsalt$hashhash:"));
            assert!(text("etc/ssh/sshd_config").starts_with("Include"));
            assert!(!dir.path().join("etc/ssh/ssh_host_rsa_key").exists());
            assert_eq!(text("etc/hostname"), "web-1\n");
            let metadata: serde_json::Value = serde_json::from_str(&text("etc/billet/metadata.json")).unwrap();
            assert_eq!(metadata["role"], "wéb \"1\"");
        }
    }

    #[test]
    fn what_we_cannot_configure_is_said_and_not_touched() {
        let dir = system("ID=fedora\nPRETTY_NAME=\"Fedora 99\"\n", &["usr/bin/cloud-init"]);
        let error = run(dir.path()).unwrap_err();
        assert!(error.to_string().contains("Fedora 99") && error.cause() == "image_unsupported");
        assert_eq!(fs::read_to_string(dir.path().join("etc/shadow")).unwrap(), "root:*:1::::::\n");
        assert!(run(system("ID=debian\n", &[]).path()).is_err());
    }
}
