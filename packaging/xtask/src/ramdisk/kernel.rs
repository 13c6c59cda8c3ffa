//! Debian's kernel package, unpacked without being installed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

/// The package that depends on the newest kernel of its kind.
const META_PACKAGE: &str = "linux-image-cloud-amd64";

/// An unpacked kernel.
pub struct Kernel {
    /// Such as `6.1.0-40-cloud-amd64`.
    pub version: String,
    /// The image.
    pub vmlinuz: PathBuf,
    /// `lib/modules/VERSION`.
    pub modules: PathBuf,
}

/// Downloads and unpacks the kernel below `dir`, once for each version. apt checks the package's digest.
pub fn fetch(dir: &Path) -> Result<Kernel> {
    let package = match newest()? {
        Some(package) => package,
        None => {
            run(Command::new("apt-get").args(["update", "-q"]))?;
            newest()?.with_context(|| format!("{META_PACKAGE} is in none of apt's lists"))?
        }
    };
    let version = package.trim_start_matches("linux-image-").to_owned();
    let tree = dir.join(&version);
    let kernel = Kernel {
        vmlinuz: tree.join(format!("boot/vmlinuz-{version}")),
        modules: tree.join(format!("lib/modules/{version}")),
        version,
    };
    if tree.exists() {
        return Ok(kernel);
    }
    println!("    fetching {package}");
    let download = tempfile::tempdir_in(make(dir)?)?;
    run(Command::new("apt-get")
        .args(["download", "-q", "-o", "Acquire::Retries=5", "-o", "APT::Sandbox::User=root", &package])
        .current_dir(download.path()))?;
    let deb = fs::read_dir(download.path())?.filter_map(|entry| Some(entry.ok()?.path())).find(|path| path.is_file());
    let deb = deb.with_context(|| format!("apt-get download {package} left no file"))?;
    let unpacked = download.path().join("tree");
    run(Command::new("dpkg").arg("-x").arg(&deb).arg(&unpacked))?;
    // As a whole or not at all.
    fs::rename(&unpacked, &tree).with_context(|| format!("put {} in place", tree.display()))?;
    Ok(kernel)
}

fn make(dir: &Path) -> Result<&Path> {
    fs::create_dir_all(dir).with_context(|| format!("make {}", dir.display()))?;
    Ok(dir)
}

fn newest() -> Result<Option<String>> {
    let output = Command::new("apt-cache").args(["show", META_PACKAGE]).output().context("run apt-cache")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let depends = text.lines().find_map(|line| line.strip_prefix("Depends:"));
    let package = depends.and_then(|line| line.split([',', ' ', '(']).find(|word| word.starts_with("linux-image-")));
    Ok(package.map(str::to_owned))
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
