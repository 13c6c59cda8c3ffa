//! What a first process owes the machine: file systems, console, an end.

use anyhow::Context;
use nix::{
    mount::{MsFlags, mount},
    sys::reboot::{RebootMode, reboot},
};
use std::path::Path;

/// Logs to the console that the kernel gave.
pub(super) fn console() {
    tracing_subscriber::fmt().without_time().with_ansi(false).with_target(false).with_writer(std::io::stderr).init();
}

/// Mounts what everything else looks at, and loads the modules.
pub(super) fn prepare() -> anyhow::Result<()> {
    for (kind, at, flags) in [
        ("proc", "/proc", MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC),
        ("sysfs", "/sys", MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC),
        ("devtmpfs", "/dev", MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC),
        ("tmpfs", "/run", MsFlags::MS_NOSUID | MsFlags::MS_NODEV),
    ] {
        std::fs::create_dir_all(at).with_context(|| format!("make {at}"))?;
        match mount(Some(kind), at, Some(kind), flags, None::<&str>) {
            // The kernel mounts devtmpfs by itself where it was built so.
            Ok(()) | Err(nix::errno::Errno::EBUSY) => {}
            Err(error) => return Err(error).with_context(|| format!("mount {at}")),
        }
    }
    super::modules::load(Path::new("/modules.order"))?;
    super::boot_variables::mount_variables();
    Ok(())
}

/// Takes the power away.
pub(super) fn power_off() -> ! {
    nix::unistd::sync();
    // As PID 1 it cannot fail; where it did, sleeping is all that is left.
    let _ = reboot(RebootMode::RB_POWER_OFF);
    loop {
        std::thread::sleep(super::PATIENCE);
    }
}
