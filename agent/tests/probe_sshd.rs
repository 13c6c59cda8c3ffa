//! The host key probe against OpenSSH's `sshd` (Debian package `openssh-server`), on loopback.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

use billet_agent::probe::{HostKey, ProbeError, ssh_host_key};
use std::{
    net::SocketAddr,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    time::timeout,
};

const DEADLINE: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(400);

struct Sshd {
    address: SocketAddr,
    key: HostKey,
    fingerprint: String,
    _folder: tempfile::TempDir,
    _child: Child,
}

/// An address below those that the kernel gives to others in the meantime.
async fn free_address() -> SocketAddr {
    loop {
        let address = SocketAddr::from(([127, 0, 0, 1], rand::random_range(20_000..32_000)));
        if TcpListener::bind(address).await.is_ok() {
            return address;
        }
    }
}

/// Makes a key of this type and answers its public line and fingerprint, as ssh-keygen prints them.
async fn make_key(path: &Path, kind: &str) -> (String, String) {
    let ssh_keygen = || Command::new("ssh-keygen");
    let made = ssh_keygen().args(["-q", "-N", "", "-t", kind, "-f"]).arg(path).status().await;
    assert!(made.expect("ssh-keygen must be installed: Debian's package openssh-client").success());
    let listed = ssh_keygen().arg("-lf").arg(path).output().await.unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let public = std::fs::read_to_string(path.with_extension("pub")).unwrap();
    (public, listed.split(' ').nth(1).unwrap().to_owned())
}

impl Sshd {
    async fn start(extra: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key_file = folder.path().join("host_key");
        let (public, fingerprint) = make_key(&key_file, "ed25519").await;
        let sshd = Self::start_in(folder, &key_file, extra).await;
        Self { key: public.parse().unwrap(), fingerprint, ..sshd }
    }

    async fn start_in(folder: tempfile::TempDir, key_file: &Path, extra: &str) -> Self {
        let address = free_address().await;
        let config = folder.path().join("config");
        let key_file = key_file.display();
        std::fs::write(
            &config,
            format!("ListenAddress {address}\nHostKey {key_file}\nPidFile none\nUsePAM no\nStrictModes no\n{extra}\n"),
        )
        .unwrap();
        // sshd run by root wants its privilege separation folder, which only its unit or init script makes.
        let _ = std::fs::create_dir_all("/run/sshd");
        let mut child = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(&config)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("sshd must be installed for this test: it is in Debian's package openssh-server");
        // Its own word, and not a connection that is taken: on loopback that could be anybody.
        let mut words = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = Vec::new();
        let listens = async {
            while let Some(line) = words.next_line().await.unwrap() {
                if line.contains("Server listening") {
                    return true;
                }
                said.push(line);
            }
            false
        };
        let listens = timeout(DEADLINE, listens).await.unwrap_or(false);
        assert!(listens, "sshd does not listen at {address}: {said:?}");
        tokio::spawn(async move { while let Ok(Some(_)) = words.next_line().await {} });
        Self { address, key: HostKey::from_bytes([0; 32]), fingerprint: String::new(), _folder: folder, _child: child }
    }
}

#[tokio::test]
async fn sshd_proves_its_key() {
    let sshd = Sshd::start("").await;
    assert_eq!(sshd.key.fingerprint(), sshd.fingerprint);
    for interface in [None, Some("lo")] {
        ssh_host_key(sshd.address, interface, &sshd.key, DEADLINE).await.unwrap();
    }
}

#[tokio::test]
async fn an_older_name_of_the_method_is_enough() {
    let sshd = Sshd::start("KexAlgorithms curve25519-sha256@libssh.org").await;
    ssh_host_key(sshd.address, None, &sshd.key, DEADLINE).await.unwrap();
}

#[tokio::test]
async fn another_key_is_named_by_its_fingerprint() {
    let sshd = Sshd::start("").await;
    let other = HostKey::from_bytes([7; 32]);
    let error = ssh_host_key(sshd.address, None, &other, DEADLINE).await.unwrap_err();
    assert!(matches!(error, ProbeError::OtherHostKey { .. }) && !error.may_pass(), "{error}");
    let text = error.to_string();
    assert!(text.contains(&sshd.fingerprint) && text.contains(&other.fingerprint()), "{text}");
}

