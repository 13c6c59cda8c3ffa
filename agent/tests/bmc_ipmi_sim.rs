//! The IPMI client against OpenIPMI's `ipmi_sim` (Debian package `openipmi`), on loopback.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "bmc_ipmi_sim/relay.rs"]
mod relay;
#[path = "bmc_ipmi_sim/simulator.rs"]
mod simulator;

use billet_agent::{
    bmc::{
        Bmc, BmcError, BootEnabled, BootMode, BootOverride, BootTarget, IdentityProof, IpmiBmc, IpmiOptions,
        OverrideProof, PowerState, Quirk, ResetType, Retry, check_identity, ensure_off, ensure_on,
        set_and_verify_override,
    },
    config::Privilege,
};
use relay::Relay;
use simulator::{ADMIN, GUID, OPERATOR, Simulator};
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

const DEADLINE: Duration = Duration::from_secs(30);

fn bmc(address: SocketAddr, (user, password): (&str, &str), privilege: Privilege) -> IpmiBmc {
    IpmiBmc::new(address, user.into(), password.into(), IpmiOptions { privilege, ..IpmiOptions::default() })
}

fn operator(address: SocketAddr) -> IpmiBmc {
    bmc(address, OPERATOR, Privilege::Operator)
}

#[tokio::test]
async fn an_operator_switches_a_machine_on_and_off() {
    let simulator = Simulator::start().await;
    let bmc = operator(simulator.address);
    assert_eq!(bmc.power_state().await.unwrap(), PowerState::Off);
    ensure_on(&bmc, DEADLINE).await.unwrap();
    assert_eq!(bmc.power_state().await.unwrap(), PowerState::On);
    assert_eq!(simulator.chassis("power"), "1");
    ensure_on(&bmc, DEADLINE).await.unwrap();
    bmc.reset(ResetType::ForceRestart).await.unwrap();
    ensure_off(&bmc, DEADLINE).await.unwrap();
    assert_eq!(simulator.chassis("power"), "0");
    assert_eq!(
        simulator.actions(),
        ["power 1", "reset 1", "power 0"],
        "each action once, none when it is there already"
    );
    let error = bmc.reset(ResetType::PowerCycle).await.unwrap_err();
    assert!(matches!(error, BmcError::MachineOff { .. }), "{error}");
    bmc.close().await;
}

// That too high a privilege is refused cannot be tried here: ipmi_sim 2.0.33 grants any to accounts that are looked up
// by name alone, beyond their own and its LAN's limit. The answer that it gives otherwise (81h) is tried in the driver.
#[tokio::test]
async fn an_administrator_can_be_used_as_one() {
    let simulator = Simulator::start().await;
    let bmc = bmc(simulator.address, ADMIN, Privilege::Administrator);
    ensure_on(&bmc, DEADLINE).await.unwrap();
    assert_eq!(simulator.actions(), ["power 1"]);
}

#[tokio::test]
async fn a_boot_override_reads_back_as_far_as_the_bmc_keeps_it() {
    let simulator = Simulator::start().await;
    let bmc = operator(simulator.address);
    for (target, told) in [(BootTarget::Pxe, "pxe"), (BootTarget::Hdd, "default")] {
        let wanted = BootOverride::once(target, Some(BootMode::Uefi));
        let proof = set_and_verify_override(&bmc, &wanted, &[Quirk::KeepsOnlyTheBootDevice]).await.unwrap();
        assert_eq!(proof, OverrideProof::DeviceOnly, "ipmi_sim clears the flags");
        let unknown = set_and_verify_override(&bmc, &wanted, &[]).await.unwrap_err();
        assert!(unknown.to_string().contains("keeps-only-the-boot-device"), "{unknown}");
        assert_eq!(simulator.chassis("boot"), told);
    }
    assert_eq!(set_and_verify_override(&bmc, &BootOverride::disabled(), &[]).await.unwrap(), OverrideProof::Whole);
    let other = BootOverride { target: BootTarget::Other, enabled: BootEnabled::Once, mode: None };
    let error = bmc.set_boot_override(&other).await.unwrap_err();
    assert_eq!(error.cause(), "bmc_refused", "{error}");
}

#[tokio::test]
async fn a_wrong_account_is_told_without_its_password() {
    let simulator = Simulator::start().await;
    let long = "twenty-one-characters";
    for account in [("oper", "wrong-password"), ("nobody", "wrong-password"), ("oper", long)] {
        let start = Instant::now();
        let bmc = bmc(simulator.address, account, Privilege::Operator);
        let error = ensure_on(&bmc, DEADLINE).await.unwrap_err();
        assert_eq!((error.cause(), error.retry()), ("bmc_auth_failed", Retry::NeedsOperator), "{account:?}: {error}");
        assert!(start.elapsed() < Duration::from_secs(5), "it is told at once");
        let shown = format!("{error} {error:?} {bmc:?}");
        assert!(shown.contains(account.0) && !shown.contains(account.1), "{shown}");
    }
    assert!(simulator.actions().is_empty());
}

#[tokio::test]
async fn the_bmc_of_another_machine_is_told_with_both_values() {
    let simulator = Simulator::start().await;
    let bmc = operator(simulator.address);
    let right = GUID.parse().unwrap();
    assert_eq!(check_identity(&bmc, Some(right), None).await.unwrap(), IdentityProof::Matches);
    let mut reversed: uuid::Bytes = *uuid::Uuid::as_bytes(&right);
    reversed.reverse();
    let reversed = uuid::Uuid::from_bytes(reversed);
    assert_eq!(check_identity(&bmc, Some(reversed), None).await.unwrap(), IdentityProof::Matches);
    assert_eq!(check_identity(&bmc, None, Some("SN0042")).await.unwrap(), IdentityProof::NotTold);
    let other = "00000000-0000-4000-8000-00000000000a";
    let error = check_identity(&bmc, Some(other.parse().unwrap()), None).await.unwrap_err();
    assert_eq!(error.cause(), "bmc_wrong_machine");
    let text = error.to_string();
    assert!(text.contains(other) && text.contains(&right.to_string()), "{text}");
}

