//! Waiting until all disks are there: NVMe controllers come up after their driver was loaded, and one disk that appears late
//! could make a hint ambiguous that seemed to fit.

use super::{DiskError, list_disks};
use billet_proto::link::Disk;
use std::{fs, path::Path, time::Duration};
use tokio::time::{Instant, sleep};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);
/// So long must the list stay the same where a controller may still bring disks.
const QUIET: Duration = Duration::from_millis(500);
/// A controller that is not up after this time is broken; what is there counts.
const DEADLINE: Duration = Duration::from_secs(20);

/// All disks by name, as [`list_disks`] has them, once no NVMe controller is on its way up. Without any NVMe controller it
/// answers at once. `sys` is `/sys`.
///
/// # Errors
/// When sysfs cannot be listed.
pub async fn settled_disks(sys: &Path) -> Result<Vec<Disk>, DiskError> {
    let began = Instant::now();
    let (mut disks, mut since) = (list_disks(sys)?, Instant::now());
    loop {
        let states = states(sys);
        let rising = states.iter().any(|state| matches!(state.as_str(), "new" | "resetting" | "connecting"));
        let quiet = states.is_empty() || (!rising && since.elapsed() >= QUIET);
        if quiet || began.elapsed() > DEADLINE {
            return Ok(disks);
        }
        sleep(PAUSE).await;
        let now = list_disks(sys)?;
        // What a controller brings comes after it is up.
        if rising || now != disks {
            (disks, since) = (now, Instant::now());
        }
    }
}

/// Of each NVMe controller (drivers/nvme/host/sysfs.c, `state`).
fn states(sys: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(sys.join("class/nvme")) else { return Vec::new() };
    let state = |entry: fs::DirEntry| fs::read_to_string(entry.path().join("state")).ok();
    entries.filter_map(|entry| state(entry.ok()?)).map(|state| state.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(sys: &Path, path: &str, content: &str) {
        let path = sys.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_disk_behind_a_controller_on_its_way_up_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let sys = dir.path().to_owned();
        put(&sys, "block/vda/size", "8");
        let began = Instant::now();
        assert_eq!(settled_disks(&sys).await.unwrap().len(), 1);
        assert!(began.elapsed().is_zero(), "nothing to wait for");
        put(&sys, "class/nvme/nvme0/state", "resetting\n");
        let late = sys.clone();
        tokio::spawn(async move {
            sleep(Duration::from_secs(3)).await;
            put(&late, "class/nvme/nvme0/state", "live\n");
            sleep(Duration::from_millis(300)).await;
            put(&late, "block/nvme0n1/size", "8");
        });
        assert_eq!(settled_disks(&sys).await.unwrap().len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_controller_that_never_comes_up_is_not_waited_for_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), "block/vda/size", "8");
        put(dir.path(), "class/nvme/nvme0/state", "connecting\n");
        assert_eq!(settled_disks(dir.path()).await.unwrap().len(), 1);
    }
}
