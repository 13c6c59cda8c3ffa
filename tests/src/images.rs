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
    let _ = fs::remove_dir_all(&work);
    fs::create_dir_all(&work).with_context(|| format!("make {}", work.display()))?;
    let script = work.join("build.sh");
    fs::write(&script, RECIPE).context("write the recipe")?;
    let done = Command::new("bash").arg(&script).arg(&work).status().context("run the recipe")?;
    if !done.success() {
        bail!("the images were not made; see {}", work.join("build.log").display());
    }
    let _ = fs::remove_dir_all(&dir);
    fs::rename(&work, &dir).with_context(|| format!("put {} in place", dir.display()))?;
    Ok(images)
}