#[tokio::test]
async fn a_server_without_the_method_or_the_key_type_is_told_so() {
    let sshd = Sshd::start("KexAlgorithms diffie-hellman-group14-sha256").await;
    let error = ssh_host_key(sshd.address, None, &sshd.key, DEADLINE).await.unwrap_err();
    assert!(error.to_string().contains("curve25519"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let key_file = folder.path().join("host_key");
    make_key(&key_file, "ecdsa").await;
    let sshd = Sshd::start_in(folder, &key_file, "").await;
    let error = ssh_host_key(sshd.address, None, &sshd.key, DEADLINE).await.unwrap_err();
    assert!(error.to_string().contains("ssh-ed25519"), "{error}");
}

#[tokio::test]
async fn a_decoy_that_repeats_what_the_real_server_said_is_refused() {
    let sshd = Sshd::start("").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let decoy = listener.local_addr().unwrap();
    let recording = record(sshd.address).await;
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        // The same banner, algorithms, host key, share and signature; only the client's side is new.
        stream.write_all(&recording).await.unwrap();
        let _ = stream.read_to_end(&mut Vec::new()).await;
    });
    let error = ssh_host_key(decoy, None, &sshd.key, DEADLINE).await.unwrap_err();
    assert!(matches!(error, ProbeError::NoProof { .. }) && !error.may_pass(), "{error}");
    task.await.unwrap();
}

/// What sshd says in a whole exchange, recorded between it and the probe.
async fn record(sshd: SocketAddr) -> Vec<u8> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let recorder = tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut server = TcpStream::connect(sshd).await.unwrap();
        let (mut said, mut from_client, mut from_server) = (Vec::new(), [0; 4096], [0; 4096]);
        loop {
            tokio::select! {
                length = client.read(&mut from_client) => match length {
                    Ok(length) if length > 0 => server.write_all(&from_client[..length]).await.unwrap(),
                    _ => return said,
                },
                length = server.read(&mut from_server) => {
                    let bytes = &from_server[..length.unwrap()];
                    said.extend(bytes);
                    if client.write_all(bytes).await.is_err() {
                        return said;
                    }
                }
            }
        }
    });
    // Another key is expected, so that the probe leaves after the reply came; what it says is not of interest.
    let _ = ssh_host_key(address, None, &HostKey::from_bytes([7; 32]), DEADLINE).await;
    recorder.await.unwrap()
}

/// A listener that says this to whoever comes, and then nothing.
async fn speaker(words: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.write_all(words).await;
                let _ = stream.read_to_end(&mut Vec::new()).await;
            });
        }
    });
    address
}

#[tokio::test]
async fn silence_and_rubbish_end_within_the_deadline() {
    let key = HostKey::from_bytes([7; 32]);
    for (words, deadline) in [
        (&b""[..], true),
        (b"SSH-2.0-slow\r\n", true),
        (b"SSH-2.0-cut\r\n\0\0\0\x40\x08", true),
        (b"SSH-2.0-bad\r\nHTTP/1.1 400 Bad Request\r\n", false),
        (&[b'x'; 4000], false),
        (b"SSH-1.5-old\r\n", false),
    ] {
        let start = Instant::now();
        let error = ssh_host_key(speaker(words).await, None, &key, SHORT).await.unwrap_err();
        assert!(start.elapsed() < SHORT * 5, "{words:?}");
        assert!(error.may_pass());
        let expected = if deadline {
            matches!(error, ProbeError::Deadline { .. })
        } else {
            matches!(error, ProbeError::NotSsh { .. })
        };
        assert!(expected, "{words:?}: {error}");
    }
}

#[tokio::test]
async fn nobody_there_and_no_such_interface_are_no_connection() {
    let key = HostKey::from_bytes([7; 32]);
    let free = free_address().await;
    for interface in [None, Some("no-such-nic")] {
        let error = ssh_host_key(free, interface, &key, DEADLINE).await.unwrap_err();
        assert!(matches!(error, ProbeError::NoConnection { .. }), "{error}");
    }
}
