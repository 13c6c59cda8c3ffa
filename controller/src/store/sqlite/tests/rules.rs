//! What the database itself refuses.

use super::sample::{agent, bare_instance, event, furnished, id, instance, reservation, server, vpc, within};
use crate::{
    clock::Timestamp,
    lifecycle::table::{PHASES, Phase},
    store::{Result, Store, StoreError, Transaction, record::Instance, sqlite::SqliteStore},
};
use billet_proto::{ImageId, ServerId};

type Work = Box<dyn FnOnce(&mut dyn Transaction) -> Result<()>>;

fn taken(result: Result<()>) -> &'static str {
    match result {
        Err(StoreError::Taken(what)) => what,
        other => panic!("expected Taken, got {other:?}"),
    }
}

#[test]
fn two_instances_on_one_server_are_refused_in_every_phase_but_terminated() {
    for phase in PHASES {
        let mut store = furnished();
        within(&mut store, |tx| tx.insert_instance(&Instance { phase, ..instance(1, 1) })).unwrap();
        let second = within(&mut store, |tx| tx.insert_instance(&instance(2, 1)));
        if phase == Phase::Terminated {
            second.unwrap();
        } else {
            assert_eq!(taken(second), "server", "{phase:?}");
        }
    }
}

#[test]
fn an_update_cannot_bring_two_instances_onto_one_server_either() {
    let mut store = furnished();
    within(&mut store, |tx| {
        tx.insert_instance(&instance(1, 1))?;
        tx.insert_instance(&instance(2, 2))
    })
    .unwrap();
    assert_eq!(taken(within(&mut store, |tx| tx.update_instance(&instance(2, 1)))), "server");
}

#[test]
fn an_address_has_one_owner_within_its_vpc_only() {
    let mut store = furnished();
    within(&mut store, |tx| {
        tx.insert_instance(&instance(1, 1))?;
        tx.insert_instance(&instance(2, 2))?;
        tx.reserve(&reservation(1, "10.0.1.9", 1))?;
        tx.reserve(&reservation(2, "10.0.1.9", 2))
    })
    .unwrap();
    assert_eq!(taken(within(&mut store, |tx| tx.reserve(&reservation(1, "10.0.1.9", 2)))), "address");
}

#[test]
fn what_is_taken_is_named() {
    let mut store = furnished();
    within(&mut store, |tx| tx.insert_instance(&instance(1, 1))).unwrap();
    let renamed = crate::store::record::Agent { name: "rack-1".into(), ..agent(2) };
    let same_certificate = crate::store::record::Agent { certificate_sha256: [1; 32], ..agent(2) };
    let cases: [(&str, Work); 5] = [
        ("agent name", Box::new(move |tx| tx.insert_agent(&renamed))),
        ("agent certificate", Box::new(move |tx| tx.insert_agent(&same_certificate))),
        ("server id", Box::new(|tx| tx.insert_server(&server(1)))),
        ("instance id", Box::new(|tx| tx.insert_instance(&instance(1, 2)))),
        ("row", Box::new(|tx| tx.insert_vpc(&vpc(1)))),
    ];
    for (expected, case) in cases {
        assert_eq!(taken(within(&mut store, case)), expected);
    }
}

#[test]
fn a_second_update_from_the_same_version_is_stale_and_changes_nothing() {
    let mut store = furnished();
    within(&mut store, |tx| tx.insert_instance(&instance(1, 1))).unwrap();
    within(&mut store, |tx| tx.update_instance(&instance(1, 1))).unwrap();
    let late = Instance { name: "late".into(), ..instance(1, 1) };
    assert!(matches!(within(&mut store, |tx| tx.update_instance(&late)), Err(StoreError::Stale)));
    let read = within(&mut store, |tx| tx.instance(late.id)).unwrap().unwrap();
    assert_eq!(read, Instance { version: 1, ..instance(1, 1) });
}

#[test]
fn an_update_of_what_is_not_there_is_stale() {
    let mut store = furnished();
    assert!(matches!(within(&mut store, |tx| tx.update_instance(&instance(1, 1))), Err(StoreError::Stale)));
    assert!(matches!(within(&mut store, |tx| tx.update_agent(&agent(5))), Err(StoreError::Stale)));
    let unknown = crate::store::record::Server { id: ServerId::new(id(77)), ..server(1) };
    assert!(matches!(within(&mut store, |tx| tx.update_server(&unknown)), Err(StoreError::Stale)));
}

