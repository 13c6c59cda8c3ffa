//! Onboarding a server, and what happened to servers.

use super::{
    Ended, ID, billet,
    fake::{Answer, Asked, Fake},
};
use crate::cli::Exit;
use serde_json::{Value, json};

fn inspecting(step: &str) -> Value {
    json!({ "id": ID, "manage_state": "onboard", "agent": "rack1", "waiting_for": "the ramdisk",
        "task": { "kind": "inspect", "step": step } })
}

/// A server that is claimed, inspected, and then as `last` says.
fn stages(last: Value) -> impl Fn(&Asked, usize) -> Answer + Send + Sync {
    move |_, before| {
        let server = match before {
            0 => {
                json!({ "id": ID, "manage_state": "onboard", "agent": "rack1", "waiting_for": "agent rack1 to claim it" })
            }
            1 => inspecting("boot"),
            // A controller that restarts.
            2 => return Some((503, String::new())),
            3 => inspecting("boot"),
            _ => last.clone(),
        };
        Some((200, server.to_string()))
    }
}

async fn onboard(fake: &Fake, more: &[&str]) -> Ended {
    billet(&fake.endpoint(), &[&["server", "onboard", ID, "--agent", "rack1"], more].concat()).await
}

#[tokio::test]
async fn an_inspection_is_followed_until_the_server_is_ready() {
    let fake = Fake::plain(stages(json!({ "id": ID, "manage_state": "ready", "agent": "rack1" })));
    let ended = onboard(&fake, &["--wait", "--allow-reset"]).await;
    assert_eq!(ended.exit, Exit::Done, "{ended:?}");
    let seen: Vec<&str> = ended.err.lines().filter(|line| !line.contains("does not answer")).collect();
    assert_eq!(seen, ["onboard  agent rack1 to claim it", "onboard  boot: the ramdisk", "ready"]);
    assert!(ended.out.contains("ready") && ended.out.contains("rack1"), "{}", ended.out);
    let asked = fake.asked();
    assert_eq!(asked[0].line, format!("PUT /admin/v1/servers/{ID}"));
    let word: Value = serde_json::from_slice(&asked[0].body).unwrap();
    assert_eq!(word, json!({ "agent_name": "rack1", "allow_reset": true }));
    assert_eq!(asked[1].line, format!("GET /v1/lab/physicalservers/{ID}"));
}

#[tokio::test]
async fn a_server_that_is_on_ends_the_wait_with_what_to_do() {
    let error = json!({ "error_code": "server_is_on", "error_msg": "it is on", "error_type": "onboard" });
    let fake = Fake::plain(stages(json!({ "id": ID, "manage_state": "onboard", "agent": "rack1", "error": error })));
    let ended = onboard(&fake, &["--wait"]).await;
    assert_eq!(ended.exit, Exit::Failed, "{ended:?}");
    let last = ended.err.lines().last().unwrap();
    let expected = format!(
        "error: failed to make server {ID} ready: server_is_on: it is on (--allow-reset lets it be powered off)"
    );
    assert_eq!(last, expected);
}

#[tokio::test]
async fn onboarding_ends_in_time_and_without_wait_at_once() {
    let fake = Fake::plain(|_, _| Some((200, inspecting("power").to_string())));
    let ended = onboard(&fake, &["--wait", "--timeout", "1"]).await;
    assert_eq!(ended.exit, Exit::Timeout, "{ended:?}");
    assert!(ended.err.trim_end().ends_with("last seen: onboard  power: the ramdisk"), "{}", ended.err);

    let fake = Fake::plain(|_, _| Some((200, inspecting("power").to_string())));
    assert_eq!((onboard(&fake, &[]).await.exit, fake.asked().len()), (Exit::Done, 1));
}

#[tokio::test]
async fn what_happened_to_servers_is_a_table_of_the_last_days() {
    let fake = Fake::plain(|_, _| {
        let event = json!({ "event_id": "wiped", "event_level": "info", "event_message": "2 disks", "resource_id": ID,
            "time": 1_767_323_045_000_u64 });
        Some((200, json!({ "events": [event], "count": 1 }).to_string()))
    });
    let ended = billet(&fake.endpoint(), &["server", "events", ID, "--days", "2", "--level", "info"]).await;
    assert_eq!(ended.exit, Exit::Done, "{ended:?}");
    assert!(ended.out.contains("wiped") && ended.out.contains("2026-01-02T03:04:05"), "{}", ended.out);
    let line = fake.asked()[0].line.clone();
    assert!(line.starts_with("GET /v1/lab/physicalservers/events?from="), "{line}");
    assert!(line.ends_with(&format!("&limit=100&resource_id={ID}&event_level=info")), "{line}");
    let number = |name: &str| -> u64 {
        let rest = line.split_once(&format!("{name}=")).unwrap().1;
        rest.split('&').next().unwrap().parse().unwrap()
    };
    assert_eq!(number("to") - number("from"), 2 * 86_400_000);
}
