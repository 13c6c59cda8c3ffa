//! `billet ssh` with a program in ssh's place, and `billet receipt`.

use super::{ID, VPC, billet, fake::Fake};
use crate::{cli::Exit, clock::SystemEntropy, receipt::ReceiptKey};
use serde_json::{Value, json};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn instance(host_key: Option<&str>) -> Value {
    json!({
        "id": ID, "name": "web", "vpc_id": VPC, "state": "running", "created_at": "", "host_key": host_key,
        "network_interfaces": [{ "subnet_id": VPC, "ipv4_address": "10.0.0.5" }],
    })
}

#[tokio::test]
async fn ssh_is_given_the_one_key_and_ends_as_it_ended() {
    let fake = Fake::plain(|_, _| Some((200, instance(Some(KEY)).to_string())));
    let folder = tempfile::tempdir().unwrap();
    let (script, seen) = (folder.path().join("run"), folder.path().join("seen"));
    let text = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$@\" > {0}\nfor word; do case $word in UserKnownHostsFile=*) cat \"${{word#*=}}\" >> {0};; \
         esac; done\nexit 7\n",
        seen.display()
    );
    std::fs::write(&script, text).unwrap();
    let argv = ["--ssh-argv", "sh", "--ssh-argv", script.to_str().unwrap(), "--ssh-argv", "-x"];
    let words = [&["ssh", ID, "--user", "admin"][..], &argv, &["--", "cat", "/etc/host name"]].concat();
    let ended = billet(&fake.endpoint(), &words).await;
    assert_eq!((ended.exit, ended.err.as_str()), (Exit::Foreign(7), ""));
    let seen = std::fs::read_to_string(seen).unwrap();
    let lines: Vec<&str> = seen.lines().collect();
    assert_eq!(&lines[..2], ["-x", "ssh"], "{seen}");
    for option in ["StrictHostKeyChecking=yes", "GlobalKnownHostsFile=/dev/null", &format!("HostKeyAlias={ID}")] {
        assert!(lines.contains(&option), "{option}: {seen}");
    }
    let rest = lines.iter().position(|line| *line == "-l").unwrap();
    assert_eq!(lines[rest..], ["-l", "admin", "--", "10.0.0.5", "cat", "/etc/host name", &format!("{ID} {KEY}")]);
    let file = lines.iter().find_map(|line| line.strip_prefix("UserKnownHostsFile=")).unwrap();
    assert!(!std::path::Path::new(file).exists(), "it goes with the session");
}

#[tokio::test]
async fn the_real_ssh_takes_these_options_before_any_of_a_users_own() {
    let fake = Fake::plain(|_, _| Some((200, instance(Some(KEY)).to_string())));
    let folder = tempfile::tempdir().unwrap();
    let (script, seen) = (folder.path().join("run"), folder.path().join("seen"));
    let text = format!("shift\nexec ssh -G \"$@\" >{} 2>&1 </dev/null\n", seen.display());
    std::fs::write(&script, text).unwrap();
    let words = ["ssh", ID, "--ssh-argv", "sh", "--ssh-argv", script.to_str().unwrap()];
    assert_eq!(billet(&fake.endpoint(), &words).await.exit, Exit::Foreign(0));
    let seen = std::fs::read_to_string(seen).unwrap();
    for line in ["user root", "hostname 10.0.0.5", &format!("hostkeyalias {ID}"), "globalknownhostsfile /dev/null"] {
        assert!(seen.lines().any(|told| told == line), "{line}: {seen}");
    }
    let strict = ["stricthostkeychecking true", "stricthostkeychecking yes"];
    assert!(seen.lines().any(|line| strict.contains(&line)), "{seen}");
}

#[tokio::test]
async fn nobody_is_trusted_on_first_use() {
    let fake = Fake::plain(|_, _| Some((200, instance(None).to_string())));
    let ended = billet(&fake.endpoint(), &["ssh", ID, "--ssh-argv", "false"]).await;
    assert_eq!(ended.exit, Exit::Failed);
    assert!(ended.err.contains("no host key"), "{}", ended.err);
}

#[tokio::test]
async fn a_name_that_two_have_names_none_and_nor_does_one_that_nobody_has() {
    let mut second = instance(None);
    second["id"] = VPC.into();
    let fake = Fake::plain(move |_, before| {
        let found = if before == 0 { json!([instance(None), second]) } else { json!([]) };
        // There are more pages; they are not read.
        Some((200, json!({ "instances": found, "page_info": { "next_marker": "m" } }).to_string()))
    });
    let ended = billet(&fake.endpoint(), &["ssh", "web"]).await;
    assert_eq!(ended.exit, Exit::Usage);
    assert!(ended.err.contains(&format!("more than one has that name; give the id: {ID}, {VPC}")), "{}", ended.err);
    let ended = billet(&fake.endpoint(), &["ssh", "web"]).await;
    assert_eq!(ended.exit, Exit::Usage);
    assert!(ended.err.contains("none has that name"), "{}", ended.err);
    let lines: Vec<String> = fake.asked().into_iter().map(|asked| asked.line).collect();
    assert_eq!(lines, ["GET /v1/lab/instances?name=web&limit=10"; 2]);
}