#[test]
fn a_transaction_that_is_dropped_leaves_nothing() {
    let mut store = furnished();
    {
        let mut transaction = store.begin().unwrap();
        transaction.insert_instance(&instance(1, 1)).unwrap();
        transaction.reserve(&reservation(1, "10.0.1.9", 1)).unwrap();
        transaction.insert_event(&event(1, "a")).unwrap();
    }
    within(&mut store, |tx| {
        assert_eq!(tx.instance(instance(1, 1).id)?, None);
        assert_eq!(tx.reserved_addresses(vpc(1).id)?.len(), 0);
        assert_eq!(tx.events(instance(1, 1).id, 0, 9)?, []);
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_reference_to_nothing_is_refused_at_commit_and_leaves_nothing() {
    let mut store = furnished();
    let homeless = Instance { image_id: ImageId::new(id(77)), ..instance(1, 1) };
    let mut transaction = store.begin().unwrap();
    transaction.insert_instance(&homeless).unwrap();
    assert!(matches!(transaction.commit(), Err(StoreError::Database(_))));
    assert_eq!(within(&mut store, |tx| tx.instance(homeless.id)).unwrap(), None);
}

#[test]
fn rows_may_be_written_in_any_order_within_a_transaction() {
    let mut store = furnished();
    within(&mut store, |tx| {
        tx.reserve(&reservation(1, "10.0.1.9", 1))?;
        tx.insert_event(&event(1, "a"))?;
        tx.insert_instance(&instance(1, 1))
    })
    .unwrap();
}

#[test]
fn a_number_beyond_the_columns_range_is_refused_and_not_wrapped() {
    let mut store = furnished();
    let mut huge = agent(2);
    huge.epoch = u64::MAX;
    assert!(matches!(within(&mut store, |tx| tx.insert_agent(&huge)), Err(StoreError::Database(_))));
    huge.epoch = u64::MAX / 2;
    within(&mut store, |tx| tx.insert_agent(&huge)).unwrap();
    assert_eq!(within(&mut store, |tx| tx.agent(huge.id)).unwrap(), Some(huge));
}

#[test]
fn a_column_that_somebody_spoiled_is_named_and_does_not_panic() {
    for (column, value) in [("phase", "'flying'"), ("nics", "'{'"), ("server_id", "'x'"), ("project_id", "'a/b'")] {
        let mut store = furnished();
        within(&mut store, |tx| tx.insert_instance(&bare_instance(1, 1))).unwrap();
        store.connection.execute_batch("PRAGMA foreign_keys = off").unwrap();
        store.connection.execute(&format!("UPDATE instance SET {column} = {value}"), []).unwrap();
        let error = within(&mut store, |tx| tx.instance(instance(1, 1).id)).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt(name) if name == column), "{column}: {error}");
    }
}

#[test]
fn a_negative_time_does_not_read_back() {
    let mut store = furnished();
    within(&mut store, |tx| tx.insert_instance(&bare_instance(1, 1))).unwrap();
    store.connection.execute("UPDATE instance SET created_at = -1", []).unwrap();
    assert!(within(&mut store, |tx| tx.instance(instance(1, 1).id)).is_err());
}

#[test]
fn a_file_keeps_everything_and_is_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("billet.db");
    let mut store = SqliteStore::open(&path).unwrap();
    super::sample::furnish(&mut store);
    within(&mut store, |tx| tx.insert_instance(&instance(1, 1))).unwrap();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
    }
    drop(store);
    let mut store = SqliteStore::open(&path).unwrap();
    assert_eq!(within(&mut store, |tx| tx.instance(instance(1, 1).id)).unwrap(), Some(instance(1, 1)));
    let pragma = |name| store.connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
    // NORMAL: the log is synced by `flush` and by every checkpoint.
    assert_eq!((pragma("synchronous"), pragma("foreign_keys")), (1, 1));
    let journal: String = store.connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(journal, "wal");
}

#[test]
fn a_commit_is_on_disk_after_a_flush_and_a_power_cut_before_it_leaves_a_whole_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("billet.db");
    let mut store = SqliteStore::open(&path).unwrap();
    super::sample::furnish(&mut store);
    store.flush().unwrap();
    assert!(store.is_flushed());
    let log = folder.path().join("billet.db-wal");
    let flushed = std::fs::metadata(&log).unwrap().len();
    within(&mut store, |tx| tx.insert_instance(&instance(1, 1))).unwrap();
    assert!(!store.is_flushed());
    // A disk that lost power kept the log up to the flush, and half of what came after.
    let half = flushed + (std::fs::metadata(&log).unwrap().len() - flushed) / 2;
    let cut = tempfile::tempdir().unwrap();
    for name in ["billet.db", "billet.db-wal"] {
        std::fs::copy(folder.path().join(name), cut.path().join(name)).unwrap();
    }
    std::fs::File::options().write(true).open(cut.path().join("billet.db-wal")).unwrap().set_len(half).unwrap();
    let mut found = SqliteStore::open(&cut.path().join("billet.db")).unwrap();
    within(&mut found, |tx| {
        assert_eq!(tx.instance(instance(1, 1).id)?, None);
        assert!(!tx.servers()?.is_empty(), "what was flushed is there");
        Ok(())
    })
    .unwrap();
    store.flush().unwrap();
    assert!(store.is_flushed());
}

#[test]
fn a_file_that_was_readable_by_all_is_closed() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("billet.db");
    std::fs::write(&path, b"").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    SqliteStore::open(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("billet.db");
    std::fs::write(&path, "not a database, but long enough to look at its header ".repeat(40)).unwrap();
    assert!(SqliteStore::open(&path).is_err());
}

#[test]
fn a_zero_time_and_an_absent_one_differ() {
    let mut store = furnished();
    let zero = Instance { deadline: Some(Timestamp(0)), ..bare_instance(1, 1) };
    within(&mut store, |tx| tx.insert_instance(&zero)).unwrap();
    assert_eq!(within(&mut store, |tx| tx.instance(zero.id)).unwrap().unwrap().deadline, Some(Timestamp(0)));
}
