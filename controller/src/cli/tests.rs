//! Whole commands against a small controller on loopback, plain and with TLS by the product's own authority.

mod calls;
mod fake;
mod follow;
mod onboard;
mod once;
mod ssh;
mod sshd;

use super::*;
use clap::CommandFactory as _;
use std::{
    io::Write,
    sync::{Arc, Mutex},
};

const TOKEN: &str = "tops3cret-token";
const ID: &str = "0198170e-4ca7-7000-8000-000000000001";
const VPC: &str = "0198170e-4ca7-7000-8000-000000000002";

/// What a command wrote, and how it ended.
#[derive(Debug)]
struct Ended {
    exit: Exit,
    out: String,
    err: String,
}

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Runs `billet` with these words, a token file, and no configuration but that.
async fn billet(endpoint: &str, words: &[&str]) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (config, token) = (file("config.toml", ""), file("token", TOKEN));
    let mut line = vec!["billet", "--config", &config, "--endpoint", endpoint, "--project", "lab"];
    line.extend(["--token-file", &token]);
    line.extend(words);
    let arguments = Arguments::try_parse_from(line).unwrap();
    let (out, err) = (Sink::default(), Sink::default());
    let mut console = Console::new(Box::new(out.clone()), Box::new(err.clone()), arguments.globals.json);
    let exit = Box::pin(execute(arguments, &mut console)).await;
    let ended = Ended { exit, out: out.text(), err: err.text() };
    assert!(!format!("{ended:?}").contains(TOKEN), "the token was shown: {ended:?}");
    ended
}

#[test]
fn the_command_line_is_sound() {
    Arguments::command().debug_assert();
}

#[test]
fn every_verb_takes_what_its_page_says() {
    let nic = format!("{VPC}=10.0.0.5");
    for line in [
        "image import disk.raw --name debian --os-type Linux --shared --timeout 60".to_owned(),
        format!("image import disk.raw --name debian --sha256 {}", "ab".repeat(32)),
        "image list --json".to_owned(),
        "--json vpc list".to_owned(),
        "vpc create --name a --cidr 10.0.0.0/16".to_owned(),
        format!(
            "subnet create --name a --vpc {VPC} --cidr 10.0.1.0/24 --gateway 10.0.1.1 --dns 9.9.9.9 --reserve 10.0.1.2"
        ),
        format!("subnet list --vpc {VPC}"),
        "server list --state maintain".to_owned(),
        format!(
            "server register {ID} --agent rack1 --for lab --role provisioning --role vpc --role parameter-plane:0 --name n --location a/b/3 --wipe-policy full --allow-reset --clear-other-bootable-disks"
        ),
        format!("server accept-unwiped {ID}"),
        format!("server cancel {ID}"),
        format!("server onboard {ID} --agent rack1 --allow-reset --role vpc --wait --timeout 60"),
        format!("server events {ID} --days 30 --level major --limit 5"),
        format!("server wipe-receipts {ID} --jws --limit 9"),
        "agent enroll --name rack1".to_owned(),
        "agent list".to_owned(),
        format!(
            "instance create --name w --image {ID} --vpc {VPC} --nic {VPC} --nic {nic} --metadata-file pairs --wait"
        ),
        format!(
            "instance create --name w --image {ID} --vpc {VPC} --nic {nic} --server {ID} --description x --timeout 9"
        ),
        "instance list --state running".to_owned(),
        format!(
            "instance create --name w --image {ID} --vpc {VPC} --nic {VPC} --tag a=b --ssh-key k --user-data u --count 3"
        ),
        format!("instance create --name w --image {ID} --vpc {VPC} --nic {VPC} --dry-run"),
        format!("instance delete {ID} {VPC}"),
        format!("ssh {ID} -l admin -- uptime"),
        "receipt verify a --key b".to_owned(),
        format!("instance show {ID}"),
        format!("instance events {ID} --after 7 --follow --timeout 5"),
        format!("instance delete {ID} --wait"),
    ] {
        let parsed = Arguments::try_parse_from(["billet"].into_iter().chain(line.split(' ')));
        assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    for line in [
        "".to_owned(),
        "image".to_owned(),
        "image import disk.raw --name a --sha256 abc".to_owned(),
        "image import disk.raw --name a --os-type Plan9".to_owned(),
        "vpc create --name a --cidr 10.0.0.1/16".to_owned(),
        "server register 7 --agent a".to_owned(),
        format!("instance create --name w --image {ID} --vpc {VPC}"),
        format!("instance create --name w --image {ID} --vpc {VPC} --nic x"),
        format!("instance create --name w --image {ID} --vpc {VPC} --nic {VPC} --password hunter22"),
        format!("instance create --name w --image {ID} --vpc {VPC} --nic {VPC} --metadata k=tops3cret"),
        format!("instance create --name w --image {ID} --vpc {VPC} --nic {VPC} --timeout 0"),
        "vpc list --token abc".to_owned(),
        "vpc list --endpoint http://192.0.2.1".to_owned(),
    ] {
        let words = line.split(' ').filter(|word| !word.is_empty());
        assert!(Arguments::try_parse_from(["billet"].into_iter().chain(words)).is_err(), "{line}");
    }
}

#[tokio::test]
async fn missing_settings_are_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    std::fs::write(&config, "endpoint = 'https://localhost:1'").unwrap();
    let arguments = Arguments::try_parse_from(["billet", "--config", config.to_str().unwrap(), "vpc", "list"]).unwrap();
    let mut console = Console::new(Box::new(Sink::default()), Box::new(Sink::default()), false);
    assert_eq!(execute(arguments, &mut console).await, Exit::Usage);
}
