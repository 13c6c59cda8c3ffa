//! Debian images with and without cloud-init, made once for each recipe.

use anyhow::{Context, Result, bail};
use std::{
    collections::hash_map::DefaultHasher,
    fs,
    hash::{Hash, Hasher},
    path::{Path, PathBuf},
    process::Command,
};

const RECIPE: &str = include_str!("images/build.sh");

/// The images.
#[derive(Debug, Clone)]
pub struct Images {
    /// With cloud-init.
    pub cloudinit: PathBuf,
    /// With systemd-networkd alone.
    pub plain: PathBuf,
}

/// The images below `cache`; they are made when they are not there, which takes some minutes and root.
///
/// # Errors
/// When they cannot be made; nothing then looks like an image.
pub fn get(cache: &Path) -> Result<Images> {
    let mut hasher = DefaultHasher::new();
    RECIPE.hash(&mut hasher);
    let dir = cache.join(format!("debian12-{:016x}", hasher.finish()));
    let images = Images { cloudinit: dir.join("cloudinit.raw"), plain: dir.join("plain.raw") };
    if images.cloudinit.exists() && images.plain.exists() {
        return Ok(images);
    }
    if !nix::unistd::geteuid().is_root() {
        let program = std::env::current_exe().context("find this program")?;
        bail!(
            "making images needs root (debootstrap): run once: sudo env BILLET_LAB_CACHE={} {} lab images",
            cache.parent().unwrap_or(cache).display(),
            program.display()
        );
    }
    let work = dir.with_extension("new");
    match fs::remove_dir_all(&work) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("remove what was begun before, {}", work.display()));
        }
        _ => {}
    }
    fs::create_dir_all(&work).with_context(|| format!("make {}", work.display()))?;
    let script = work.join("build.sh");
    fs::write(&script, RECIPE).context("write the recipe")?;
    // debootstrap mounts /proc in what it makes. In a mount namespace of its own the mount ends with the recipe, however that
    // ends, and nobody who tidies up walks into it.
    let mut recipe = Command::new("unshare");
    recipe.args(["--mount", "--propagation", "private", "bash"]).arg(&script).arg(&work);
    let done = recipe.status().context("run the recipe by unshare (package util-linux)")?;
    if !done.success() {
        bail!("the images were not made; see {}", work.join("build.log").display());
    }
    let _ = fs::remove_dir_all(&dir);
    fs::rename(&work, &dir).with_context(|| format!("put {} in place", dir.display()))?;
    Ok(images)
}
