//! Power: asked first, read back, and only in the right machine.

use super::rack::{End, Rack};
use crate::bmc::ResetType::{ForceOff, GracefulShutdown, On};
use billet_proto::link::{Inspect, Install, NicConfig, Power, PowerAction, PowerOff, Reconfigure, Step, order::Work};
use std::time::Duration;

fn power(action: PowerAction) -> Work {
    Work::Power(Power { action: action.into(), instance_id: "0198170e-4ca7-7000-8000-0000000000cc".into() })
}

#[tokio::test(start_paused = true)]
async fn a_system_that_shuts_down_when_asked_is_never_cut_off() {
    let mut rack = Rack::new(true);
    rack.order(1, power(PowerAction::Off)).await;
    assert!(matches!(rack.end(1).await, End::Done(_)));
    assert_eq!(rack.machine().actions, [GracefulShutdown]);
}

#[tokio::test(start_paused = true)]
async fn a_system_that_does_not_hear_is_cut_off_after_its_patience() {
    let mut rack = Rack::new(true);
    rack.machine().obeys = false;
    let began = tokio::time::Instant::now();
    rack.order(1, power(PowerAction::Reboot)).await;
    assert!(matches!(rack.end(1).await, End::Done(_)));
    assert_eq!(rack.machine().actions, [GracefulShutdown, ForceOff, On]);
    // Half of the step's 60 s is less than the configured 45 s.
    assert!(began.elapsed().as_secs() >= 30, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_bmc_that_says_yes_and_does_nothing_is_not_believed() {
    for (on, work) in [
        (true, power(PowerAction::Off)),
        (true, Work::PowerOff(PowerOff::default())),
        (false, power(PowerAction::On)),
        (true, power(PowerAction::Reboot)),
    ] {
        let mut rack = Rack::new(on);
        rack.machine().is_deaf = true;
        rack.order(1, work).await;
        let End::Failed(_, failed) = rack.end(1).await else { panic!("nothing was done") };
        assert_eq!(failed.cause, "bmc_refused", "{failed:?}");
        assert_eq!(rack.machine().on, on);
        assert_eq!(rack.moves(), [""; 0], "ports stay while the server may be on");
    }
}

#[tokio::test(start_paused = true)]
async fn a_bmc_whose_sessions_others_have_is_asked_again_and_the_order_is_done_once_there_is_one() {
    for (full_for, is_done) in [(3, true), (usize::MAX, false)] {
        let mut rack = Rack::new(false);
        rack.machine().full_for = full_for;
        let began = tokio::time::Instant::now();
        rack.order(1, power(PowerAction::On)).await;
        let end = rack.end(1).await;
        assert!(began.elapsed().as_secs() >= 10, "with pauses: {:?}", began.elapsed());
        assert!(rack.machine().calls < 40, "it is not besieged: {}", rack.machine().calls);
        if is_done {
            assert!(matches!(end, End::Done(_)));
            assert_eq!(rack.machine().actions, [On]);
        } else {
            let End::Failed(_, failed) = end else { panic!("it never had one") };
            assert_eq!(failed.cause, "bmc_refused");
            assert!(failed.message.contains("open a session"), "{}", failed.message);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn another_machines_bmc_is_given_no_action() {
    for work in [
        power(PowerAction::Off),
        power(PowerAction::On),
        power(PowerAction::Reboot),
        Work::PowerOff(PowerOff::default()),
        Work::Inspect(Inspect { allow_reset: true, baseline: None }),
        Work::Wipe(billet_proto::link::Wipe::default()),
    ] {
        let mut rack = Rack::new(true);
        rack.machine().uuid = uuid::Uuid::from_u128(7);
        rack.order(1, work).await;
        let End::Failed(_, failed) = rack.end(1).await else { panic!("it is another machine") };
        assert_eq!(failed.cause, "bmc_wrong_machine");
        assert_eq!(rack.machine().actions, []);
        assert_eq!(rack.moves(), [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_bmc_that_refuses_the_login_is_asked_once_whatever_the_order_is_and_however_often_it_is_told() {
    for work in [
        power(PowerAction::Off),
        power(PowerAction::Reboot),
        Work::PowerOff(PowerOff::default()),
        Work::Inspect(Inspect { allow_reset: true, baseline: None }),
        Work::Wipe(billet_proto::link::Wipe::default()),
    ] {
        let mut rack = Rack::new(true);
        rack.machine().refuses_login = true;
        for _told_again in 0..2 {
            rack.order(1, work.clone()).await;
            let End::Failed(_, failed) = rack.end(1).await else { panic!("nothing can be done: {work:?}") };
            assert_eq!(failed.cause, "bmc_auth_failed");
        }
        assert_eq!(rack.machine().calls, 1, "a second wrong password may lock the account: {work:?}");
        assert_eq!(rack.moves(), [""; 0]);
    }
}

#[tokio::test]
async fn a_server_that_may_have_taken_the_order_to_power_on_is_off_and_off_the_provisioning_network_after_the_failure()
{
    let mut rack = Rack::new(false);
    rack.machine().is_deaf = true;
    rack.order(1, Work::Inspect(Inspect { allow_reset: true, baseline: None })).await;
    rack.until(|machine| !machine.actions.is_empty()).await;
    // Most of the step's 60 s; the hook that moves ports lives in the real ones.
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(58)).await;
    tokio::time::resume();
    let End::Failed(step, failed) = rack.end(1).await else { panic!("it never came on") };
    assert_eq!((step, failed.cause.as_str()), (Step::Power, "bmc_refused"));
    assert!(failed.message.ends_with("the server was powered off"), "{}", failed.message);
    assert!(rack.moves().last().unwrap().starts_with("detach"), "{:?}", rack.moves());
}

#[tokio::test]
async fn a_bmc_that_lets_nobody_in_after_it_was_told_to_power_on_is_not_asked_again_and_the_server_may_be_on() {
    let mut rack = Rack::new(false);
    rack.machine().is_deaf = true;
    rack.order(1, Work::Inspect(Inspect { allow_reset: true, baseline: None })).await;
    rack.until(|machine| !machine.actions.is_empty()).await;
    rack.machine().refuses_login = true;
    let End::Failed(step, failed) = rack.end(1).await else { panic!("nobody is let in") };
    assert_eq!((step, failed.cause.as_str()), (Step::Power, "bmc_auth_failed"));
    assert!(failed.message.contains("the server may be on still"), "{}", failed.message);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_on_is_not_inspected_unless_that_is_allowed() {
    let mut rack = Rack::new(true);
    rack.order(1, Work::Inspect(Inspect { allow_reset: false, baseline: None })).await;
    let End::Failed(_, failed) = rack.end(1).await else { panic!("it is on") };
    assert_eq!(failed.cause, "server_is_on");
    assert_eq!(rack.machine().actions, []);
    assert!(rack.machine().on);
}

#[tokio::test]
async fn a_system_that_is_to_be_changed_is_asked_to_shut_down_first() {
    let mut rack = Rack::new(true);
    let nics = vec![rack.nic()];
    let change = Reconfigure { hostname: "web-1".into(), old_nics: nics.clone(), nics, ..Reconfigure::default() };
    rack.order(1, Work::Reconfigure(change)).await;
    rack.enlist().await;
    assert_eq!(rack.machine().actions, [GracefulShutdown, On], "its power is not cut under its files");
}

#[tokio::test]
async fn an_installation_first_takes_each_port_once_off_the_networks_that_it_may_have_been_on() {
    let mut rack = Rack::new(false);
    let nics = vec![rack.nic()];
    let mac = rack.tools.server.nics[1].mac.to_string();
    let second = NicConfig { mac, vpc_id: "0198170e-4ca7-7000-8000-0000000000ff".into(), ..rack.nic() };
    let old_nics = vec![rack.nic(), second.clone(), second];
    rack.order(1, Work::Install(Install { hostname: "web-1".into(), nics, old_nics, ..Install::default() })).await;
    rack.enlist().await;
    let detached =
        ["detach 52:54:00:00:00:01 vpc", "detach 52:54:00:00:00:02 vpc", "attach 52:54:00:00:00:01 provisioning"];
    assert_eq!(rack.moves(), detached);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_could_not_be_proven_leaves_the_system_running() {
    let mut rack = Rack::new(true);
    let vpc_id = "0198170e-4ca7-7000-8000-0000000000ff".into();
    let nics = vec![NicConfig { vpc_id, ..rack.nic() }];
    let change = Reconfigure { hostname: "web-1".into(), nics, ..Reconfigure::default() };
    rack.order(1, Work::Reconfigure(change)).await;
    let End::Failed(step, failed) = rack.end(1).await else { panic!("no interface is in that VPC") };
    assert_eq!((step, failed.cause.as_str()), (Step::PowerOff, "no_probe_interface"), "it is not told to be off");
    assert_eq!(rack.machine().actions, []);
}

#[tokio::test(start_paused = true)]
async fn a_system_that_could_not_be_asked_to_shut_down_is_told_to_be_on() {
    let mut rack = Rack::new(true);
    rack.machine().refuses_login = true;
    let change = Reconfigure { hostname: "web-1".into(), nics: vec![rack.nic()], ..Reconfigure::default() };
    rack.order(1, Work::Reconfigure(change)).await;
    let End::Failed(step, failed) = rack.end(1).await else { panic!("nobody is let in") };
    assert_eq!((step, failed.cause.as_str()), (Step::PowerOff, "bmc_auth_failed"));
    assert!(rack.machine().on);
}
