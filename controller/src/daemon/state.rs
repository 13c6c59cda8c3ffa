//! What the state folder must hold: keys that were lost are never replaced by new ones behind whoever needs the old.

use anyhow::{Context, bail};
use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
};

/// The database's file in the state folder.
pub(super) const DATABASE: &str = "billet.db";
/// The master key's; systemd may give it as a credential instead.
pub(super) const MASTER_KEY: &str = "master.key";

/// The receipts' key's: it signs nothing else.
pub(super) const RECEIPT_KEY: &str = "receipt.key";

/// Where systemd would put the master key (systemd.exec(5), `LoadCredential=`).
pub(super) fn credential() -> Option<PathBuf> {
    std::env::var_os("CREDENTIALS_DIRECTORY").map(|folder| Path::new(&folder).join("master-key"))
}

/// Takes the state folder for this process alone, until the answer is dropped or the process ends, however it does.
///
/// The folder itself is locked (flock(2)) and no file in it, so that nothing is left behind, and whoever ran a command as root
/// leaves no lock that the daemon's user cannot open.
///
/// # Errors
/// When another process has it: two controllers would give out the same servers and addresses.
pub(crate) fn lock(state_dir: &Path) -> anyhow::Result<File> {
    let folder = File::open(state_dir).with_context(|| format!("open {}", state_dir.display()))?;
    match folder.try_lock() {
        Ok(()) => Ok(folder),
        Err(TryLockError::WouldBlock) => bail!(
            "use the state folder {}: another billet-controller uses it; stop that one first (systemctl stop billet-controller)",
            state_dir.display()
        ),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("lock the state folder {}", state_dir.display()))
        }
    }
}

/// Keys are made before the database: where there is a database, they were there.
///
/// # Errors
/// When one is missing: secrets could not be opened, or no agent would be known again.
pub(super) fn check(state_dir: &Path, credential: Option<&Path>) -> anyhow::Result<()> {
    let database = state_dir.join(DATABASE);
    if !database.exists() {
        return Ok(());
    }
    let given = credential.is_some_and(Path::exists);
    for (name, known) in [(MASTER_KEY, given), ("ca.key", false), ("ca.pem", false), (RECEIPT_KEY, false)] {
        let path = state_dir.join(name);
        if !known && !path.exists() {
            bail!(
                "use the database {}: {} is missing; restore it from a backup, or move the database away to start anew",
                database.display(),
                path.display()
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_folder_is_one_controllers_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let held = lock(dir.path()).unwrap();
        let error = lock(dir.path()).unwrap_err().to_string();
        assert!(error.contains("another billet-controller uses it"), "{error}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        drop(held);
        lock(dir.path()).unwrap();
    }

    #[test]
    fn a_database_without_its_keys_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let touch = |name: &str| std::fs::write(dir.path().join(name), "").unwrap();
        check(dir.path(), None).unwrap();
        touch(DATABASE);
        for name in [MASTER_KEY, "ca.key", "ca.pem", RECEIPT_KEY] {
            let error = check(dir.path(), None).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains(DATABASE), "{error}");
            touch(name);
        }
        check(dir.path(), None).unwrap();
        std::fs::remove_file(dir.path().join(MASTER_KEY)).unwrap();
        check(dir.path(), Some(&dir.path().join("ca.key"))).unwrap();
        assert!(check(dir.path(), Some(&dir.path().join("nothing"))).is_err());
    }
}
