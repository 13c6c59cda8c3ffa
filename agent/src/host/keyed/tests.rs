//! A change of the password that ends anywhere, at a BMC that the test plays.

mod fake;

use super::*;
use fake::{Site, Stop, Ways};
use secrecy::ExposeSecret;
use std::{fs, path::Path, time::Duration};
use tokio::sync::Notify;

/// Nothing here takes longer, in the test's time.
const LONG: Duration = Duration::from_secs(60);

async fn lets_in(agent: &Keyed) -> bool {
    agent.power_state().await.is_ok()
}

/// Of every kind that has the password that it was told, or the one before.
fn every_kind() -> Vec<Ways> {
    let ways = Ways::default;
    let kinds = [
        ways(),
        Ways { loses_answer: true, ..ways() },
        Ways { does_then_refuses: true, ..ways() },
        Ways { is_deaf: true, ..ways() },
        Ways { refuses: true, ..ways() },
        Ways { unreachable: 1, ..ways() },
        Ways { does_then_refuses: true, unreachable: 1, ..ways() },
        Ways { has_no_session: 1, ..ways() },
        Ways { late_by: 2, ..ways() },
    ];
    kinds.into_iter().flat_map(|kind| [kind.clone(), Ways { sessions_outlive: true, ..kind }]).collect()
}

#[tokio::test]
async fn a_changed_password_is_the_one_and_nothing_is_left_of_the_change() {
    let site = Site::new();
    let agent = site.start();
    agent.change_password().await.unwrap();
    assert!(lets_in(&agent).await && lets_in(&site.start()).await);
    let now = site.device().password.clone();
    assert!(now != "first" && now == site.password().current().unwrap().expose_secret());
    assert_eq!((site.device().refused_logins, site.has_next()), (0, false));
}

