//! The system on the disk: mounted, configured or changed, unmounted.

use super::StepError;
use crate::{
    disk::partition,
    inject::{self, Changes, HostKeyPair, Injected, Plan, Root},
};
use billet_proto::link::{Install, Reconfigure};
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

/// Configures a system that was just written.
pub(in crate::ramdisk) fn install(order: &Install, disk: &Path) -> Result<Configured, StepError> {
    let plan = Plan::new(order)?;
    let key = HostKeyPair::generate()?;
    let configured = in_system(disk, |root| {
        let injected = inject::inject(root, &plan, &key)?;
        Ok(Configured { host_key: key.public()?, detail: detail(&injected) })
    })?;
    configured.ok_or_else(|| {
        let why = "no partition of the image holds a system (ext4 or XFS, with /etc/os-release)";
        StepError::other("image_unsupported", why)
    })
}

/// Changes a system that is on the disk; its host key stays.
pub(in crate::ramdisk) fn reconfigure(order: &Reconfigure, disk: &Path) -> Result<Configured, StepError> {
    let changes = Changes::new(order)?;
    let configured = in_system(disk, |root| {
        // Read first: a system without a key that could answer is not changed.
        let host_key = inject::host_key(root)?;
        let injected = inject::reconfigure(root, &changes)?;
        Ok(Configured { host_key, detail: detail(&injected) })
    })?;
    configured.ok_or_else(|| {
        let why = "no partition of the disk holds a system (ext4 or XFS, with /etc/os-release)";
        StepError::other("no_installed_system", why)
    })
}

fn detail(injected: &Injected) -> String {
    let notes: String = injected.notes.iter().map(|note| format!("; {note}")).collect();
    format!("{} files for {}{notes}", injected.files.len(), injected.renderer)
}

/// Does something in the disk's system, mounted, and unmounts it; none when there is no system.
fn in_system(
    disk: &Path,
    work: impl Fn(&Root) -> Result<Configured, StepError>,
) -> Result<Option<Configured>, StepError> {
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
        let configured = in_root(point, &work);
        // Everything is on the medium when this returns well.
        nix::unistd::sync();
        let unmounted = umount2(point, MntFlags::empty());
        let configured = configured?;
        unmounted.map_err(|error| StepError::other("mount", format!("unmount {}: {error}", device.display())))?;
        if let Some(Configured { host_key, detail }) = configured {
            let detail = format!("{detail} on {}", device.display());
            return Ok(Some(Configured { host_key, detail }));
        }
    }
    Ok(None)
}

/// None when there is no system.
fn in_root(
    point: &Path,
    work: impl Fn(&Root) -> Result<Configured, StepError>,
) -> Result<Option<Configured>, StepError> {
    let root = Root::open(point).map_err(inject::InjectError::from)?;
    if inject::is_system(&root) { work(&root).map(Some) } else { Ok(None) }
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