#[tokio::test]
async fn a_session_that_the_bmc_dropped_is_opened_again() {
    let mut simulator = Simulator::start().await;
    let bmc = operator(simulator.address);
    ensure_on(&bmc, DEADLINE).await.unwrap();
    simulator.restart().await;
    assert_eq!(bmc.power_state().await.unwrap(), PowerState::On);
    simulator.restart().await;
    bmc.reset(ResetType::ForceOff).await.unwrap();
    assert_eq!(simulator.actions(), ["power 1", "power 0"]);
}

#[tokio::test]
async fn sessions_are_given_back() {
    let simulator = Simulator::start().await;
    let bmc = operator(simulator.address);
    // More than ipmi_sim has room for.
    for count in 0..100 {
        if let Err(error) = bmc.power_state().await {
            panic!("session {count}: {error}");
        }
        bmc.close().await;
    }
}

#[tokio::test]
async fn a_bmc_that_is_gone_is_unreachable_within_the_deadline() {
    let mut simulator = Simulator::start().await;
    let bmc = operator(simulator.address);
    ensure_on(&bmc, DEADLINE).await.unwrap();
    simulator.kill().await;
    let start = Instant::now();
    let error = bmc.power_state().await.unwrap_err();
    assert_eq!(error.cause(), "bmc_unreachable", "{error}");
    assert!(matches!(error.retry(), Retry::After(_)));
    let error = ensure_off(&bmc, Duration::from_secs(3)).await.unwrap_err();
    assert_eq!(error.cause(), "bmc_unreachable", "{error}");
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

#[tokio::test]
async fn one_packet_in_four_may_be_lost() {
    let simulator = Simulator::start().await;
    let relay = Relay::start(simulator.address).await;
    relay.lose_one_in_four(7);
    let bmc = operator(relay.address);
    for _ in 0..2 {
        ensure_on(&bmc, Duration::from_secs(120)).await.unwrap();
        let wanted = BootOverride::once(BootTarget::Pxe, None);
        assert_eq!(
            set_and_verify_override(&bmc, &wanted, &[Quirk::KeepsOnlyTheBootDevice]).await.unwrap(),
            OverrideProof::DeviceOnly
        );
        ensure_off(&bmc, Duration::from_secs(120)).await.unwrap();
        bmc.close().await;
    }
    let actions = simulator.actions();
    let power: Vec<&str> = actions.iter().map(String::as_str).filter(|action| action.starts_with("power")).collect();
    assert_eq!(power, ["power 1", "power 0"].repeat(2), "no power action is done twice");
    assert!(relay.lost() > 0, "the relay lost nothing");
}

#[tokio::test]
async fn a_lost_answer_to_a_power_action_never_repeats_it() {
    let simulator = Simulator::start().await;
    let relay = Relay::start(simulator.address).await;
    let bmc = operator(relay.address);
    ensure_on(&bmc, DEADLINE).await.unwrap();
    // The first answer is to the reading of the state, the second to the action.
    relay.lose_answer(2);
    let error = bmc.reset(ResetType::ForceRestart).await.unwrap_err();
    assert!(matches!(error, BmcError::Uncertain { action: ResetType::ForceRestart, .. }), "{error}");
    relay.lose_answer(2);
    // The session was given up after the loss: the next call opens another, so count from here.
    bmc.power_state().await.unwrap();
    relay.lose_answer(2);
    bmc.reset(ResetType::ForceOff).await.unwrap();
    assert_eq!(simulator.actions(), ["power 1", "reset 1", "power 0"]);
    assert_eq!(relay.lost(), 3);
}

#[tokio::test]
async fn a_question_that_a_bmc_is_known_to_meet_by_silence_is_not_told_and_one_that_is_gone_is_unreachable() {
    let mut simulator = Simulator::start().await;
    let relay = Relay::start(simulator.address).await;
    let (user, password) = OPERATOR;
    let quirks = vec![Quirk::SilentInsteadOfRefusing];
    let options = IpmiOptions { privilege: Privilege::Operator, quirks, ..IpmiOptions::default() };
    let bmc = IpmiBmc::new(relay.address, user.into(), password.into(), options);
    let whole = bmc.baseline().await.unwrap();
    // The fifth question is for the authentication types: three times, then what everybody knows, and once more.
    relay.lose_answers(&[5, 6, 7, 9, 10, 11]);
    let told = bmc.baseline().await.unwrap();
    assert_eq!(relay.lost(), 6);
    assert!(told.not_told.iter().any(|name| name == "authentication-types"), "{:?}", told.not_told);
    assert_eq!(told.lan.len() + 1, whole.lan.len(), "{:?}", told.lan);
    assert_eq!((told.lan.get("address"), told.users.len()), (whole.lan.get("address"), whole.users.len()));
    // One packet that is lost is no silence.
    relay.lose_answers(&[5]);
    assert_eq!(bmc.baseline().await.unwrap(), whole);
    simulator.kill().await;
    assert_eq!(bmc.baseline().await.unwrap_err().cause(), "bmc_unreachable");
}
