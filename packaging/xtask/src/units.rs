//! The systemd units, as systemd itself sees them.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, ensure};

use crate::step;

/// Verifies both units with `systemd-analyze verify`, in a root folder where the programs that they name exist.
///
/// # Errors
/// With systemd's words.
pub fn verify() -> Result<()> {
    println!("\n==> systemd units");
    let root = tempfile::tempdir().context("make a folder")?;
    let at = |path: &str| root.path().join(path.trim_start_matches('/'));
    let units = at("/usr/lib/systemd/system");
    fs::create_dir_all(at("/usr/bin"))?;
    fs::create_dir_all(at("/bin"))?;
    copy(Path::new("/usr/lib/systemd/system"), &units)?;
    for program in ["/usr/bin/billet-controller", "/usr/bin/billet-agent", "/bin/kill"] {
        fs::copy("/bin/true", at(program)).with_context(|| format!("put a program at {program}"))?;
    }
    copy(&step::root().join("packaging/systemd"), &units)?;
    let mut command = Command::new("systemd-analyze");
    command.arg("verify").arg(format!("--root={}", root.path().display())).args(["--man=no", "--recursive-errors=no"]);
    let output = command.args(["billet-controller.service", "billet-agent.service"]).output();
    let output = output.context("run systemd-analyze (package systemd)")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success() && said.trim().is_empty(), "step \"systemd units\": {}", said.trim());
    println!("    both are clean");
    Ok(())
}

/// Files and links of one folder, not of those below it.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("list {}", from.display()))? {
        let path = entry?.path();
        if path.is_file()
            && let Some(name) = path.file_name()
        {
            fs::copy(&path, to.join(name)).with_context(|| format!("copy {}", path.display()))?;
        }
    }
    Ok(())
}