#[tokio::test]
async fn a_receipt_is_kept_and_checked_without_the_controller() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let key = ReceiptKey::load_or_create(&folder.path().join("private"), &SystemEntropy).unwrap();
    let said = json!({ "instance": { "id": ID } });
    let (jws, jwk) = (key.sign(said.to_string().as_bytes()), key.public().jwk());
    let answer = json!({ "jws": jws, "receipt": said });
    let fake = Fake::plain(move |asked, _| {
        Some((200, if asked.line.ends_with("receipt-key") { jwk.to_string() } else { answer.to_string() }))
    });
    for (name, words) in [
        ("jws", vec!["receipt", "show", ID, "--jws"]),
        ("json", vec!["receipt", "show", ID, "--json"]),
        ("key", vec!["receipt", "key"]),
    ] {
        let ended = billet(&fake.endpoint(), &words).await;
        assert_eq!(ended.exit, Exit::Done, "{ended:?}");
        std::fs::write(file(name), ended.out).unwrap();
    }
    assert_eq!(fake.asked()[0].line, format!("GET /v1/lab/instances/{ID}/receipt"));
    drop(fake);
    let changed = std::fs::read_to_string(file("jws")).unwrap().replacen("ey", "eY", 2);
    std::fs::write(file("changed"), changed).unwrap();
    // Nobody answers there any more.
    let nowhere = "http://127.0.0.1:1";
    for (name, exit) in [("jws", Exit::Done), ("json", Exit::Done), ("changed", Exit::Failed), ("none", Exit::Usage)] {
        let ended = billet(nowhere, &["receipt", "verify", &file(name), "--key", &file("key")]).await;
        assert_eq!(ended.exit, exit, "{name}: {ended:?}");
        assert_eq!(ended.out.contains(ID), exit == Exit::Done, "{name}: {ended:?}");
    }
}

#[tokio::test]
async fn the_receipts_of_erased_disks_are_listed_kept_and_all_of_them_checked() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let key = ReceiptKey::load_or_create(&folder.path().join("private"), &SystemEntropy).unwrap();
    std::fs::write(file("key"), key.public().jwk().to_string()).unwrap();
    let receipt = |serial: &str, method: &str| {
        let said = json!({
            "kind": "wipe", "disk": { "serial": serial }, "policy": "full", "method": method, "bytes": 1_u64 << 30,
            "zeroed_after": method == "nvme-format", "samples": { "count": 258 },
        });
        let jws = key.sign(said.to_string().as_bytes());
        json!({ "seq": 1, "recorded_at": "2026-11-29T23:00:00Z", "disk_serial": serial, "jws": jws, "receipt": said })
    };
    let receipts = json!([receipt("S1", "nvme-format"), receipt("S2", "overwrite")]);
    let answer = json!({ "page_info": { "current_count": 2 }, "receipts": receipts });
    let fake = Fake::plain(move |_, _| Some((200, answer.to_string())));
    let words = ["server", "wipe-receipts", ID];
    let table = billet(&fake.endpoint(), &words).await.out;
    let expected = "\
AT                    DISK  POLICY  METHOD                   ERASED   SAMPLES
2026-11-29T23:00:00Z  S1    full    nvme-format, then zeros  1.0 GiB  258
2026-11-29T23:00:00Z  S2    full    overwrite                1.0 GiB  258\n";
    assert_eq!(table, expected);
    for (name, form) in [("jws", "--jws"), ("json", "--json")] {
        let ended = billet(&fake.endpoint(), &[&words[..], &[form]].concat()).await;
        assert_eq!(ended.exit, Exit::Done, "{ended:?}");
        std::fs::write(file(name), ended.out).unwrap();
    }
    assert_eq!(fake.asked()[0].line, format!("GET /admin/v1/servers/{ID}/wipe-receipts?limit=100"));
    let jws = std::fs::read_to_string(file("jws")).unwrap();
    assert_eq!(jws.lines().count(), 2);
    // The second alone is changed.
    let at = jws.find('\n').unwrap() + 100;
    let other = if &jws[at..=at] == "A" { "B" } else { "A" };
    std::fs::write(file("changed"), format!("{}{other}{}", &jws[..at], &jws[at + 1..])).unwrap();
    std::fs::write(file("empty"), "").unwrap();
    std::fs::write(file("none"), r#"{ "receipts": [] }"#).unwrap();
    for (name, exit) in [
        ("jws", Exit::Done),
        ("json", Exit::Done),
        ("changed", Exit::Failed),
        ("empty", Exit::Failed),
        ("none", Exit::Failed),
    ] {
        let ended = billet("http://127.0.0.1:1", &["receipt", "verify", &file(name), "--key", &file("key")]).await;
        assert_eq!(ended.exit, exit, "{name}: {ended:?}");
        assert_eq!(ended.out.contains("S1") && ended.out.contains("S2"), exit == Exit::Done, "{name}: {ended:?}");
    }
}
