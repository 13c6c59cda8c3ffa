//! A database that is damaged: the controller does not start, says what to do, and leaves the file as it is.

use super::site::Site;
use billet_controller::store::sqlite;
use std::{
    fs::{self, OpenOptions},
    os::unix::fs::FileExt,
};

/// A controller ran, and was asked to end.
fn furnish(site: &Site) {
    site.serve().stop();
    // Everything is in the one file.
    sqlite::settle(&site.database()).unwrap();
}

#[test]
fn a_controller_whose_database_is_damaged_does_not_start_says_what_to_do_and_leaves_the_file_as_it_is() {
    let site = Site::new("off");
    furnish(&site);
    let database = site.database();
    let whole = fs::read(&database).unwrap();
    for (at, bytes) in [(0, 100), (whole.len() / 2, 8192), (whole.len() - 4096, 4096)] {
        fs::write(&database, &whole).unwrap();
        let file = OpenOptions::new().write(true).open(&database).unwrap();
        file.write_all_at(&vec![0x5a; bytes], at as u64).unwrap();
        let damaged = fs::read(&database).unwrap();
        let status = site.start().ended();
        let said = site.log();
        assert!(status.code().is_some_and(|code| code != 0), "{status}: {said}");
        for words in ["billet.db", "is damaged", "billet-controller restore --replace"] {
            assert!(said.contains(words), "{at}: {said}");
        }
        assert!(!said.contains("the controller is ready"), "{at}: {said}");
        assert!(fs::read(&database).unwrap() == damaged, "{at}: the file was changed");
    }
    fs::write(&database, &whole).unwrap();
    furnish(&site);
}
