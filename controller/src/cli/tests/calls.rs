//! One call and its answer.

use super::{
    ID, TOKEN, VPC, billet,
    fake::{Answer, Asked, Fake},
};
use crate::cli::{Client, ClientError, Exit, Settings};
use serde_json::{Value, json};
use std::time::Duration;

fn ok(body: Value) -> Answer {
    Some((200, body.to_string()))
}

fn one_vpc(_: &Asked, _: usize) -> Answer {
    ok(json!({ "vpcs": [
        { "id": VPC, "name": "a\u{1b}[2J", "cidr": "10.0.0.0/16", "status": "OK", "created_at": "2026-01-02T03:04:05Z" },
    ]}))
}

fn settings(endpoint: &str) -> Settings {
    Settings {
        endpoint: endpoint.parse().unwrap(),
        ca_file: None,
        project: Some("lab".parse().unwrap()),
        token: TOKEN.to_owned().into(),
        warnings: Vec::new(),
    }
}

#[tokio::test]
async fn a_list_comes_over_tls_as_a_table_and_as_json() {
    let fake = Fake::tls(one_vpc);
    let ca_file = fake.ca_file();
    let ended = billet(&fake.endpoint(), &["vpc", "list", "--ca-file", ca_file.to_str().unwrap()]).await;
    let table = "\
ID                                    NAME   CIDR         STATUS  CREATED
0198170e-4ca7-7000-8000-000000000002  a?[2J  10.0.0.0/16  OK      2026-01-02T03:04:05Z\n";
    assert_eq!((ended.exit, ended.out.as_str(), ended.err.as_str()), (Exit::Done, table, ""));

    let ended = billet(&fake.endpoint(), &["vpc", "list", "--json", "--ca-file", ca_file.to_str().unwrap()]).await;
    assert_eq!(serde_json::from_str::<Value>(&ended.out).unwrap()[0]["id"], VPC);

    let asked = &fake.asked()[0];
    assert_eq!(asked.line, "GET /v1/lab/vpcs");
    assert_eq!(asked.headers["x-auth-token"], TOKEN);
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_not_trusted_and_gets_no_token() {
    let (fake, other) = (Fake::tls(one_vpc), Fake::tls(one_vpc));
    let other_ca = other.ca_file();
    let ended = billet(&fake.endpoint(), &["vpc", "list", "--ca-file", other_ca.to_str().unwrap()]).await;
    assert_eq!(ended.exit, Exit::Unreachable);
    assert!(ended.err.starts_with("error: failed to reach the controller at https://127.0.0.1:"), "{}", ended.err);
    assert!(ended.err.contains("certificate"), "{}", ended.err);
    assert!(fake.asked().is_empty());
}

#[tokio::test]
async fn a_refusal_is_told_with_its_request_id() {
    let fake = Fake::plain(|_, _| Some((400, r#"{"error_code":"iMetal.0001","error_msg":"name: too long"}"#.into())));
    let ended = billet(&fake.endpoint(), &["vpc", "create", "--name", "a", "--cidr", "10.0.0.0/16"]).await;
    assert_eq!(ended.exit, Exit::Failed);
    assert_eq!(ended.err, "error: iMetal.0001: name: too long (request id r-17)\n");
    assert_eq!(ended.out, "");
    assert_eq!(fake.asked()[0].body, br#"{"vpc":{"name":"a","cidr":"10.0.0.0/16"}}"#);
}

#[tokio::test]
async fn nobody_there_is_an_exit_code_of_its_own() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let ended = billet(&endpoint, &["vpc", "list"]).await;
    assert_eq!(ended.exit, Exit::Unreachable, "{}", ended.err);
}

#[tokio::test]
async fn a_silent_controller_is_not_waited_for() {
    let fake = Fake::plain(|_, _| None);
    let client = Client::new(&settings(&fake.endpoint())).unwrap().answer_within(Duration::from_millis(200));
    let start = std::time::Instant::now();
    let error = client.vpcs().await.unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert!(matches!(&error, ClientError::Unreachable { source, .. } if source.is_timeout()), "{error:?}");
    assert!(!format!("{client:?}{error:?}").contains(TOKEN));
}

#[tokio::test]
async fn an_answer_that_is_no_answer_is_an_error() {
    for body in ["", "[]", "{}", "<html>", r#"{"vpcs":[{"id":7}]}"#] {
        let fake = Fake::plain(move |_, _| Some((200, body.into())));
        let error = Client::new(&settings(&fake.endpoint())).unwrap().vpcs().await.unwrap_err();
        assert!(matches!(error, ClientError::Garbled { .. }), "{body}: {error:?}");
    }
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let fake = Fake::plain(|_, _| Some((200, " ".repeat(17 << 20))));
    let error = Client::new(&settings(&fake.endpoint())).unwrap().vpcs().await.unwrap_err();
    assert!(matches!(error, ClientError::Garbled { .. }), "{error:?}");
}

#[tokio::test]
async fn a_redirection_is_not_followed_with_the_token() {
    let other = Fake::plain(one_vpc);
    let fake = Fake::plain(|_, _| Some((302, String::new())));
    let ended = billet(&fake.endpoint(), &["vpc", "list"]).await;
    assert_eq!(ended.exit, Exit::Failed, "{ended:?}");
    assert!(other.asked().is_empty());
}

#[tokio::test]
async fn a_list_in_pages_is_read_to_its_end_but_not_in_a_circle() {
    let server = |number: usize| json!({ "id": format!("{}{number}", &ID[..35]), "manage_state": "ready" });
    let fake = Fake::plain(move |asked, before| match asked.line.as_str() {
        "GET /v1/lab/physicalservers?limit=1000" => {
            ok(json!({ "servers": [server(1)], "page_info": { "next_marker": "m" }, "count": 2 }))
        }
        "GET /v1/lab/physicalservers?limit=1000&marker=m" if before < 5 => {
            ok(json!({ "servers": [server(2)], "page_info": { "current_count": 1 } }))
        }
        _ => ok(json!({ "servers": [], "page_info": { "next_marker": "m" } })),
    });
    let client = Client::new(&settings(&fake.endpoint())).unwrap();
    assert_eq!(client.servers(None).await.unwrap().len(), 2);
    for _ in 0..3 {
        let _ = client.vpcs().await;
    }
    assert!(matches!(client.servers(None).await, Err(ClientError::Garbled { .. })));
}

#[tokio::test]
async fn an_operators_word_goes_to_the_operators_part() {
    let fake = Fake::plain(|_, _| ok(json!({ "id": ID, "manage_state": "ready", "unwiped": false })));
    let words = ["server", "register", ID, "--agent", "rack1", "--role", "provisioning", "--role", "vpc"];
    assert_eq!(billet(&fake.endpoint(), &words).await.exit, Exit::Done);
    assert_eq!(billet(&fake.endpoint(), &["server", "accept-unwiped", ID]).await.exit, Exit::Done);
    let asked = fake.asked();
    assert_eq!(asked[0].line, format!("PUT /admin/v1/servers/{ID}"));
    let expected = json!({ "agent_name": "rack1", "roles": ["provisioning", "vpc"] });
    assert_eq!(serde_json::from_slice::<Value>(&asked[0].body).unwrap(), expected);
    assert_eq!(asked[1].line, format!("POST /admin/v1/servers/{ID}/accept-unwiped"));
}

#[tokio::test]
async fn what_is_not_said_of_a_server_stays_and_what_is_said_is_sent() {
    let fake = Fake::plain(|_, _| ok(json!({ "id": ID, "manage_state": "ready", "unwiped": false })));
    for (words, expected) in [
        (vec![], json!({ "agent_name": "rack1" })),
        (vec!["--shared"], json!({ "agent_name": "rack1", "project_id": null })),
        (vec!["--for", "lab"], json!({ "agent_name": "rack1", "project_id": "lab" })),
        (vec!["--clear-other-bootable-disks"], json!({ "agent_name": "rack1", "clear_other_bootable_disks": true })),
        (
            vec!["--clear-other-bootable-disks=false"],
            json!({ "agent_name": "rack1", "clear_other_bootable_disks": false }),
        ),
    ] {
        let all = [vec!["server", "register", ID, "--agent", "rack1"], words].concat();
        assert_eq!(billet(&fake.endpoint(), &all).await.exit, Exit::Done, "{all:?}");
        let sent = fake.asked().pop().unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&sent.body).unwrap(), expected, "{all:?}");
    }
}

#[tokio::test]
async fn a_join_token_stands_alone_on_standard_output() {
    let fake = Fake::plain(|_, _| {
        Some((201, json!({ "token": "billet-join-v1.x", "agent_name": "rack1", "expires_at": "T" }).to_string()))
    });
    let ended = billet(&fake.endpoint(), &["agent", "enroll", "--name", "rack1"]).await;
    assert_eq!(ended.out, "billet-join-v1.x\n");
    assert!(ended.err.contains("rack1") && !ended.err.contains("join-v1"), "{}", ended.err);
}

#[tokio::test]
async fn an_agent_is_revoked_by_its_name_and_what_lets_it_in_again_is_told() {
    let agent = json!({ "id": ID, "name": "rack1", "online": false, "joined_at": "T", "revoked_at": "R" });
    let fake = Fake::plain(move |_, _| ok(agent.clone()));
    let ended = billet(&fake.endpoint(), &["agent", "revoke", "rack1"]).await;
    assert_eq!(ended.exit, Exit::Done, "{}", ended.err);
    assert_eq!(fake.asked()[0].line, "POST /admin/v1/agents/rack1/revoke");
    assert!(ended.err.contains("billet agent enroll --name rack1"), "{}", ended.err);
    assert!(ended.out.contains("REVOKED") && ended.out.contains('R'), "{}", ended.out);
}

#[tokio::test]
async fn an_agent_is_replaced_by_another_and_what_stays_is_told() {
    let fake = Fake::plain(|_, _| ok(json!({ "moved": [ID, ID], "busy": [ID] })));
    let ended = billet(&fake.endpoint(), &["agent", "replace", "rack1", "--by", "rack2"]).await;
    assert_eq!((ended.exit, ended.out.trim()), (Exit::Done, "2 servers are now of agent 'rack2'"));
    assert!(ended.err.contains("1 of its servers"), "{}", ended.err);
    let sent = &fake.asked()[0];
    assert_eq!(sent.line, "POST /admin/v1/agents/rack1/replace");
    assert_eq!(serde_json::from_slice::<Value>(&sent.body).unwrap(), json!({ "agent_name": "rack2" }));
}

fn image_store(asked: &Asked, _: usize) -> Answer {
    if asked.line.starts_with("GET") {
        return ok(json!({ "images": [] }));
    }
    let digest = ring::digest::digest(&ring::digest::SHA256, &asked.body);
    let image = json!({ "id": ID, "name": "debian 13", "os_type": "Linux", "size_bytes": asked.body.len(),
        "sha256": hex::encode(digest), "created_at": "T" });
    Some((201, json!({ "image": image }).to_string()))
}

#[tokio::test]
async fn an_image_is_streamed_whole_with_its_digest() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let bytes: Vec<u8> = (0..3_000_001_u32).map(|n| n.to_le_bytes()[0]).collect();
    std::fs::write(file.path(), &bytes).unwrap();
    let fake = Fake::plain(image_store);
    let path = file.path().to_str().unwrap();
    let ended = billet(&fake.endpoint(), &["image", "import", path, "--name", "debian 13", "--shared"]).await;
    assert_eq!(ended.exit, Exit::Done, "{}", ended.err);
    let digest = hex::encode(ring::digest::digest(&ring::digest::SHA256, &bytes));
    assert!(ended.out.contains(&digest), "{}", ended.out);
    let asked = fake.asked();
    let upload = asked.last().unwrap();
    let query = format!("name=debian+13&os_type=Linux&sha256={digest}&size_bytes=3000001&shared=true");
    assert_eq!(upload.line, format!("POST /v1/lab/images?{query}"));
    assert_eq!(upload.headers["content-length"], "3000001");
    assert!(upload.body == bytes, "other bytes arrived");
}

#[tokio::test]
async fn an_image_with_another_digest_is_not_sent() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "abc").unwrap();
    let fake = Fake::plain(image_store);
    let path = file.path().to_str().unwrap();
    let ended = billet(&fake.endpoint(), &["image", "import", path, "--name", "a", "--sha256", &"ab".repeat(32)]).await;
    assert_eq!(ended.exit, Exit::Failed);
    assert!(ended.err.contains("its SHA-256 is ba7816bf"), "{}", ended.err);
    assert!(fake.asked().iter().all(|asked| asked.line.starts_with("GET")));
}

