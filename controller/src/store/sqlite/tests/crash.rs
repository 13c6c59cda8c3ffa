//! A process that is killed right after a commit returned has lost nothing; an open transaction leaves nothing.

use super::sample::{furnish, instance, within};
use crate::store::{Store, sqlite::SqliteStore};
use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
};

/// Tells the test binary, run again as a child, where to write.
const PATH: &str = "BILLET_TEST_CRASH_DATABASE";

/// The child: commits one instance, leaves another uncommitted, says so and waits to be killed.
#[test]
fn child_that_waits_to_be_killed() {
    let Some(path) = std::env::var_os(PATH).map(PathBuf::from) else { return };
    let mut store = SqliteStore::open(&path).unwrap();
    furnish(&mut store);
    within(&mut store, |tx| tx.insert_instance(&instance(1, 1))).unwrap();
    let mut open = store.begin().unwrap();
    open.insert_instance(&instance(2, 2)).unwrap();
    println!("\ncommitted");
    // Longer than the parent ever waits; it ends with the kill.
    std::thread::sleep(std::time::Duration::from_secs(60));
}

#[test]
fn a_row_is_there_after_a_kill_right_behind_its_commit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("billet.db");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::sqlite::tests::crash::child_that_waits_to_be_killed", "--nocapture"])
        .env(PATH, &path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let committed = lines.map_while(Result::ok).any(|line| line == "committed");
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert!(committed, "the child ended with {status} before it committed");

    let mut store = SqliteStore::open(&path).unwrap();
    within(&mut store, |tx| {
        assert_eq!(tx.instance(instance(1, 1).id)?, Some(instance(1, 1)));
        assert_eq!(tx.instance(instance(2, 2).id)?, None);
        Ok(())
    })
    .unwrap();
}
