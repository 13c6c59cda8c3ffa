//! `ipmi_sim` in a folder of its own, with a chassis that is two files and a log.

use std::{
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::{
    net::UdpSocket,
    process::{Child, Command},
    time::{sleep, timeout},
};

pub const ADMIN: (&str, &str) = ("admin", "s3cret");
pub const OPERATOR: (&str, &str) = ("oper", "0perator");
/// What `guid` in lan.conf says.
pub const GUID: &str = "a1234567-89ab-cdef-a123-456789abcdef";

const CHASSIS: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit 1
verb=$1; shift
if [ "$verb" = get ]; then
  for key in "$@"; do echo "$key:$(cat "state-$key")"; done
elif [ "$verb" = set ]; then
  while [ $# -gt 0 ]; do echo "$1 $2" >> log; echo "$2" > "state-$1"; shift 2; done
fi
"#;

const MACHINE: &str = "mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02
mc_enable 0x20
";

pub struct Simulator {
    pub address: SocketAddr,
    folder: tempfile::TempDir,
    child: Child,
}

impl Simulator {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let address = free_address().await;
        let chassis = path.join("chassis");
        std::fs::write(&chassis, CHASSIS).unwrap();
        std::fs::set_permissions(&chassis, std::fs::Permissions::from_mode(0o700)).unwrap();
        for (file, text) in [("state-power", "0\n"), ("state-boot", "none\n"), ("log", ""), ("machine.emu", MACHINE)] {
            std::fs::write(path.join(file), text).unwrap();
        }
        let (guid, chassis) = (GUID.replace('-', ""), chassis.display());
        let port = address.port();
        let config = format!(
            r#"name "test"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 {port}
    priv_limit admin
    allowed_auths_operator none md2 md5 straight
    allowed_auths_admin none md2 md5 straight
    guid {guid}
  endlan
  chassis_control "{chassis}"
  user 2 true "{}" "{}" admin 10 none md2 md5 straight
  user 3 true "{}" "{}" operator 10 none md2 md5 straight
"#,
            ADMIN.0, ADMIN.1, OPERATOR.0, OPERATOR.1
        );
        std::fs::write(path.join("lan.conf"), config).unwrap();
        std::fs::create_dir(path.join("state")).unwrap();
        let child = spawn(path);
        let mut simulator = Self { address, folder, child };
        simulator.wait_until_ready().await;
        simulator
    }

    /// Sends RMCP presence pings (IPMI v2.0 §13.2.3) until one is answered.
    async fn wait_until_ready(&mut self) {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let ping = [6, 0, 0xff, 6, 0, 0, 0x11, 0xbe, 0x80, 0, 0, 0];
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(20) {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("ipmi_sim ended with {status}");
            }
            let _ = socket.send_to(&ping, self.address).await;
            if let Ok(Ok(_)) = timeout(Duration::from_millis(100), socket.recv(&mut [0; 64])).await {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
        panic!("ipmi_sim runs and answers no ping at {}", self.address);
    }

    /// Ends it; its sessions are gone with it.
    pub async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    pub async fn restart(&mut self) {
        self.kill().await;
        self.child = spawn(self.folder.path());
        self.wait_until_ready().await;
    }

    /// A state of the chassis: `power` or `boot`.
    pub fn chassis(&self, key: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(format!("state-{key}"))).unwrap().trim().into()
    }

    /// What was done to the chassis, in order; boot orders left out.
    pub fn actions(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap();
        log.lines().filter(|line| !line.starts_with("boot")).map(str::to_owned).collect()
    }
}

/// An address below those that the kernel gives to others in the meantime: ipmi_sim cannot choose one itself.
async fn free_address() -> SocketAddr {
    loop {
        let address = SocketAddr::from(([127, 0, 0, 1], rand::random_range(20_000..32_000)));
        if UdpSocket::bind(address).await.is_ok() {
            return address;
        }
    }
}

fn spawn(folder: &Path) -> Child {
    Command::new("ipmi_sim")
        .args(["-n", "-c", "lan.conf", "-f", "machine.emu", "-s", "state"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("ipmi_sim must be installed for this test: it is in Debian's package openipmi")
}
