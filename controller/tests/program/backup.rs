//! A backup beside a daemon that runs, a database of a newer version, and the backup in its place.

use super::site::{Daemon, Site};
use billet_controller::store::sqlite;
use rusqlite::Connection;
use std::fs;

fn make_vpc(daemon: &Daemon<'_>, token: &str, name: &str) {
    let body = format!(r#"{{"vpc":{{"name":"{name}","cidr":"10.0.0.0/16"}}}}"#);
    let (status, said) = daemon.call("POST", "/v1/lab/vpcs", token, &body);
    assert_eq!(status, 201, "{said}");
}

fn vpcs(daemon: &Daemon<'_>, token: &str) -> Vec<String> {
    let (status, said) = daemon.call("GET", "/v1/lab/vpcs", token, "");
    assert_eq!(status, 200, "{said}");
    let list: serde_json::Value = serde_json::from_str(&said).unwrap();
    list["vpcs"].as_array().unwrap().iter().map(|vpc| vpc["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_backup_of_a_controller_that_runs_takes_the_place_of_a_newer_database_which_is_refused_and_left_as_it_is() {
    let site = Site::new("off");
    let token = site.token();
    let daemon = site.serve();
    make_vpc(&daemon, &token, "before");
    let into = site.path("backups");
    fs::create_dir(&into).unwrap();
    let (done, said) = site.run(&["backup", into.to_str().unwrap()]);
    assert!(done && said.contains("The master key and the images are not in it"), "{said}");
    let backup =
        said.lines().find(|line| line.starts_with(into.to_str().unwrap())).expect("it prints the folder").to_owned();
    make_vpc(&daemon, &token, "after");
    let (done, said) = site.run(&["restore", &backup, "--replace"]);
    assert!(!done && said.contains("another billet-controller uses it"), "{said}");
    assert_eq!(vpcs(&daemon, &token).len(), 2, "nothing was put back");
    daemon.stop();

    let database = site.database();
    Connection::open(&database).unwrap().pragma_update(None, "user_version", 1000).unwrap();
    sqlite::settle(&database).unwrap();
    let newer = fs::read(&database).unwrap();
    let status = site.start().ended();
    assert!(!status.success(), "{}", site.log());
    for words in ["a newer billet-controller wrote it", "1000", "billet-controller restore --replace"] {
        assert!(site.log().contains(words), "{}", site.log());
    }
    assert!(fs::read(&database).unwrap() == newer, "the file was changed");

    let (done, said) = site.run(&["restore", &backup]);
    assert!(!done && said.contains("--replace"), "{said}");
    assert!(fs::read(&database).unwrap() == newer, "the file was changed");
    let (done, said) = site.run(&["restore", &backup, "--replace"]);
    assert!(done, "{said}");
    let kept = said.lines().find_map(|line| line.strip_prefix("kept: ")).expect("it says where the other one is");
    assert!(fs::read(kept).unwrap() == newer, "{kept} is another file");
    let daemon = site.serve();
    assert_eq!(vpcs(&daemon, &token), ["before"]);
    make_vpc(&daemon, &token, "afterwards");
    daemon.stop();
}
