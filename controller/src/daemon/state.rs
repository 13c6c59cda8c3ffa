//! What the state folder must hold: keys that were lost are never replaced by new ones behind whoever needs the old.

use crate::ca::replace;
use anyhow::{Context, bail};
use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
};

/// The database's file in the state folder.
pub(crate) const DATABASE: &str = "billet.db";
/// The master key's; systemd may give it as a credential instead.
pub(crate) const MASTER_KEY: &str = "master.key";

/// The receipts' key's: it signs nothing else.
pub(crate) const RECEIPT_KEY: &str = "receipt.key";

/// What else has to be there, and goes into a backup; the master key does not.
pub(crate) const KEPT: [&str; 3] = ["ca.key", "ca.pem", RECEIPT_KEY];

/// What goes into a backup while another authority takes the place of the one that signs.
pub(crate) const KEPT_IF_THERE: [&str; 4] = [replace::NEXT, replace::NEXT_KEY, replace::OLD, replace::CROSS];

/// What a restoring brings the database in by; while it is there, the folder's files may be of two controllers.
pub(crate) const RESTORING: &str = "billet.db.restoring";

/// What a restoring makes that one of. Nothing else has changed while it is there, and it stops nobody.
pub(crate) const INCOMING: &str = "billet.db.incoming";

/// Where systemd would put the master key (systemd.exec(5), `LoadCredential=`).
pub(crate) fn credential() -> Option<PathBuf> {
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
/// When one is missing: secrets could not be opened, or no agent would be known again. And when a restoring was cut off.
pub(crate) fn check(state_dir: &Path, credential: Option<&Path>) -> anyhow::Result<()> {
    let (database, restoring) = (state_dir.join(DATABASE), state_dir.join(RESTORING));
    if restoring.exists() {
        bail!(
            "use the database {}: a restore was cut off, and {} is left of it; run it again: \
             billet-controller restore --replace BACKUP",
            database.display(),
            restoring.display()
        );
    }
    if !database.exists() {
        return Ok(());
    }
    let given = credential.is_some_and(Path::exists);
    let needed = std::iter::once(MASTER_KEY).filter(|_| !given).chain(KEPT);
    for path in needed.map(|name| state_dir.join(name)) {
        if !path.exists() {
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
    fn a_folder_in_which_a_restore_was_cut_off_is_refused_even_without_a_database() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(RESTORING), "half").unwrap();
        let error = check(dir.path(), None).unwrap_err().to_string();
        assert!(error.contains("restore --replace"), "{error}");
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