#[tokio::test(start_paused = true)]
async fn wherever_the_agent_ends_while_the_password_is_changed_it_gets_in_at_its_next_start() {
    for ways in every_kind() {
        for at in 1.. {
            let site = Site::of(ways.clone());
            site.device().stop = Some((at, Stop::Killed));
            let agent = site.start();
            if tokio::time::timeout(LONG, agent.change_password()).await.is_ok() {
                assert!(at > 4, "{ways:?}: it ended before");
                break;
            }
            drop(agent);
            assert!(site.is_kept(), "{ways:?}, {at}");
            site.device().stop = None;
            site.device().ways = Ways { sessions_outlive: ways.sessions_outlive, ..Ways::default() };
            let agent = site.start();
            assert!(lets_in(&agent).await, "{ways:?}, {at}");
            assert!(site.device().refused_logins <= 2, "{ways:?}, {at}: more wrong passwords may lock the account");
            // It is not half-way for ever: the next change goes well, and so does the start after it.
            if ways.late_by > 0 {
                // What it was told before, it has in the middle of this.
                let _ = agent.change_password().await;
                assert!(site.is_kept(), "{ways:?}, {at}");
                tokio::time::advance(REFUSED_FOR).await;
                assert!(lets_in(&agent).await, "{ways:?}, {at}");
            }
            agent.change_password().await.unwrap();
            assert!(lets_in(&site.start()).await && !site.has_next(), "{ways:?}, {at}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_bmc_that_takes_its_time_has_the_new_password_by_the_end_of_the_change() {
    for (late_by, sessions_outlive) in (1..=5).flat_map(|late_by| [(late_by, false), (late_by, true)]) {
        let site = Site::of(Ways { late_by, sessions_outlive, ..Ways::default() });
        let agent = site.start();
        for _ in 0..3 {
            let before = site.device().password.clone();
            agent.change_password().await.unwrap();
            assert!(site.device().password != before && site.is_kept() && !site.has_next(), "{late_by}");
            assert!(lets_in(&agent).await && lets_in(&site.start()).await, "{late_by}");
        }
        let (_, most) = site.device().refused_in_a_row;
        assert!(most <= 2, "{late_by}: {most} wrong passwords in a row");
    }
}

#[tokio::test(start_paused = true)]
async fn a_password_that_a_bmc_has_after_the_change_gave_up_is_not_forgotten_before() {
    for sessions_outlive in [false, true] {
        // With the last login of the change.
        let site = Site::of(Ways { late_by: 6, sessions_outlive, ..Ways::default() });
        let agent = site.start();
        let began = Instant::now();
        assert_eq!(agent.change_password().await.unwrap_err().cause(), "bmc_auth_failed");
        assert!(began.elapsed() < Duration::from_secs(16) && site.is_kept() && site.has_next());
        assert_eq!(site.device().refused_in_a_row, (0, 1), "the one before lets us in between");
        assert_eq!(site.device().refused_logins, 3);
        let next = site.password().next().unwrap().unwrap();
        site.device().ways.late_by = 0;
        agent.change_password().await.unwrap();
        assert!(site.is_kept() && !site.has_next() && site.device().password != next.expose_secret());
        assert!(lets_in(&agent).await && lets_in(&site.start()).await);
    }
}

#[tokio::test]
async fn a_change_that_failed_is_made_again_with_the_same_password() {
    let site = Site::of(Ways { is_deaf: true, ..Ways::default() });
    let agent = site.start();
    agent.change_password().await.unwrap_err();
    let next = site.password().next().unwrap().unwrap();
    site.device().ways = Ways::default();
    agent.change_password().await.unwrap();
    assert_eq!((site.device().password.as_str(), site.has_next()), (next.expose_secret(), false));
}

#[tokio::test(start_paused = true)]
async fn wherever_the_caller_is_dropped_the_agent_goes_on_and_gets_in() {
    for ways in every_kind() {
        for at in 1.. {
            let site = Site::of(ways.clone());
            let gate = Arc::new(Notify::new());
            site.device().stop = Some((at, Stop::Held(gate.clone())));
            let agent = site.start();
            if tokio::time::timeout(LONG, agent.change_password()).await.is_ok() {
                break;
            }
            site.device().stop = None;
            gate.notify_one();
            // What was under way ends by itself, whether or not somebody calls.
            tokio::time::sleep(LONG).await;
            assert!(site.is_kept(), "{ways:?}, {at}");
            for _ in 0..2 {
                let _ = lets_in(&agent).await;
            }
            assert!(lets_in(&agent).await, "{ways:?}, {at}");
            // Whatever comes of them, changes lose nothing.
            for _ in 0..3 {
                let _ = agent.change_password().await;
                assert!(site.is_kept(), "{ways:?}, {at}");
            }
            assert!(lets_in(&site.start()).await, "{ways:?}, {at}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_while_the_next_password_is_tried_does_not_use_it_up() {
    // The agent ended when the BMC had the next one.
    let site = Site::new();
    site.device().stop = Some((4, Stop::Killed));
    let _ = tokio::time::timeout(LONG, site.start().change_password()).await;
    assert!(site.has_next() && site.device().password != "first");
    for at in [3, 4] {
        let agent = site.start();
        let gate = Arc::new(Notify::new());
        site.device().points = 0;
        site.device().stop = Some((at, Stop::Held(gate.clone())));
        tokio::time::timeout(LONG, agent.power_state()).await.unwrap_err();
        gate.notify_one();
        assert!(lets_in(&agent).await, "{at}");
        assert!(!site.has_next(), "{at}");
        // Once more from there.
        let kept = site.password();
        kept.propose(&"another".into()).unwrap();
        site.device().password = "another".into();
        site.device().refused_logins = 0;
    }
}

#[tokio::test]
async fn a_file_that_was_half_written_is_not_looked_at() {
    let site = Site::new();
    site.password();
    let half = Path::new("bmc/0198170e-4ca7-7000-8000-000000000001.password.next.new");
    fs::write(site.dir.path().join(half), "ha").unwrap();
    let agent = site.start();
    assert!(lets_in(&agent).await);
    agent.change_password().await.unwrap();
    assert!(lets_in(&site.start()).await);
}

#[tokio::test]
async fn an_answer_that_was_lost_is_found_out_by_a_login() {
    let site = Site::of(Ways { loses_answer: true, ..Ways::default() });
    site.start().change_password().await.unwrap();
    assert!(lets_in(&site.start()).await);
    assert_ne!(site.device().password, "first");

    let site = Site::of(Ways { is_deaf: true, ..Ways::default() });
    let agent = site.start();
    agent.change_password().await.unwrap_err();
    assert!(lets_in(&agent).await && lets_in(&site.start()).await);
    assert_eq!((site.device().password.as_str(), site.has_next()), ("first", true));
}

#[tokio::test]
async fn a_change_that_was_done_and_then_refused_is_done() {
    let site = Site::of(Ways { does_then_refuses: true, ..Ways::default() });
    let agent = site.start();
    agent.change_password().await.unwrap();
    assert!(site.device().password != "first" && site.is_kept() && !site.has_next());
    assert!(lets_in(&agent).await && lets_in(&site.start()).await);
}

#[tokio::test]
async fn a_password_that_could_not_be_tried_is_not_overwritten_though_the_old_session_goes_on() {
    let site = Site::of(Ways { sessions_outlive: true, unreachable: 2, ..Ways::default() });
    let agent = site.start();
    assert_eq!(agent.change_password().await.unwrap_err().cause(), "bmc_unreachable");
    assert!(lets_in(&agent).await, "the session is older than the password");
    let next = site.password().next().unwrap().unwrap();
    assert_eq!(agent.change_password().await.unwrap_err().cause(), "bmc_unreachable");
    assert_eq!(site.password().next().unwrap().unwrap().expose_secret(), next.expose_secret());
    assert!(site.is_kept());
    agent.change_password().await.unwrap();
    assert!(site.is_kept() && !site.has_next() && lets_in(&site.start()).await);
}

#[tokio::test(start_paused = true)]
async fn a_bmc_that_says_yes_and_keeps_another_password_gets_the_one_before_again() {
    let site = Site::of(Ways { cuts: true, sessions_outlive: true, ..Ways::default() });
    let agent = site.start();
    let error = agent.change_password().await.unwrap_err();
    assert_eq!(error.cause(), "bmc_auth_failed");
    assert_eq!((site.device().password.as_str(), site.has_next()), ("first", true));
    assert_eq!(site.device().refused_in_a_row, (0, 3));
    assert!(lets_in(&agent).await && lets_in(&site.start()).await);
}

#[tokio::test]
async fn a_bmc_that_refuses_is_believed_when_the_one_before_lets_us_in() {
    let site = Site::of(Ways { refuses: true, ..Ways::default() });
    let agent = site.start();
    assert_eq!(agent.change_password().await.unwrap_err().cause(), "bmc_refused");
    assert_eq!((site.device().refused_logins, site.has_next()), (1, true));
    assert!(lets_in(&agent).await);
}

#[tokio::test(start_paused = true)]
async fn where_neither_lets_us_in_both_stay() {
    // It cuts the password, and the session ends with that: neither of ours is the one.
    let site = Site::of(Ways { cuts: true, ..Ways::default() });
    let agent = site.start();
    agent.change_password().await.unwrap_err();
    assert!(site.has_next());
    let next = site.password().next().unwrap().unwrap();
    agent.change_password().await.unwrap_err();
    assert_eq!(site.password().next().unwrap().unwrap().expose_secret(), next.expose_secret());
}

#[tokio::test]
async fn a_password_that_cannot_take_the_others_place_is_used_and_not_overwritten() {
    let site = Site::new();
    let agent = site.start();
    let taken = site.dir.path().join("bmc/0198170e-4ca7-7000-8000-000000000001.password");
    site.device().obstacle = Some(taken.clone());
    assert_eq!(agent.change_password().await.unwrap_err().cause(), "agent_state");
    for _ in 0..2 {
        assert!(lets_in(&agent).await && site.has_next());
        assert_eq!(agent.change_password().await.unwrap_err().cause(), "agent_state");
    }
    fs::remove_dir(taken).unwrap();
    assert!(site.is_kept() && lets_in(&site.start()).await && !site.has_next());
}

#[tokio::test(start_paused = true)]
async fn the_next_password_is_refused_once_and_not_tried_again_for_ten_minutes() {
    let site = Site::new();
    site.device().stop = Some((3, Stop::Killed));
    let _ = tokio::time::timeout(LONG, site.start().change_password()).await;
    // Somebody gave the account a third one.
    site.device().stop = None;
    site.device().password = "third".into();
    let agent = site.start();
    for refused in [2, 3, 4] {
        assert!(!lets_in(&agent).await);
        assert_eq!(site.device().refused_logins, refused);
    }
    // It may have been the BMC that let nobody in for a while: the password is still there.
    assert!(site.has_next());
    tokio::time::advance(REFUSED_FOR).await;
    for refused in [6, 7] {
        assert!(!lets_in(&agent).await);
        assert_eq!(site.device().refused_logins, refused);
    }
}

#[tokio::test(start_paused = true)]
async fn the_next_password_is_tried_until_the_bmc_says_something_to_it() {
    for ways in [Ways { unreachable: 3, ..Ways::default() }, Ways { has_no_session: 3, ..Ways::default() }] {
        let site = Site::new();
        // The BMC has it, and the agent ends.
        site.device().stop = Some((4, Stop::Killed));
        let _ = tokio::time::timeout(LONG, site.start().change_password()).await;
        site.device().stop = None;
        site.device().ways = ways.clone();
        let agent = site.start();
        for _ in 0..3 {
            let error = agent.power_state().await.unwrap_err();
            assert!(matches!(error.retry(), crate::bmc::Retry::After(_)), "{error}");
        }
        assert!(lets_in(&agent).await && !site.has_next(), "{ways:?}");
        assert_eq!(site.device().refused_logins, 1, "the one before is not tried again and again");
    }
}
