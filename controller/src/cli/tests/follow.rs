//! Waiting for an instance.

use super::{
    Ended, ID, VPC, billet,
    fake::{Answer, Asked, Fake, STREAM_START},
};
use crate::cli::Exit;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;

const PASSWORD: &str = "Corr3ct-horse";

fn event(seq: u64, kind: &str, step: &str) -> Value {
    json!({ "seq": seq, "at": format!("2026-01-02T03:04:{seq:02}.500Z"), "kind": kind, "step": step, "message": "" })
}

fn instance(state: &str) -> String {
    let mut instance = json!({
        "id": ID, "name": "web", "vpc_id": VPC, "state": state, "phase": state, "waiting_for": "the BMC's answer",
        "created_at": "2026-01-02T03:04:01Z", "host_key_fingerprint": "SHA256:abc",
        "network_interfaces": [{ "subnet_id": VPC, "ipv4_address": "10.0.0.5" }],
    });
    if state == "error" {
        instance["error"] = json!({ "error_code": "iMetal.0903", "error_msg": "no BMC", "error_type": "bmc" });
    }
    instance.to_string()
}

/// A timeline of four events, two in a page; the instance is in state `last` once all of them were told.
fn timeline(asked: &Asked, last: &str) -> Answer {
    let mut write = event(3, "progress", "write");
    (write["done_bytes"], write["total_bytes"]) = (json!(1 << 20), json!(4 << 20));
    let events = [event(1, "accepted", ""), event(2, "started", "power"), write, event(4, "running", "")];
    let path = asked.line.split('?').next().unwrap();
    match (path.starts_with("POST"), path.ends_with("/events")) {
        (true, _) => Some((202, json!({ "instance_id": ID }).to_string())),
        (_, true) => {
            let after = after(asked);
            let page: Vec<_> = events.iter().filter(|event| event["seq"].as_u64() > Some(after)).take(2).collect();
            Some((200, json!({ "events": page }).to_string()))
        }
        _ => Some((200, instance(last))),
    }
}

fn after(asked: &Asked) -> u64 {
    let query = asked.line.split_once("after=").unwrap().1;
    query.split('&').next().unwrap().parse().unwrap()
}

/// `pending` until the events up to 3 were told, then `last`.
fn staged(last: &'static str) -> impl Fn(&Asked, usize) -> Answer + Send + Sync {
    let told = std::sync::atomic::AtomicU64::new(0);
    move |asked, _| {
        use std::sync::atomic::Ordering::Relaxed;
        if asked.line.contains("/events?") {
            told.fetch_max(after(asked), Relaxed);
        }
        timeline(asked, if told.load(Relaxed) >= 2 { last } else { "pending" })
    }
}

async fn create(fake: &Fake, more: &[&str]) -> Ended {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{PASSWORD}\n")).unwrap();
    std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut words = vec!["instance", "create", "--name", "web", "--image", ID, "--vpc", VPC, "--nic", VPC];
    words.extend(["--password-file", file.path().to_str().unwrap()]);
    words.extend(more);
    let ended = billet(&fake.endpoint(), &words).await;
    assert!(!format!("{ended:?}").contains(PASSWORD), "the password was shown: {ended:?}");
    ended
}

