//! The controller's program on a database that is damaged: it does not start, says what to do, and leaves the file as it is.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

use billet_controller::store::sqlite;
use std::{
    fs::{self, File, OpenOptions},
    os::unix::fs::{FileExt, PermissionsExt},
    path::Path,
    process::{Child, Command, ExitStatus},
    time::{Duration, Instant},
};

/// It has started, or ended, within this time.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program that ends with this.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts it in this folder; what it says is in `log`.
fn start(folder: &Path) -> Running {
    let text = format!(
        "state_dir = \"{folder}/state\"\ntokens_file = \"{folder}/tokens.toml\"\n[rest]\nlisten = \"127.0.0.1:0\"\ntls = \"off\"\n\
         [link]\nlisten = \"127.0.0.1:0\"\n",
        folder = folder.display()
    );
    for (name, text) in [("tokens.toml", ""), ("controller.toml", &text)] {
        let file = folder.join(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_billet-controller"));
    command.args(["serve", "--config"]).arg(folder.join("controller.toml"));
    // Whoever runs this may be a unit of systemd's.
    command.env_remove("NOTIFY_SOCKET").env_remove("CREDENTIALS_DIRECTORY");
    command.stderr(File::create(folder.join("log")).unwrap());
    Running(command.spawn().unwrap())
}

fn log(folder: &Path) -> String {
    fs::read_to_string(folder.join("log")).unwrap()
}

/// Waits for its end.
fn ended(running: &mut Running, folder: &Path) -> ExitStatus {
    let began = Instant::now();
    loop {
        if let Some(status) = running.0.try_wait().unwrap() {
            return status;
        }
        assert!(began.elapsed() < PATIENCE, "it runs: {}", log(folder));
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A state folder of a controller that ran, and was asked to end.
fn furnish(folder: &Path) {
    let mut running = start(folder);
    let began = Instant::now();
    while !log(folder).contains("the controller is ready") {
        assert_eq!(running.0.try_wait().unwrap(), None, "{}", log(folder));
        assert!(began.elapsed() < PATIENCE, "{}", log(folder));
        std::thread::sleep(Duration::from_millis(20));
    }
    let asked = Command::new("kill").arg(running.0.id().to_string()).status().unwrap();
    assert!(asked.success());
    assert!(ended(&mut running, folder).success(), "{}", log(folder));
    // Everything is in the one file.
    sqlite::settle(&folder.join("state/billet.db")).unwrap();
}

#[test]
fn a_controller_whose_database_is_damaged_does_not_start_says_what_to_do_and_leaves_the_file_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    furnish(folder);
    let database = folder.join("state/billet.db");
    let whole = fs::read(&database).unwrap();
    for (at, bytes) in [(0, 100), (whole.len() / 2, 8192), (whole.len() - 4096, 4096)] {
        fs::write(&database, &whole).unwrap();
        let file = OpenOptions::new().write(true).open(&database).unwrap();
        file.write_all_at(&vec![0x5a; bytes], at as u64).unwrap();
        let damaged = fs::read(&database).unwrap();
        let status = ended(&mut start(folder), folder);
        let said = log(folder);
        assert!(status.code().is_some_and(|code| code != 0), "{status}: {said}");
        for words in ["billet.db", "is damaged", "billet-controller restore --replace"] {
            assert!(said.contains(words), "{at}: {said}");
        }
        assert!(!said.contains("the controller is ready"), "{at}: {said}");
        assert!(fs::read(&database).unwrap() == damaged, "{at}: the file was changed");
    }
    fs::write(&database, &whole).unwrap();
    furnish(folder);
}
