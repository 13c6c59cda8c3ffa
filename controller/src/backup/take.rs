//! Taking a backup, beside a controller that runs or of one that does not.

use super::{
    BackupError, DATABASE,
    error::at,
    folder::{dated, make, sha256, sync},
    keys::Keys,
};
use crate::{clock::Timestamp, daemon::state, seal::Sealer, store::sqlite};
use std::path::{Path, PathBuf};

/// Makes a folder `billet-TIME` (mode 0700, files 0600) in `into` and answers its path. Until it is whole, checked and on disk its
/// name begins with a dot; one that fails is removed.
///
/// # Errors
/// When something cannot be read or written, or the copy is not whole.
pub fn take(state_dir: &Path, sealer: &Sealer, now: Timestamp, into: &Path) -> Result<PathBuf, BackupError> {
    let database = state_dir.join(state::DATABASE);
    if !database.exists() {
        return Err(BackupError::NoDatabase(database));
    }
    let name = format!("billet-{}", dated(now));
    let (whole, partial) = (into.join(&name), into.join(format!(".{name}.partial")));
    if whole.exists() {
        return Err(BackupError::Exists(whole));
    }
    make(&partial)?;
    let made = fill(state_dir, &database, sealer, now, &partial)
        // A folder that is there and has a file is not replaced by this.
        .and_then(|()| std::fs::rename(&partial, &whole).map_err(at(&whole)));
    if let Err(error) = made {
        if let Err(left) = std::fs::remove_dir_all(&partial) {
            tracing::warn!(path = %partial.display(), error = %left, "what was copied is left");
        }
        return Err(error);
    }
    sync(into)?;
    Ok(whole)
}

fn fill(state_dir: &Path, database: &Path, sealer: &Sealer, now: Timestamp, partial: &Path) -> Result<(), BackupError> {
    let copy = partial.join(DATABASE);
    sqlite::copy(database, &copy)?;
    Keys::load(state_dir, now, sha256(&copy)?)?.save(partial, sealer)?;
    sync(partial)
}

#[cfg(test)]
mod tests {
    use super::{super::tests::State, *};
    use std::{fs, os::unix::fs::PermissionsExt};

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_backup_is_two_private_files_under_a_dated_name_beside_a_controller_that_runs() {
        let state = State::new();
        let _running = state::lock(state.path()).unwrap();
        let into = tempfile::tempdir().unwrap();
        let made = take(state.path(), &state.sealer, Timestamp(1_800_000_000_123), into.path()).unwrap();
        assert_eq!(names(into.path()), ["billet-2027-01-15T080000Z"]);
        assert_eq!(names(&made), [DATABASE, "keys.sealed"]);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&made), 0o700);
        assert_eq!([DATABASE, "keys.sealed"].map(|name| mode(&made.join(name))), [0o600; 2]);
    }

    #[test]
    fn no_key_is_in_a_backup_in_clear() {
        let state = State::new();
        let into = tempfile::tempdir().unwrap();
        let made = take(state.path(), &state.sealer, Timestamp(1_800_000_000_000), into.path()).unwrap();
        let written: Vec<u8> = names(&made).iter().flat_map(|name| fs::read(made.join(name)).unwrap()).collect();
        for name in [state::MASTER_KEY, "ca.key", state::RECEIPT_KEY] {
            let text = fs::read_to_string(state.path().join(name)).unwrap();
            let secret = text.lines().find(|line| !line.starts_with("-----")).unwrap();
            assert!(!written.windows(secret.len()).any(|bytes| bytes == secret.as_bytes()), "{name}");
        }
    }

    #[test]
    fn a_backup_is_not_written_over_and_one_that_fails_leaves_nothing() {
        let state = State::new();
        let into = tempfile::tempdir().unwrap();
        let at = Timestamp(1_800_000_000_000);
        take(state.path(), &state.sealer, at, into.path()).unwrap();
        let error = take(state.path(), &state.sealer, at, into.path()).unwrap_err();
        assert!(matches!(error, BackupError::Exists(_)), "{error}");
        fs::remove_file(state.path().join("ca.key")).unwrap();
        let later = Timestamp(at.0 + 1000);
        let error = take(state.path(), &state.sealer, later, into.path()).unwrap_err();
        assert!(matches!(error, BackupError::File { .. }), "{error}");
        assert_eq!(names(into.path()).len(), 1);
    }

    #[test]
    fn where_there_is_no_database_none_is_made() {
        let (state, into) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let sealer = State::new().sealer;
        let error = take(state.path(), &sealer, Timestamp(1_800_000_000_000), into.path()).unwrap_err();
        assert!(matches!(error, BackupError::NoDatabase(_)), "{error}");
        assert!(names(state.path()).is_empty() && names(into.path()).is_empty());
    }
}
