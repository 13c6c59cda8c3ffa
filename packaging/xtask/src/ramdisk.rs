//! The ramdisk: Debian's kernel, the modules that servers need, and the static agent as PID 1.

// The agent's own, and nothing else of it: else the task runner would be built with all that the agent needs.
#[path = "../../../agent/src/boot/cpio.rs"]
mod cpio;
mod kernel;
mod modules;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use cpio::Archive;

/// Without kernel and modules, compressed.
const MAX_AGENT_BYTES: u64 = 8 << 20;
/// All of it.
const MAX_BYTES: u64 = 60 << 20;
/// zstd's level: the file is made once and sent to every server.
const LEVEL: i32 = 19;

/// A ramdisk that can be served.
pub struct Ramdisk {
    /// Holds `vmlinuz` and `initrd`.
    pub dir: PathBuf,
}

/// Builds the ramdisk in `out` with `agent` as PID 1, from the kernel in `cache`; what is up to date stays.
///
/// # Errors
/// When the kernel's package cannot be had, a module is missing, or a size is beyond its bound.
pub fn build(cache: &Path, out: &Path, agent: &Path) -> Result<Ramdisk> {
    let kernel = kernel::fetch(&cache.join("kernel"))?;
    fs::create_dir_all(out).with_context(|| format!("make {}", out.display()))?;
    let (vmlinuz, initrd) = (out.join("vmlinuz"), out.join("initrd"));
    if is_newer(&initrd, &[agent, &kernel.vmlinuz, &std::env::current_exe()?]) && vmlinuz.exists() {
        return Ok(Ramdisk { dir: out.to_owned() });
    }
    fs::copy(&kernel.vmlinuz, &vmlinuz).with_context(|| format!("copy {}", kernel.vmlinuz.display()))?;
    let base = base(agent)?;
    let modules = modules::archive(&kernel)?;
    ensure!(
        base.len() as u64 <= MAX_AGENT_BYTES,
        "the ramdisk without kernel and modules has {} bytes, more than {MAX_AGENT_BYTES}",
        base.len()
    );
    let kernel_bytes = fs::metadata(&vmlinuz)?.len();
    let all = kernel_bytes + base.len() as u64 + modules.len() as u64;
    ensure!(all <= MAX_BYTES, "the ramdisk has {all} bytes, more than {MAX_BYTES}");
    // The kernel unpacks archives that follow each other, each compressed in its own way.
    let mut bytes = base.clone();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes.extend_from_slice(&modules);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    fs::write(&initrd, bytes).with_context(|| format!("write {}", initrd.display()))?;
    let mb = |bytes: u64| bytes as f64 / 1e6;
    println!(
        "    ramdisk: agent {:.1} MB, modules {:.1} MB, kernel {} {:.1} MB: {:.1} MB in all",
        mb(base.len() as u64),
        mb(modules.len() as u64),
        kernel.version,
        mb(kernel_bytes),
        mb(all),
    );
    Ok(Ramdisk { dir: out.to_owned() })
}

/// Fetches the kernel's package and unpacks it.
///
/// # Errors
/// When it cannot be had.
pub fn fetch_kernel(dir: &Path) -> Result<()> {
    kernel::fetch(&dir.join("kernel")).map(drop)
}

/// All but the modules: folders, the console that PID 1 writes to, and the agent.
fn base(agent: &Path) -> Result<Vec<u8>> {
    let agent = fs::read(agent).with_context(|| format!("read {}", agent.display()))?;
    let mut archive = Archive::new();
    for dir in ["/dev", "/proc", "/sys", "/run"] {
        archive = archive.dir(dir, 0o755);
    }
    let archive = archive.device("/dev/console", 0o600, 5, 1).file("/init", 0o755, &agent).finish();
    compress(&archive)
}

fn compress(archive: &[u8]) -> Result<Vec<u8>> {
    zstd::bulk::compress(archive, LEVEL).context("compress the ramdisk")
}

fn is_newer(made: &Path, from: &[&Path]) -> bool {
    let time = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let Some(made) = time(made) else { return false };
    from.iter().all(|path| time(path).is_some_and(|time| time < made))
}