#[tokio::test]
async fn a_caller_who_may_not_import_is_told_before_the_upload() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let fake = Fake::plain(|_, _| Some((401, r#"{"error_code":"iMetal.0003","error_msg":"Unauthorized"}"#.into())));
    let path = file.path().to_str().unwrap();
    let ended = billet(&fake.endpoint(), &["image", "import", path, "--name", "a"]).await;
    assert_eq!(
        (ended.exit, ended.err.as_str()),
        (Exit::Failed, "error: iMetal.0003: Unauthorized (request id r-17)\n")
    );
    assert_eq!(fake.asked().len(), 1);
}

/// Each verb's call, and what it sends.
#[tokio::test]
async fn every_verb_makes_the_call_that_the_api_has() {
    let fake = Fake::plain(|_, _| {
        Some((
            200,
            json!({ "server_id": ID, "id": ID, "name": "n", "vpc_id": VPC, "state": "running",
        "created_at": "", "instances": [] })
            .to_string(),
        ))
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    std::fs::write(&path, "Aa1-Bb2-Cc3").unwrap();
    let secret = path.to_str().unwrap();
    for (words, line, body) in [
        (
            vec!["server", "tag", ID, "a=b=c"],
            format!("POST /v1/lab/physicalservers/{ID}/tags/create"),
            json!({ "tags": [{ "key": "a", "value": "b=c" }] }),
        ),
        (
            vec!["server", "untag", ID, "a"],
            format!("POST /v1/lab/physicalservers/{ID}/tags/delete"),
            json!({ "tags": [{ "key": "a" }] }),
        ),
        (
            vec!["image", "import-url", "https://images.example/a.raw", "--name", "a", "--sha256", "ab", "--shared"],
            "POST /v1/lab/images/import-url".to_owned(),
            json!({ "url": "https://images.example/a.raw", "name": "a", "os_type": "Linux", "sha256": "ab", "shared": true }),
        ),
        (vec!["image", "share", ID], format!("PUT /v1/lab/images/{ID}"), json!({ "visibility": "shared" })),
        (
            vec!["image", "share", ID, "--private"],
            format!("PUT /v1/lab/images/{ID}"),
            json!({ "visibility": "private" }),
        ),
        (vec!["quota", "remove", "lab"], "DELETE /admin/v1/projects/lab/quota".to_owned(), Value::Null),
        (vec!["server", "show", ID], format!("GET /v1/lab/physicalservers/{ID}"), Value::Null),
        (vec!["server", "hardware", ID], format!("GET /v1/lab/physicalservers/{ID}/hardware-attributes"), Value::Null),
        (vec!["server", "firmware", ID], format!("GET /v1/lab/physicalservers/{ID}/firmware-attributes"), Value::Null),
        (
            vec!["server", "inspect", ID, "--allow-reset"],
            format!("POST /admin/v1/servers/{ID}/inspect"),
            json!({ "allow_reset": true }),
        ),
        (
            vec!["server", "inspect", ID, "--accept-baseline"],
            format!("POST /admin/v1/servers/{ID}/inspect"),
            json!({ "allow_reset": false, "accept_baseline": true }),
        ),
        (vec!["server", "baseline", ID], format!("GET /admin/v1/servers/{ID}/baseline"), Value::Null),
        (
            vec!["server", "maintain", ID, "--reason", "fan"],
            format!("POST /admin/v1/servers/{ID}/maintain"),
            json!({ "reason": "fan" }),
        ),
        (vec!["server", "ready", ID], format!("POST /admin/v1/servers/{ID}/ready"), json!({})),
        (
            vec!["server", "wipe", ID, "--policy", "full"],
            format!("POST /admin/v1/servers/{ID}/wipe"),
            json!({ "policy": "full" }),
        ),
        (vec!["server", "offboard", ID], format!("POST /admin/v1/servers/{ID}/offboard"), json!({})),
        (
            vec!["server", "offboard", ID, "--confirm-off"],
            format!("POST /admin/v1/servers/{ID}/offboard"),
            json!({ "confirm_off": true }),
        ),
        (vec!["instance", "retry", ID], format!("POST /admin/v1/instances/{ID}/retry"), json!({})),
        (vec!["instance", "cancel", ID], format!("POST /admin/v1/instances/{ID}/cancel"), json!({})),
        (vec!["server", "cancel", ID], format!("POST /admin/v1/servers/{ID}/cancel"), json!({})),
        (vec!["server", "retire", ID], format!("DELETE /admin/v1/servers/{ID}"), Value::Null),
        (
            vec!["server", "retire", ID, "--accept-unwiped"],
            format!("DELETE /admin/v1/servers/{ID}?accept_unwiped=true"),
            Value::Null,
        ),
        (
            vec!["server", "off", ID],
            "PUT /v1/lab/physicalservers/power-state".to_owned(),
            json!({ "action": "power off", "server_id_set": [ID] }),
        ),
        (
            vec!["instance", "reboot", ID],
            "PUT /v1/lab/physicalservers/power-state".to_owned(),
            json!({ "action": "rebooting", "server_id_set": [ID] }),
        ),
        (
            vec!["instance", "reinstall", ID, "--image", VPC, "--password-file", secret],
            "PUT /v1/lab/instances/reinstall".to_owned(),
            json!({ "image_id": VPC, "password": "Aa1-Bb2-Cc3", "instance_id_set": [ID] }),
        ),
        (
            vec!["instance", "password", ID, VPC, "--password-file", secret],
            "PUT /v1/lab/instances/password".to_owned(),
            json!({ "new_password": "Aa1-Bb2-Cc3", "instance_id_set": [ID, VPC] }),
        ),
        (
            vec!["instance", "ip", ID, "--nic", VPC],
            format!("PUT /v1/lab/instances/{ID}/ip"),
            json!({ "vpc_id": null, "nics": [{ "subnet_id": VPC, "ip_address": null }] }),
        ),
        (
            vec!["instance", "tag", ID, "a=b=c"],
            format!("POST /v1/lab/instances/{ID}/tags/create"),
            json!({ "tags": [{ "key": "a", "value": "b=c" }] }),
        ),
        (
            vec!["instance", "untag", ID, "a"],
            format!("POST /v1/lab/instances/{ID}/tags/delete"),
            json!({ "tags": [{ "key": "a" }] }),
        ),
        (
            vec!["instance", "delete", ID, VPC],
            "POST /v1/lab/instances/batch-delete".to_owned(),
            json!({ "instance_id_set": [ID, VPC] }),
        ),
        (
            vec!["instance", "list", "--state", "stopped"],
            "GET /v1/lab/instances?instance_state=stopped&limit=1000".to_owned(),
            Value::Null,
        ),
        (vec!["vpc", "show", VPC], format!("GET /v1/lab/vpcs/{VPC}"), Value::Null),
        (vec!["vpc", "delete", VPC], format!("DELETE /v1/lab/vpcs/{VPC}"), Value::Null),
        (
            vec!["vpc", "update", VPC, "--name", "b"],
            format!("PUT /v1/lab/vpcs/{VPC}"),
            json!({ "vpc": { "name": "b", "cidr": null } }),
        ),
        (
            vec!["subnet", "update", VPC, "--dns", "9.9.9.9"],
            format!("PUT /v1/lab/subnets/{VPC}"),
            json!({ "subnet": { "name": null, "dns_nameservers": ["9.9.9.9"] } }),
        ),
        (
            vec!["address", "reserve", &format!("{VPC}=10.0.0.9")],
            "POST /v1/lab/privateips".to_owned(),
            json!({ "privateips": [{ "subnet_id": VPC, "ip_address": "10.0.0.9" }] }),
        ),
        (vec!["address", "list"], "GET /v1/lab/privateips".to_owned(), Value::Null),
        (vec!["address", "release", ID], format!("DELETE /v1/lab/privateips/{ID}"), Value::Null),
        (
            vec!["plane", "create", "--rail", "3", "--cidr", "10.9.0.0/24", "--mtu", "4200"],
            "POST /admin/v1/parameter-plane/subnets".to_owned(),
            json!({ "rail": 3, "cidr": "10.9.0.0/24", "gateway": null, "mtu": 4200, "reserved": [] }),
        ),
        (vec!["plane", "delete", VPC], format!("DELETE /admin/v1/parameter-plane/subnets/{VPC}"), Value::Null),
        (vec!["image", "delete", ID], format!("DELETE /v1/lab/images/{ID}"), Value::Null),
        (vec!["audit", "list", "--object", ID], format!("GET /admin/v1/audit?object={ID}&limit=100"), Value::Null),
        (vec!["quota", "show"], "GET /v1/lab/limits".to_owned(), Value::Null),
        (
            vec!["quota", "set", "lab", "--instances", "9"],
            "PUT /admin/v1/projects/lab/quota".to_owned(),
            json!({ "instances": 9, "addresses": null, "images": null, "vpcs": null, "subnets": null }),
        ),
    ] {
        let ended = billet(&fake.endpoint(), &words).await;
        assert_eq!(ended.exit, Exit::Done, "{words:?}: {ended:?}");
        let asked = fake.asked().pop().unwrap();
        assert_eq!(asked.line, line, "{words:?}");
        let sent = serde_json::from_slice(&asked.body).unwrap_or(Value::Null);
        assert_eq!(sent, body, "{words:?}");
    }
}
