//! What an installed system understands.

use super::{InjectError, Root};

/// Whose files say what the network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Renderer {
    /// cloud-init's, which hands them to netplan as they are.
    CloudInit,
    /// netplan.
    Netplan,
    /// systemd-networkd.
    Networkd,
    /// NetworkManager.
    NetworkManager,
    /// ifupdown.
    Ifupdown,
}

/// What a system understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Understands {
    pub(super) cloud_init: bool,
    pub(super) network: Renderer,
}

/// Whether a root folder holds a system at all.
#[must_use]
pub fn is_system(root: &Root) -> bool {
    root.exists("/etc/os-release") || root.exists("/usr/lib/os-release")
}

/// The way for this system.
pub(super) fn system(root: &Root) -> Result<Understands, InjectError> {
    let release = root.read("/etc/os-release").or_else(|_| root.read("/usr/lib/os-release"))?;
    if !is_debian_family(&release) {
        let name = value(&release, "PRETTY_NAME").unwrap_or_else(|| "a system without a name".into());
        return Err(InjectError::Unsupported(format!("{name} is not of the Debian family")));
    }
    let cloud_init = root.exists("/usr/bin/cloud-init");
    let network = match (cloud_init, native(root)) {
        // Only netplan gets from cloud-init what it was given; for others cloud-init translates, and loses bonds, tables
        // and source rules on the way.
        (true, Some(Renderer::Netplan) | None) => Renderer::CloudInit,
        (_, Some(native)) => native,
        (false, None) => {
            let why = "it has neither cloud-init, netplan, systemd-networkd, NetworkManager nor ifupdown";
            return Err(InjectError::Unsupported(why.into()));
        }
    };
    Ok(Understands { cloud_init, network })
}

/// Without cloud-init.
fn native(root: &Root) -> Option<Renderer> {
    let has = |paths: &[&str]| paths.iter().any(|path| root.exists(path));
    // An enabling link leads to where the unit is once the root is the root, so it is there whatever it leads to.
    let enabled = |unit: &str| root.is_link(&format!("/etc/systemd/system/multi-user.target.wants/{unit}.service"));
    let networkd = has(&["/usr/lib/systemd/systemd-networkd", "/lib/systemd/systemd-networkd"]);
    if has(&["/usr/sbin/netplan"]) {
        return Some(Renderer::Netplan);
    }
    // networkd comes with systemd itself: that it is there says nothing while something else is, too.
    if networkd && enabled("systemd-networkd") {
        return Some(Renderer::Networkd);
    }
    if has(&["/usr/sbin/ifup", "/sbin/ifup"]) {
        return Some(Renderer::Ifupdown);
    }
    if has(&["/usr/sbin/NetworkManager"]) {
        return Some(Renderer::NetworkManager);
    }
    networkd.then_some(Renderer::Networkd)
}

fn is_debian_family(release: &str) -> bool {
    ["ID", "ID_LIKE"]
        .iter()
        .filter_map(|key| value(release, key))
        .any(|text| text.split(' ').any(|word| word == "debian"))
}

/// A value of os-release(5).
fn value(release: &str, key: &str) -> Option<String> {
    let value = release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
    Some(value.trim_matches(['"', '\'']).chars().filter(|c| !c.is_control()).take(100).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_debian_family_is_known_by_id_or_likeness() {
        for (text, good) in [
            ("ID=debian\n", true),
            ("ID=ubuntu\nID_LIKE=debian\n", true),
            ("ID=\"mint\"\nID_LIKE=\"ubuntu debian\"\n", true),
            ("ID=fedora\n", false),
            ("", false),
        ] {
            assert_eq!(is_debian_family(text), good, "{text}");
        }
    }
}