#[tokio::test]
async fn without_wait_the_id_alone_is_printed() {
    let fake = Fake::plain(staged("running"));
    let metadata = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(metadata.path(), "a=b\n").unwrap();
    let ended = create(&fake, &["--metadata-file", metadata.path().to_str().unwrap(), "--server", ID]).await;
    assert_eq!((ended.exit, ended.out), (Exit::Done, format!("{ID}\n")));
    let body: Value = serde_json::from_slice(&fake.asked()[0].body).unwrap();
    let expected = json!({ "name": "web", "image_id": ID, "vpc_id": VPC, "network_interfaces": [{ "subnet_id": VPC }],
        "password": PASSWORD, "metadata": { "a": "b" }, "placement": { "server_id": ID } });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn waiting_shows_each_event_once_and_how_to_get_in() {
    let fake = Fake::plain(staged("running"));
    let ended = create(&fake, &["--wait"]).await;
    assert_eq!(ended.exit, Exit::Done, "{}", ended.err);
    let expected = format!(
        "instance {ID} is accepted
    0.0s  accepted   accepted
    1.0s  power      started
    2.0s  write      1.0 MiB of 4.0 MiB
    3.0s  running    running\n"
    );
    assert_eq!(ended.err, expected);
    let lines: Vec<&str> = ended.out.lines().collect();
    assert_eq!(lines[..2], ["name        web", &format!("id          {ID}")]);
    assert_eq!(lines[2..4], ["addresses   10.0.0.5", "host key    SHA256:abc"]);
    assert!(lines[4].starts_with("total time  "), "{lines:?}");
}

#[tokio::test]
async fn as_json_each_event_is_a_line_and_the_instance_the_last() {
    let fake = Fake::plain(staged("running"));
    let ended = create(&fake, &["--wait", "--json"]).await;
    let lines: Vec<Value> = ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().filter_map(|line| line["seq"].as_u64()).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!((lines.len(), lines[4]["state"].as_str()), (5, Some("running")));
}

#[tokio::test]
async fn an_instance_in_error_ends_the_wait_with_its_cause() {
    let fake = Fake::plain(staged("error"));
    let ended = create(&fake, &["--wait"]).await;
    assert_eq!(ended.exit, Exit::Failed);
    let last = ended.err.lines().last().unwrap();
    assert_eq!(last, format!("error: failed to bring instance {ID} to 'running': iMetal.0903: no BMC"));
    assert_eq!(ended.out, "");
}

#[tokio::test]
async fn a_controller_that_restarts_is_waited_out() {
    let inner = staged("running");
    let fake = Fake::plain(move |asked, before| match before {
        // The third call and the fourth meet a controller on its way down and up.
        2 | 3 => Some((503, String::new())),
        _ => inner(asked, before),
    });
    let ended = create(&fake, &["--wait"]).await;
    assert_eq!(ended.exit, Exit::Done, "{}", ended.err);
    assert_eq!(ended.err.matches("does not answer").count(), 2, "{}", ended.err);
    assert_eq!(ended.err.matches("started").count(), 1, "{}", ended.err);
}

#[tokio::test]
async fn out_of_time_tells_what_was_last_seen() {
    for (held, seen) in [(true, "state 'pending', the BMC's answer"), (false, "power: started")] {
        let fake = Fake::plain(move |asked, _| {
            let answer = timeline(asked, "pending");
            let silent = asked.line.contains("/events?") && (held || after(asked) >= 2);
            if silent { None } else { answer }
        });
        let ended = create(&fake, &["--wait", "--timeout", "1"]).await;
        assert_eq!(ended.exit, Exit::Timeout, "{}", ended.err);
        assert!(ended.err.trim_end().ends_with(&format!("within 1 s; last seen: {seen}")), "{}", ended.err);
    }
}

#[tokio::test]
async fn a_refusal_while_waiting_is_not_tried_again() {
    let fake = Fake::plain(|asked, before| match before {
        0 => timeline(asked, "pending"),
        _ => Some((403, r#"{"error_code":"iMetal.0004","error_msg":"Insufficient permissions"}"#.into())),
    });
    let ended = create(&fake, &["--wait"]).await;
    assert_eq!((ended.exit, fake.asked().len()), (Exit::Failed, 2), "{}", ended.err);
}

#[tokio::test]
async fn a_deletion_is_waited_for_and_shows_nothing_of_before() {
    let deleted = std::sync::atomic::AtomicBool::new(false);
    let fake = Fake::plain(move |asked, _| {
        use std::sync::atomic::Ordering::Relaxed;
        if asked.line.starts_with("DELETE") {
            deleted.store(true, Relaxed);
            return Some((204, String::new()));
        }
        if asked.line.contains("/events?") {
            let events = [event(1, "running", ""), event(2, "deleting", ""), event(3, "terminated", "")];
            let until = if deleted.load(Relaxed) { 3 } else { 1 };
            let new: Vec<_> = events
                .iter()
                .filter(|event| (after(asked) + 1..=until).contains(&event["seq"].as_u64().unwrap()))
                .collect();
            return Some((200, json!({ "events": new }).to_string()));
        }
        Some((404, r#"{"error_code":"iMetal.0200","error_msg":"instances not found"}"#.into()))
    });
    let ended = billet(&fake.endpoint(), &["instance", "delete", ID, "--wait"]).await;
    assert_eq!((ended.exit, ended.out), (Exit::Done, format!("instance {ID} is terminated\n")), "{}", ended.err);
    assert_eq!(ended.err, "    0.0s  deleting   deleting\n    1.0s  terminated terminated\n");
}

#[tokio::test]
async fn events_are_a_table_or_followed_until_nothing_is_in_progress() {
    let fake = Fake::plain(staged("running"));
    let ended = billet(&fake.endpoint(), &["instance", "events", ID]).await;
    assert_eq!(ended.out.lines().count(), 5, "{}", ended.out);
    assert!(ended.out.lines().next().unwrap().starts_with("SEQ  AT "), "{}", ended.out);

    let fake = Fake::plain(staged("running"));
    let ended = billet(&fake.endpoint(), &["instance", "events", ID, "--follow", "--after", "1"]).await;
    assert_eq!(ended.exit, Exit::Done, "{}", ended.err);
    let expected =
        "    0.0s  power      started\n    1.0s  write      1.0 MiB of 4.0 MiB\n    2.0s  running    running\n";
    assert_eq!(ended.out, expected);
}

#[tokio::test]
async fn a_stream_that_breaks_is_opened_again_after_its_last_event() {
    let told = std::sync::atomic::AtomicU64::new(0);
    let fake = Fake::plain(move |asked, _| {
        use std::sync::atomic::Ordering::Relaxed;
        let is_stream = asked.headers.get("accept").is_some_and(|accept| accept == "text/event-stream");
        if !is_stream {
            return timeline(asked, if told.load(Relaxed) >= 4 { "running" } else { "pending" });
        }
        // Two whole events, then half of one.
        let known = asked.headers.get("last-event-id").map_or(0, |id| id.to_str().unwrap().parse().unwrap());
        let kind = |seq| if seq == 4 { "running" } else { "started" };
        let written: String = (known + 1..=known + 2)
            .map(|seq| format!("id: {seq}\nevent: {0}\ndata: {1}\n\n", kind(seq), event(seq, kind(seq), "boot")))
            .collect();
        told.store(known + 2, Relaxed);
        Some((200, format!("{STREAM_START}{written}id: {}\ndata: {{", known + 3)))
    });
    let ended = billet(&fake.endpoint(), &["instance", "events", ID, "--follow", "--json"]).await;
    assert_eq!(ended.exit, Exit::Done, "{}", ended.err);
    let lines: Vec<Value> = ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().filter_map(|line| line["seq"].as_u64()).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let resumed: Vec<_> = fake.asked().iter().filter_map(|asked| asked.headers.get("last-event-id").cloned()).collect();
    assert_eq!(resumed, ["2"]);
}
