//! What an installed system understands.

use super::{InjectError, Root};

/// How a system is configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Renderer {
    /// cloud-init, by a NoCloud seed.
    CloudInit,
    /// systemd-networkd.
    Networkd,
    /// ifupdown.
    Ifupdown,
}

/// Whether a root folder holds a system at all.
#[must_use]
pub fn is_system(root: &Root) -> bool {
    root.exists("/etc/os-release") || root.exists("/usr/lib/os-release")
}

/// The way for this system.
pub(super) fn renderer(root: &Root) -> Result<Renderer, InjectError> {
    let release = root.read("/etc/os-release").or_else(|_| root.read("/usr/lib/os-release"))?;
    if !is_debian_family(&release) {
        let name = value(&release, "PRETTY_NAME").unwrap_or_else(|| "a system without a name".into());
        return Err(InjectError::Unsupported(format!("{name} is not of the Debian family")));
    }
    let has = |paths: &[&str]| paths.iter().any(|path| root.exists(path));
    if has(&["/usr/bin/cloud-init"]) {
        return Ok(Renderer::CloudInit);
    }
    let networkd = has(&["/usr/lib/systemd/systemd-networkd", "/lib/systemd/systemd-networkd"]);
    let enabled = has(&[super::networkd::ENABLING[0].0]);
    let ifupdown = has(&["/usr/sbin/ifup", "/sbin/ifup"]);
    match (ifupdown, networkd) {
        (true, _) if !enabled => Ok(Renderer::Ifupdown),
        (_, true) => Ok(Renderer::Networkd),
        _ => Err(InjectError::Unsupported("it has neither cloud-init, nor systemd-networkd, nor ifupdown".into())),
    }
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
