//! Against a small peer.

use super::{peer::peer, *};
use crate::{auth::Role, config::BaseUrl};
use std::sync::atomic::Ordering;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// As the guard does it.
async fn check(keystone: &Keystone, token: &str, now: Timestamp) -> Result<Caller, Denied> {
    match keystone.known(token, now) {
        Some(known) => known,
        None => keystone.ask(token, now).await,
    }
}

#[tokio::test]
async fn a_good_token_is_asked_about_once_and_then_remembered_until_it_expires() {
    let (peer, keystone, _dir) = peer().await;
    let caller = check(&keystone, "alice", NOW).await.unwrap();
    assert_eq!(
        (&*caller.name, caller.role, caller.project),
        ("keystone/u1", Role::Tenant, Some("lab".parse().unwrap()))
    );
    check(&keystone, "alice", NOW.after(Duration::from_secs(299))).await.unwrap();
    assert_eq!(peer.asked(), (1, 1));
    check(&keystone, "alice", NOW.after(Duration::from_secs(300))).await.unwrap();
    assert_eq!(peer.asked(), (1, 2));
    check(&keystone, "short", NOW).await.unwrap();
    let late = check(&keystone, "short", NOW.after(Duration::from_secs(10))).await;
    assert!(matches!(late, Err(Denied::Unknown(_))), "the memory ends with the token: {late:?}");
}

#[tokio::test]
async fn nobodys_token_is_unknown_and_not_asked_about_at_once_again() {
    let (peer, keystone, _dir) = peer().await;
    for _ in 0..3 {
        assert!(matches!(check(&keystone, "mallory", NOW).await, Err(Denied::Unknown(_))));
    }
    assert_eq!(peer.asked(), (1, 1));
    for never_asked in ["", "a b", "ü", &"a".repeat(MAX_TOKEN_BYTES + 1)] {
        assert!(matches!(check(&keystone, never_asked, NOW).await, Err(Denied::Unknown(_))));
    }
    assert_eq!(peer.asked(), (1, 1));
}

#[tokio::test]
async fn our_own_token_is_renewed_once_when_it_is_refused() {
    let (peer, keystone, _dir) = peer().await;
    check(&keystone, "alice", NOW).await.unwrap();
    peer.0.own.lock().unwrap().push_str("-revoked");
    check(&keystone, "short", NOW).await.unwrap();
    assert_eq!(peer.asked(), (2, 3));
    peer.0.status.store(401, Ordering::SeqCst);
    assert_eq!(check(&keystone, "another", NOW).await, Err(Denied::Unavailable));
    assert_eq!(peer.asked(), (3, 5), "once, and no more");
}

#[tokio::test]
async fn an_outage_is_never_a_wrong_token_and_is_not_remembered() {
    let (peer, keystone, dir) = peer().await;
    for status in [500, 503, 403, 429, 302] {
        peer.0.status.store(status, Ordering::SeqCst);
        assert_eq!(check(&keystone, "alice", NOW).await, Err(Denied::Unavailable), "{status}");
    }
    peer.0.status.store(0, Ordering::SeqCst);
    check(&keystone, "alice", NOW).await.unwrap();
    // Nothing listens on port 1.
    let nowhere = Config {
        url: BaseUrl("http://127.0.0.1:1".parse().unwrap()),
        password_file: dir.path().join("password"),
        ..Config::default()
    };
    let nowhere = Keystone::new(&nowhere).unwrap();
    assert_eq!(check(&nowhere, "alice", NOW).await, Err(Denied::Unavailable));
}

#[tokio::test]
async fn a_wrong_password_of_ours_is_an_outage_until_it_is_put_right() {
    let (_peer, keystone, dir) = peer().await;
    let path = dir.path().join("password");
    std::fs::write(&path, "wrong").unwrap();
    assert_eq!(check(&keystone, "alice", NOW).await, Err(Denied::Unavailable));
    std::fs::write(&path, "hunter2").unwrap();
    check(&keystone, "alice", NOW).await.unwrap();
}

#[tokio::test]
async fn a_token_without_a_role_of_ours_is_known_and_allows_nothing() {
    let (peer, keystone, _dir) = peer().await;
    *peer.0.role.lock().unwrap() = "admin".into();
    assert!(
        matches!(check(&keystone, "alice", NOW).await, Err(Denied::NoRole(_))),
        "admin of a project is no operator"
    );
}
