//! `billet ssh` with OpenSSH's own client and server (Debian packages `openssh-client`, `openssh-server`), on loopback and on a
//! terminal of its own, where it could ask.

use super::{Ended, ID, VPC, billet, fake::Fake};
use crate::cli::Exit;
use serde_json::json;
use std::{net::SocketAddr, path::Path, process::Stdio, time::Duration};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::TcpListener,
    process::{Child, Command},
    time::timeout,
};

const DEADLINE: Duration = Duration::from_secs(20);

/// A server whom one key opens, and a folder for all of it.
struct Sshd {
    folder: tempfile::TempDir,
    address: SocketAddr,
    host_key: String,
    _child: Child,
}

/// Below those that the kernel gives to others in the meantime.
async fn free_address() -> SocketAddr {
    loop {
        let port = 20_000 + u16::try_from(crate::clock::below(&crate::clock::SystemEntropy, 12_000)).unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if TcpListener::bind(address).await.is_ok() {
            return address;
        }
    }
}

/// Makes a key, and answers its public line.
async fn make_key(path: &Path) -> String {
    let made = Command::new("ssh-keygen").args(["-q", "-N", "", "-t", "ed25519", "-f"]).arg(path).status().await;
    assert!(made.expect("ssh-keygen must be installed: Debian's package openssh-client").success());
    std::fs::read_to_string(path.with_extension("pub")).unwrap()
}

impl Sshd {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        let host_key = make_key(&file("host_key")).await;
        let client_key = make_key(&file("client_key")).await;
        std::fs::write(file("authorized_keys"), client_key).unwrap();
        let address = free_address().await;
        let config = format!(
            "ListenAddress {address}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nUsePAM no\nStrictModes no\n",
            file("host_key").display(),
            file("authorized_keys").display()
        );
        std::fs::write(file("config"), config).unwrap();
        // sshd run by root wants its privilege separation folder, which only its unit or init script makes.
        let _ = std::fs::create_dir_all("/run/sshd");
        let mut child = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(file("config"))
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("sshd must be installed for this test: it is in Debian's package openssh-server");
        let mut words = BufReader::new(child.stderr.take().unwrap()).lines();
        let listens = async {
            while let Some(line) = words.next_line().await.unwrap() {
                if line.contains("Server listening") {
                    return true;
                }
            }
            false
        };
        assert!(timeout(DEADLINE, listens).await.unwrap_or(false), "sshd does not listen at {address}");
        tokio::spawn(async move { while let Ok(Some(_)) = words.next_line().await {} });
        Self { folder, address, host_key, _child: child }
    }

    /// Runs `billet ssh` where the controller says that `host_key` is the instance's, and answers how it ended and all that
    /// stood on the terminal.
    async fn log_in(&self, host_key: &str) -> (Ended, String) {
        let file = |name: &str| self.folder.path().join(name);
        let user = Command::new("id").arg("-un").output().await.unwrap();
        let user = String::from_utf8(user.stdout).unwrap();
        let instance = json!({
            "id": ID, "name": "web", "vpc_id": VPC, "state": "running", "created_at": "", "host_key": host_key,
            "network_interfaces": [{ "subnet_id": VPC, "ipv4_address": "127.0.0.1" }],
        });
        let fake = Fake::plain(move |_, _| Some((200, instance.to_string())));
        // On a terminal of its own, with the test's port and key. `script` writes its command down, with the sum not yet done.
        let text = format!(
            "shift\nexec script -qefc \"exec ssh -F /dev/null -p {} -i {} $*\" {} </dev/null >/dev/null\n",
            self.address.port(),
            file("client_key").display(),
            file("terminal").display()
        );
        std::fs::write(file("run"), text).unwrap();
        let run = file("run");
        let argv = ["--ssh-argv", "sh", "--ssh-argv", run.to_str().unwrap()];
        let words = [&["ssh", ID, "-l", user.trim()][..], &argv, &["--", "echo", "here:$((40+2))"]].concat();
        // Whoever is asked something waits for ever.
        let ended = timeout(DEADLINE, billet(&fake.endpoint(), &words)).await.expect("ssh waits for somebody");
        (ended, std::fs::read_to_string(file("terminal")).unwrap())
    }
}

#[tokio::test]
async fn the_instances_own_host_key_logs_in() {
    let sshd = Sshd::start().await;
    let (ended, terminal) = sshd.log_in(&sshd.host_key).await;
    assert_eq!(ended.exit, Exit::Foreign(0), "{terminal}");
    assert!(terminal.contains("here:42"), "{terminal}");
}

#[tokio::test]
async fn another_host_key_is_refused_and_nobody_is_asked() {
    let sshd = Sshd::start().await;
    let other = make_key(&sshd.folder.path().join("other_key")).await;
    let (ended, terminal) = sshd.log_in(&other).await;
    assert_eq!(ended.exit, Exit::Foreign(255), "{terminal}");
    assert!(terminal.contains("Host key verification failed"), "{terminal}");
    for asked in ["yes/no", "continue connecting", "password:", "here:42"] {
        assert!(!terminal.contains(asked), "{asked}: {terminal}");
    }
}
