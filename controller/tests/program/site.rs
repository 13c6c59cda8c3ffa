//! A folder with a configuration, in which the program runs.

use std::{
    fs::{self, File},
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus},
    time::{Duration, Instant},
};

/// It has started, answered or ended, within this time.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct Site {
    folder: tempfile::TempDir,
}

impl Site {
    /// With that word about TLS of the REST API.
    pub fn new(tls: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "state_dir = \"{folder}/state\"\ntokens_file = \"{folder}/tokens.toml\"\n[rest]\nlisten = \"127.0.0.1:0\"\ntls = \"{tls}\"\n\
             [link]\nlisten = \"127.0.0.1:0\"\n",
            folder = folder.path().display()
        );
        let site = Self { folder };
        for (name, text) in [("tokens.toml", ""), ("controller.toml", &text)] {
            fs::write(site.path(name), text).unwrap();
            fs::set_permissions(site.path(name), fs::Permissions::from_mode(0o600)).unwrap();
        }
        site
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn database(&self) -> PathBuf {
        self.path("state/billet.db")
    }

    /// What the newest daemon said.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap()
    }

    /// Starts the daemon.
    pub fn start(&self) -> Daemon<'_> {
        Daemon { site: self, child: self.spawn(&["serve"], &self.path("log")) }
    }

    /// Starts the daemon, which does start.
    pub fn serve(&self) -> Daemon<'_> {
        let mut daemon = self.start();
        daemon.until(|log| log.contains("the controller is ready"));
        daemon
    }

    /// Runs an operator's command to its end. Answers whether it went well, and what it said.
    pub fn run(&self, words: &[&str]) -> (bool, String) {
        let path = self.path("said");
        let mut command = Daemon { site: self, child: self.spawn(words, &path) };
        let success = command.ended().success();
        (success, fs::read_to_string(path).unwrap())
    }

    /// A token of a tenant's, known from the next start on.
    pub fn token(&self) -> String {
        let file = self.path("tokens.toml");
        let mut command = self.command();
        command.args(["token", "new", "--name", "tenant", "--project", "lab", "--file"]).arg(file);
        let made = command.output().unwrap();
        assert!(made.status.success(), "{made:?}");
        String::from_utf8(made.stdout).unwrap().trim().to_owned()
    }

    /// The program with words, by the configuration.
    fn spawn(&self, words: &[&str], said: &Path) -> Child {
        let said = File::create(said).unwrap();
        let mut command = self.command();
        command.args(words).arg("--config").arg(self.path("controller.toml"));
        command.stdout(said.try_clone().unwrap()).stderr(said);
        command.spawn().unwrap()
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_billet-controller"));
        // Whoever runs this may be a unit of systemd's.
        command.env_remove("NOTIFY_SOCKET").env_remove("CREDENTIALS_DIRECTORY");
        command
    }
}

/// A program that ends with this.
pub struct Daemon<'a> {
    site: &'a Site,
    child: Child,
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Daemon<'_> {
    /// Waits for its end.
    pub fn ended(&mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(began.elapsed() < PATIENCE, "it runs: {:?}", fs::read_to_string(self.site.path("log")));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until that holds of its log.
    pub fn until(&mut self, holds: impl Fn(&str) -> bool) {
        let began = Instant::now();
        while !holds(&self.site.log()) {
            assert_eq!(self.child.try_wait().unwrap(), None, "{}", self.site.log());
            assert!(began.elapsed() < PATIENCE, "{}", self.site.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn signal(&self, name: &str) {
        let told = Command::new("kill").args(["-s", name]).arg(self.child.id().to_string()).status().unwrap();
        assert!(told.success());
    }

    /// Asks it to end, and waits for that.
    pub fn stop(mut self) {
        self.signal("TERM");
        assert!(self.ended().success(), "{}", self.site.log());
    }

    /// Where the REST API is.
    pub fn address(&self) -> SocketAddr {
        let log = self.site.log();
        let told =
            log.split_whitespace().find_map(|word| word.strip_prefix("rest=")).expect("it says where it listens");
        told.parse().unwrap()
    }

    /// Calls the REST API in plain HTTP. Answers the status and the body.
    pub fn call(&self, method: &str, path: &str, token: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect_timeout(&self.address(), PATIENCE).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nX-Auth-Token: {token}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }
}
