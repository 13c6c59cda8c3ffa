//! Putting a backup back. Everything is made ready and checked under another name first. Then the database gets the name that keeps a
//! controller from starting (`daemon::state::check`), which it has until keys and database are all of the backup: one that is done
//! again replaces it, and never takes it away.

use super::{
    BackupError, DATABASE,
    error::at,
    folder::{dated, sha256, sync},
    keys::Keys,
    replace,
};
use crate::{
    clock::Timestamp,
    daemon::state,
    images::Blobs,
    lifecycle::{Doubted, Rules, doubt},
    seal::Sealer,
    store::{
        Store,
        sqlite::{self, SqliteStore},
    },
};
use billet_proto::ImageId;
use std::{
    fs::{DirBuilder, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// How a backup is put back.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wish {
    /// A database that is there is kept under another name, and keys are too; otherwise either is an error.
    pub replace: bool,
    /// The operator's word that no controller ran after the backup was taken, so that nothing in it is in doubt.
    pub nothing_happened_since: bool,
}

/// What was put back.
#[derive(Debug)]
pub struct Restored {
    /// When it was taken.
    pub taken_at: Timestamp,
    /// What is in doubt; none by the operator's word.
    pub doubted: Option<Doubted>,
    /// What was there before, under its new names.
    pub kept: Vec<PathBuf>,
    /// Images on record whose files are not in the folder.
    pub missing: Vec<ImageId>,
    /// Images in the folder that are not on record: the next start would remove them. Where they are now.
    pub set_aside: Option<(usize, PathBuf)>,
}

/// Puts the backup in the folder `from` back into the state folder, which is made where it is not there.
///
/// # Errors
/// When a controller runs there, the backup is not whole or not this master key's, or something is there already that `wish` does not
/// replace: nothing is changed then. When a file cannot be written; then no controller starts there until it is done again.
pub(crate) fn put_back(
    from: &Path,
    state_dir: &Path,
    sealer: &Sealer,
    rules: &Rules,
    wish: Wish,
) -> Result<Restored, BackupError> {
    DirBuilder::new().recursive(true).mode(0o700).create(state_dir).map_err(at(state_dir))?;
    let _held = state::lock(state_dir).map_err(|error| BackupError::InUse(error.into()))?;
    let keys = Keys::open(from, sealer)?;
    if rules.now < keys.taken_at {
        return Err(BackupError::Clock { taken_at: keys.taken_at, now: rules.now });
    }
    if !wish.replace {
        refuse_what_is_there(state_dir, &keys)?;
    }
    let (incoming, restoring) = (state_dir.join(state::INCOMING), state_dir.join(state::RESTORING));
    let (doubted, images) = prepare(from, &incoming, &keys, rules, wish).inspect_err(|_| {
        // What cannot be cleared away now, the next one clears away first.
        let _ = replace::remove_log(&incoming).and_then(|()| replace::remove(&incoming));
    })?;
    replace::remove_log(&restoring)?;
    std::fs::rename(&incoming, &restoring).map_err(at(&restoring))?;
    sync(state_dir)?;
    let mut restored = Restored { taken_at: keys.taken_at, doubted, kept: vec![], missing: vec![], set_aside: None };
    let date = dated(rules.now);
    (restored.missing, restored.set_aside) = sort_images(state_dir, images, &date)?;
    for (name, text) in keys.files() {
        let path = state_dir.join(name);
        restored.kept.extend(replace::write(&path, text, &date)?);
        replace::give_to_the_folders_owner(&path)?;
    }
    for path in keys.absent().map(|name| state_dir.join(name)) {
        restored.kept.extend(replace::keep(&path, &date)?);
        replace::remove(&path)?;
    }
    let database = state_dir.join(state::DATABASE);
    restored.kept.extend(replace::keep_database(&database, &date)?);
    sync(state_dir)?;
    replace::remove_log(&database)?;
    sync(state_dir)?;
    std::fs::rename(&restoring, &database).map_err(at(&database))?;
    sync(state_dir)?;
    Ok(restored)
}

/// As the daemon's command does it: by the configuration, at this time.
///
/// # Errors
/// When a controller runs there, the backup is not whole or not this master key's, or something is there already that `wish` does not
/// replace: nothing is changed then. When a file cannot be written; then no controller starts there until it is done again.
pub fn restore(
    from: &Path,
    config: &crate::config::Config,
    sealer: &Sealer,
    now: Timestamp,
    wish: Wish,
) -> Result<Restored, BackupError> {
    let rules = Rules { now, deadlines: config.deadlines, policy: config.policy };
    put_back(from, &config.state_dir, sealer, &rules, wish)
}

fn refuse_what_is_there(state_dir: &Path, keys: &Keys) -> Result<(), BackupError> {
    let database = state_dir.join(state::DATABASE);
    if database.exists() {
        return Err(BackupError::There(database));
    }
    for (name, text) in keys.files() {
        let path = state_dir.join(name);
        if path.exists() && !replace::is(&path, text)? {
            return Err(BackupError::There(path));
        }
    }
    keys.absent()
        .map(|name| state_dir.join(name))
        .find(|path| path.exists())
        .map_or(Ok(()), |path| Err(BackupError::There(path)))
}

/// The database under its passing name: copied, checked, brought up to date, put in doubt, and on disk. Answers the images on record.
fn prepare(
    from: &Path,
    incoming: &Path,
    keys: &Keys,
    rules: &Rules,
    wish: Wish,
) -> Result<(Option<Doubted>, Vec<ImageId>), BackupError> {
    replace::remove_log(incoming)?;
    replace::remove(incoming)?;
    let backup = from.join(DATABASE);
    let mut source = std::fs::File::open(&backup).map_err(at(&backup))?;
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(incoming)
        .and_then(|mut file| io::copy(&mut source, &mut file))
        .map_err(at(incoming))?;
    // Of the copy, so that what was read wrongly is met too.
    if sha256(incoming)? != keys.database_sha256 {
        return Err(BackupError::Changed(backup));
    }
    sqlite::check(incoming)?;
    let mut store = SqliteStore::open(incoming)?;
    let mut tx = store.begin()?;
    let doubted = if wish.nothing_happened_since { None } else { Some(doubt(&mut *tx, rules, keys.taken_at)?) };
    let images = tx.images()?.into_iter().map(|image| image.id).collect();
    tx.commit()?;
    store.flush()?;
    drop(store);
    sqlite::settle(incoming)?;
    replace::give_to_the_folders_owner(incoming)?;
    Ok((doubted, images))
}

type Images = (Vec<ImageId>, Option<(usize, PathBuf)>);

/// Which images are missing; those that nobody knows are moved out of the reach of the next start, which would remove them.
fn sort_images(state_dir: &Path, known: Vec<ImageId>, date: &str) -> Result<Images, BackupError> {
    let folder = state_dir.join("images");
    if !folder.exists() {
        return Ok((known, None));
    }
    let blobs = Blobs::new(&folder)?;
    let there = blobs.ids()?;
    let unknown: Vec<&ImageId> = there.iter().filter(|id| !known.contains(id)).collect();
    let missing = known.iter().filter(|id| !there.contains(id)).copied().collect();
    if unknown.is_empty() {
        return Ok((missing, None));
    }
    let aside = state_dir.join(format!("images.before-{date}"));
    DirBuilder::new().recursive(true).mode(0o700).create(&aside).map_err(at(&aside))?;
    for id in &unknown {
        blobs.set_aside(**id, &aside)?;
    }
    replace::give_to_the_folders_owner(&aside)?;
    Ok((missing, Some((unknown.len(), aside))))
}

#[cfg(test)]
mod tests {
    use super::{super::tests::State, *};
    use crate::{
        config::Config,
        store::{
            access::AuditWanted,
            record::{ManageState, Server},
        },
    };
    use billet_proto::ServerId;
    use std::{fs, os::unix::fs::PermissionsExt};

    const TAKEN: Timestamp = Timestamp(1_800_000_000_000);

    fn rules() -> Rules {
        let Config { deadlines, policy, .. } = Config::default();
        Rules { now: Timestamp(TAKEN.0 + 3_600_000), deadlines, policy }
    }

    fn server(n: u128) -> Server {
        let id = ServerId::new(uuid::Uuid::from_u128(n));
        Server { manage_state: ManageState::Ready, generation: 5, ..Server::unheard_of(id, TAKEN) }
    }

    fn add(state_dir: &Path, n: u128) {
        let mut store = SqliteStore::open(&state_dir.join(state::DATABASE)).unwrap();
        let mut tx = store.begin().unwrap();
        tx.insert_server(&server(n)).unwrap();
        tx.commit().unwrap();
    }

    fn servers(database: &Path) -> Vec<Server> {
        let mut store = SqliteStore::open(database).unwrap();
        let mut tx = store.begin().unwrap();
        tx.servers().unwrap()
    }

    fn backup(state: &State) -> (tempfile::TempDir, PathBuf) {
        let into = tempfile::tempdir().unwrap();
        let made = super::super::take(state.path(), &state.sealer, TAKEN, into.path()).unwrap();
        (into, made)
    }

    /// Every file of a folder and what is in it.
    fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
        let mut files: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(Result::unwrap)
            .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
            .collect();
        files.sort();
        files
    }

    const REPLACE: Wish = Wish { replace: true, nothing_happened_since: false };

    #[test]
    fn a_backup_and_the_master_key_are_a_controller_on_another_machine() {
        let state = State::new();
        add(state.path(), 1);
        let (_into, made) = backup(&state);
        let other = tempfile::tempdir().unwrap();
        let folder = other.path().join("state");
        let restored = put_back(&made, &folder, &state.sealer, &rules(), Wish::default()).unwrap();
        assert_eq!((restored.taken_at, restored.kept.len()), (TAKEN, 0));
        assert_eq!(restored.doubted.unwrap().ready, 1);
        for name in ["ca.key", "ca.pem", state::RECEIPT_KEY] {
            assert_eq!(fs::read(folder.join(name)).unwrap(), fs::read(state.path().join(name)).unwrap(), "{name}");
        }
        for (name, _) in contents(&folder) {
            assert_eq!(fs::metadata(folder.join(&name)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
        }
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        fs::copy(state.path().join(state::MASTER_KEY), folder.join(state::MASTER_KEY)).unwrap();
        state::check(&folder, None).unwrap();
        let there = servers(&folder.join(state::DATABASE));
        assert_eq!((there.len(), there[0].manage_state), (1, ManageState::Maintain));
    }

    #[test]
    fn an_authority_that_takes_anothers_place_is_kept_and_one_of_later_is_set_aside() {
        let state = State::new();
        let (_into, before) = backup(&state);
        crate::ca::replace::prepare(state.path(), &crate::clock::Edge::system()).unwrap();
        let (_into, made) = backup(&state);
        let other = tempfile::tempdir().unwrap();
        put_back(&made, other.path(), &state.sealer, &rules(), Wish::default()).unwrap();
        for name in ["ca-next.pem", "ca-next.key"] {
            assert_eq!(
                fs::read(other.path().join(name)).unwrap(),
                fs::read(state.path().join(name)).unwrap(),
                "{name}"
            );
        }
        let restored = put_back(&before, state.path(), &state.sealer, &rules(), REPLACE).unwrap();
        assert!(!state.path().join("ca-next.pem").exists() && !state.path().join("ca-next.key").exists());
        let kept = |name: &str| restored.kept.iter().any(|path| path.display().to_string().contains(name));
        assert!(kept("ca-next.pem.before-") && kept("ca-next.key.before-"), "{:?}", restored.kept);
    }

    #[test]
    fn where_nothing_happened_since_nothing_is_in_doubt() {
        let state = State::new();
        add(state.path(), 1);
        let (_into, made) = backup(&state);
        let other = tempfile::tempdir().unwrap();
        let wish = Wish { nothing_happened_since: true, ..Wish::default() };
        let restored = put_back(&made, other.path(), &state.sealer, &rules(), wish).unwrap();
        assert_eq!(restored.doubted, None);
        assert_eq!(servers(&other.path().join(state::DATABASE)), [server(1)]);
    }

    #[test]
    fn nothing_is_put_back_where_a_controller_runs() {
        let state = State::new();
        let (_into, made) = backup(&state);
        let before = contents(state.path());
        let _running = state::lock(state.path()).unwrap();
        let error = put_back(&made, state.path(), &state.sealer, &rules(), REPLACE).unwrap_err();
        assert!(matches!(error, BackupError::InUse(_)), "{error}");
        assert_eq!(contents(state.path()), before);
    }

    #[test]
    fn a_database_or_key_that_is_there_is_replaced_only_when_that_was_said_and_is_kept_with_its_last_commits() {
        let state = State::new();
        let (_into, made) = backup(&state);
        add(state.path(), 1);
        let before = contents(state.path());
        let error = put_back(&made, state.path(), &state.sealer, &rules(), Wish::default()).unwrap_err();
        assert!(matches!(error, BackupError::There(_)) && error.to_string().contains("--replace"), "{error}");
        assert_eq!(contents(state.path()), before);
        // As a crash leaves it: the newest commit is in the log alone.
        let database = state.path().join(state::DATABASE);
        let mut store = SqliteStore::open(&database).unwrap();
        let mut tx = store.begin().unwrap();
        tx.insert_server(&server(2)).unwrap();
        tx.commit().unwrap();
        std::mem::forget(store);
        let restored = put_back(&made, state.path(), &state.sealer, &rules(), REPLACE).unwrap();
        assert_eq!(restored.kept, [state.path().join("billet.db.before-2027-01-15T090000Z")]);
        assert!(servers(&database).is_empty());
        assert_eq!(servers(&restored.kept[0]).len(), 2);

        // Another controller's key.
        let another = State::new();
        fs::remove_file(another.path().join(state::DATABASE)).unwrap();
        let error = put_back(&made, another.path(), &state.sealer, &rules(), Wish::default()).unwrap_err();
        assert!(matches!(error, BackupError::There(_)), "{error}");
        let restored = put_back(&made, another.path(), &state.sealer, &rules(), REPLACE).unwrap();
        assert_eq!(restored.kept.len(), 3, "{:?}", restored.kept);
    }

    #[test]
    fn a_backup_that_was_changed_or_is_another_master_keys_or_of_the_future_is_not_put_back() {
        let (state, other) = (State::new(), State::new());
        add(state.path(), 1);
        let (_into, made) = backup(&state);
        let target = tempfile::tempdir().unwrap();
        let put = |sealer: &Sealer, rules: &Rules| put_back(&made, target.path(), sealer, rules, Wish::default());
        assert!(matches!(put(&other.sealer, &rules()), Err(BackupError::Sealed { .. })));
        let early = Rules { now: Timestamp(TAKEN.0 - 1), ..rules() };
        assert!(matches!(put(&state.sealer, &early), Err(BackupError::Clock { .. })));
        let copy = made.join(DATABASE);
        let whole = fs::read(&copy).unwrap();
        // Not damaged: another row, which SQLite has no objection to.
        add(&made, 2);
        assert!(matches!(put(&state.sealer, &rules()), Err(BackupError::Changed(_))));
        fs::write(&copy, &whole[..whole.len() - 4096]).unwrap();
        assert!(matches!(put(&state.sealer, &rules()), Err(BackupError::Changed(_))));
        let sealed = made.join(super::super::KEYS);
        let mut bytes = fs::read(&sealed).unwrap();
        bytes[40] ^= 1;
        fs::write(&sealed, bytes).unwrap();
        assert!(matches!(put(&state.sealer, &rules()), Err(BackupError::Sealed { .. })));
        assert!(contents(target.path()).is_empty(), "something was left");
    }

    #[test]
    fn a_restore_that_was_cut_off_keeps_a_controller_from_starting_until_it_is_done_again() {
        let state = State::new();
        add(state.path(), 1);
        let (_into, made) = backup(&state);
        fs::write(state.path().join(state::RESTORING), "half").unwrap();
        assert!(state::check(state.path(), None).is_err());
        let whole = fs::read(made.join(DATABASE)).unwrap();
        fs::write(made.join(DATABASE), &whole[..4096]).unwrap();
        let error = put_back(&made, state.path(), &state.sealer, &rules(), REPLACE).unwrap_err();
        assert!(matches!(error, BackupError::Changed(_)), "{error}");
        assert!(state::check(state.path(), None).is_err(), "one that fails does not undo that");
        fs::remove_file(made.join(DATABASE)).unwrap();
        put_back(&made, state.path(), &state.sealer, &rules(), REPLACE).unwrap_err();
        assert!(state::check(state.path(), None).is_err(), "nor one that finds no database");
        fs::write(made.join(DATABASE), whole).unwrap();
        put_back(&made, state.path(), &state.sealer, &rules(), REPLACE).unwrap();
        state::check(state.path(), None).unwrap();
    }

    #[test]
    fn a_restore_that_is_cut_off_while_it_prepares_has_changed_nothing_and_is_no_hindrance() {
        let state = State::new();
        let (_into, made) = backup(&state);
        fs::write(state.path().join(state::INCOMING), "half").unwrap();
        state::check(state.path(), None).unwrap();
        put_back(&made, state.path(), &state.sealer, &rules(), REPLACE).unwrap();
        assert!(!state.path().join(state::INCOMING).exists() && !state.path().join(state::RESTORING).exists());
        state::check(state.path(), None).unwrap();
    }

    #[test]
    fn a_restore_that_is_done_again_and_comes_to_nothing_still_keeps_a_controller_from_starting() {
        let state = State::new();
        let (_into, made) = backup(&state);
        fs::write(state.path().join(state::RESTORING), "half").unwrap();
        // A folder has that name: nothing can be prepared, and nothing cleared away.
        fs::create_dir(state.path().join(state::INCOMING)).unwrap();
        put_back(&made, state.path(), &state.sealer, &rules(), REPLACE).unwrap_err();
        assert!(state::check(state.path(), None).is_err());
    }

    #[test]
    fn images_that_the_backup_does_not_know_are_kept_from_the_next_start_and_those_that_lack_are_named() {
        let state = State::new();
        let (_into, made) = backup(&state);
        let images = state.path().join("images");
        let id = ImageId::new(uuid::Uuid::from_u128(9));
        fs::create_dir(&images).unwrap();
        for end in ["zst", "manifest"] {
            fs::write(images.join(format!("{id}.{end}")), end).unwrap();
        }
        let restored = put_back(&made, state.path(), &state.sealer, &rules(), REPLACE).unwrap();
        let (count, aside) = restored.set_aside.unwrap();
        assert_eq!((count, contents(&aside).len(), contents(&images).len()), (1, 2, 0));
        let known = ImageId::new(uuid::Uuid::from_u128(10));
        let (missing, set_aside) = sort_images(state.path(), vec![known], "later").unwrap();
        assert_eq!((missing, set_aside), (vec![known], None));
    }

    #[test]
    fn the_audit_log_has_a_line_of_it() {
        let state = State::new();
        let (_into, made) = backup(&state);
        let other = tempfile::tempdir().unwrap();
        put_back(&made, other.path(), &state.sealer, &rules(), Wish::default()).unwrap();
        let mut store = SqliteStore::open(&other.path().join(state::DATABASE)).unwrap();
        let lines = store.begin().unwrap().audited(&AuditWanted { limit: 10, ..AuditWanted::default() }).unwrap();
        assert_eq!(lines[0].objects, [TAKEN.to_string()]);
    }
}
