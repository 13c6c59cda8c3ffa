//! The written system: mounted, configured, unmounted.

use super::StepError;
use crate::{
    disk::partition,
    inject::{self, HostKeyPair, Plan, Root},
};
use billet_proto::link::Install;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use std::{
    path::Path,
    time::{Duration, Instant},
};

const MOUNT_POINT: &str = "/run/root";
/// A partition's device appears at once; udev is not here to be waited for.
const DEVICE_DEADLINE: Duration = Duration::from_secs(10);

pub(in crate::ramdisk) struct Configured {
    pub(in crate::ramdisk) host_key: String,
    pub(in crate::ramdisk) detail: String,
}

pub(in crate::ramdisk) fn run(order: &Install, disk: &Path) -> Result<Configured, StepError> {
    let plan = Plan::new(order)?;
    let key = HostKeyPair::generate()?;
    partition::read_again(disk)?;
    let point = Path::new(MOUNT_POINT);
    std::fs::create_dir_all(point)
        .map_err(|error| StepError::other("mount", format!("make {MOUNT_POINT}: {error}")))?;
    for candidate in partition::root_candidates(disk)? {
        let device = partition::device(disk, candidate.number);
        appear(&device)?;
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC | MsFlags::MS_NOATIME;
        mount(Some(&device), point, Some(candidate.file_system), flags, None::<&str>)
            .map_err(|error| StepError::other("mount", format!("mount {}: {error}", device.display())))?;
        let configured = configure(point, &plan, &key);
        // Everything is on the medium when this returns well.
        nix::unistd::sync();
        let unmounted = umount2(point, MntFlags::empty());
        let configured = configured?;
        unmounted.map_err(|error| StepError::other("mount", format!("unmount {}: {error}", device.display())))?;
        if let Some(detail) = configured {
            let detail = format!("{detail} on {}", device.display());
            return Ok(Configured { host_key: key.public()?, detail });
        }
    }
    Err(StepError::other(
        "image_unsupported",
        "no partition of the image holds a system (ext4 or XFS, with /etc/os-release)",
    ))
}

/// None when there is no system.
fn configure(point: &Path, plan: &Plan, key: &HostKeyPair) -> Result<Option<String>, StepError> {
    let root = Root::open(point).map_err(inject::InjectError::from)?;
    if !inject::is_system(&root) {
        return Ok(None);
    }
    let injected = inject::inject(&root, plan, key)?;
    let notes: String = injected.notes.iter().map(|note| format!("; {note}")).collect();
    Ok(Some(format!("{} files for {}{notes}", injected.files.len(), injected.renderer)))
}

fn appear(device: &Path) -> Result<(), StepError> {
    let began = Instant::now();
    while !device.exists() {
        if began.elapsed() > DEVICE_DEADLINE {
            return Err(StepError::other("mount", format!("{} did not appear", device.display())));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}
