//! What a tenant's root did to the BMC is undone at release, while the server is off.

use super::rack::{End, Rack, failed, wiped};
use crate::{
    bmc::{Baseline, BootEnabled, BootMode, BootOverride, BootTarget, NO_ACCESS, User, UserName, UserState},
    host::{bmc_facts, tests::chassis::Fault},
};
use billet_proto::{
    link::{self, BmcFacts, BootVariables, Disk, Note, Step, Wipe, WipeMethod, order::Work, report::What},
    ramdisk::{PutBack, enlist_reply::Task, ramdisk_report::What as Said},
};
use std::time::Duration;

const PXE_FOR_GOOD: BootOverride =
    BootOverride { target: BootTarget::Pxe, enabled: BootEnabled::Continuous, mode: Some(BootMode::Uefi) };

/// A configuration whose BMC's password is changed at release.
const ROTATED: [(&str, &str); 2] = [
    ("rotate_password = \"never\"", "rotate_password = \"release\""),
    ("privilege = \"operator\"", "privilege = \"administrator\""),
];

fn user(slot: u8, name: &str, privilege: u8) -> User {
    User { slot, name: UserName::parse(name), privilege, ipmi_messaging: privilege != NO_ACCESS, ..User::default() }
}

/// As the BMC was when the server was enrolled. The agent's account is "oper".
fn enrolled() -> Baseline {
    let users = vec![user(1, "", NO_ACCESS), user(2, "oper", 4), user(3, "root", 3), user(4, "", NO_ACCESS)];
    Baseline { firmware_version: Some("2.17".into()), users, ..Baseline::default() }
}

fn wipe() -> Work {
    let disks = vec![Disk { serial: "A".into(), size_bytes: 512, direct: true, ..Disk::default() }];
    let was = link::Baseline { bmc: bmc_facts::to_protocol(enrolled()), ..link::Baseline::default() };
    Work::Wipe(Wipe { method: WipeMethod::Full.into(), disks, baseline: Some(was), ..Wipe::default() })
}

/// What a tenant's root did: another administrator, more privilege, and a boot from its own network for good.
fn change(rack: &Rack) {
    let mut machine = rack.machine();
    machine.facts = enrolled();
    machine.facts.users[2].privilege = 4;
    machine.facts.users[3] = user(4, "evil", 4);
    machine.boots_by = PXE_FOR_GOOD;
}

async fn noted(rack: &mut Rack, kind: &str) -> String {
    rack.told(|report| match &report.what {
        Some(What::Note(Note { kind: told, message })) if told == kind => Some(message.clone()),
        _ => None,
    })
    .await
}

async fn facts(rack: &mut Rack) -> BmcFacts {
    rack.told(|report| match &report.what {
        Some(What::BmcFacts(facts)) => Some(facts.clone()),
        _ => None,
    })
    .await
}

/// The ramdisk erases; answers what is told of the BMC then.
async fn erased(rack: &mut Rack) -> BmcFacts {
    let session = rack.enlist().await;
    assert!(rack.machine().on);
    rack.report(&session, Step::Wipe, wiped("A")).await;
    facts(rack).await
}

#[tokio::test]
async fn accounts_and_boot_override_are_as_they_were_before_the_ramdisk_boots_and_the_end_tells_it() {
    let mut rack = Rack::new(true);
    change(&rack);
    rack.order(1, wipe()).await;
    let told = noted(&mut rack, "baseline-restored").await;
    for part in ["account 4 'evil'", "account 3 'root'", "network continuous uefi"] {
        assert!(told.contains(part), "{told}");
    }
    let mut closed = enrolled().users;
    // Whether it still has the password that it had, nobody can tell.
    closed[2] = User { state: UserState::Disabled, ..user(3, "root", NO_ACCESS) };
    assert_eq!(rack.machine().facts.users, closed);
    let read = erased(&mut rack).await;
    assert_eq!(bmc_facts::users(&read), closed);
    assert_eq!(read.boot_override, "none");
    assert!(matches!(rack.end(1).await, End::Done(_)));
    assert_eq!(rack.machine().passwords, 0, "it is not changed unless that is wanted");
    // The controller missed it all, and asks again.
    rack.order(1, wipe()).await;
    assert_eq!(facts(&mut rack).await, read);
}

#[tokio::test]
async fn what_ran_between_the_accounts_and_the_ramdisk_has_no_say_in_what_is_told_of_the_bmc() {
    let mut rack = Rack::new(true);
    change(&rack);
    rack.order(1, wipe()).await;
    noted(&mut rack, "baseline-restored").await;
    let session = rack.enlist().await;
    // Firmware passed over the network once, and the tenant's system ran again.
    rack.machine().facts.users[3] = user(4, "evil", 4);
    rack.report(&session, Step::Wipe, wiped("A")).await;
    assert_eq!(facts(&mut rack).await.users[3].name(), "evil");
    assert!(matches!(rack.end(1).await, End::Done(_)));
}

#[tokio::test]
async fn of_a_bmc_that_is_silent_at_the_end_of_a_wipe_nothing_is_told() {
    let mut rack = Rack::new(true);
    change(&rack);
    rack.order(1, wipe()).await;
    noted(&mut rack, "baseline-restored").await;
    let session = rack.enlist().await;
    rack.machine().unheard = u32::MAX;
    rack.report(&session, Step::Wipe, wiped("A")).await;
    bmc_is_asked(&mut rack).await;
    tokio::time::pause();
    let end = rack.told(|report| match &report.what {
        Some(What::BmcFacts(facts)) => panic!("it did not say {facts:?}"),
        Some(What::Done(_)) => Some(true),
        Some(What::Failed(_)) => Some(false),
        _ => None,
    });
    assert!(end.await, "its disks are erased");
    tokio::time::resume();
}

#[tokio::test]
async fn the_ramdisk_is_told_what_firmware_started_and_nothing_of_the_bmc() {
    let mut rack = Rack::new(false);
    let Work::Wipe(mut order) = wipe() else { unreachable!("it is a wipe") };
    let variables = BootVariables { next: "Boot0001".into(), ..BootVariables::default() };
    order.baseline.as_mut().unwrap().boot_variables = Some(variables.clone());
    rack.order(1, Work::Wipe(order.clone())).await;
    rack.enlist().await;
    let Some(Task::Wipe(offered)) = &rack.offered else { panic!("it is a wipe") };
    let baseline = Some(link::Baseline { boot_variables: Some(variables), ..link::Baseline::default() });
    assert_eq!(*offered, Wipe { baseline, ..order });
}

#[tokio::test]
async fn what_the_bmc_refuses_is_told_as_it_is_and_the_wipe_goes_on() {
    let mut rack = Rack::new(false);
    change(&rack);
    rack.machine().keeps_accounts = true;
    rack.order(1, wipe()).await;
    assert!(noted(&mut rack, "baseline-refused").await.contains("account 4 'evil'"));
    assert_eq!(erased(&mut rack).await.users[3].name(), "evil");
}

#[tokio::test]
async fn the_account_that_the_agent_logs_in_with_is_never_touched() {
    let mut rack = Rack::new(false);
    rack.machine().facts = enrolled();
    rack.machine().facts.users[1].privilege = 3;
    rack.order(1, wipe()).await;
    assert_eq!(erased(&mut rack).await.users[1].privilege, 3, "it is told, and stays as it is");
}

#[tokio::test]
async fn an_account_that_has_the_agents_name_in_another_place_is_closed() {
    let mut rack = Rack::new(false);
    rack.machine().facts = enrolled();
    rack.machine().facts.users[3] = user(4, "oper", 4);
    rack.order(1, wipe()).await;
    assert!(noted(&mut rack, "baseline-restored").await.contains("account 4 'oper'"));
    let users = bmc_facts::users(&erased(&mut rack).await);
    assert!(!users[3].lets_in() && users[1] == enrolled().users[1], "{users:?}");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_lost_is_tried_again_wherever_that_is() {
    // Identity, power, accounts, two that differ, the override and its reading, and the password.
    for (at, is_told) in (1..=8).map(|at| (at, ![6, 7].contains(&at))) {
        let mut rack = Rack::configured(false, &ROTATED);
        change(&rack);
        rack.machine().fault = Some((at, Fault::Lost));
        rack.order(1, wipe()).await;
        let told = noted(&mut rack, "baseline-restored").await;
        assert!(told.contains("account 4 'evil'") && told.contains("account 3 'root'"), "{at}: {told}");
        assert_eq!(told.contains("network continuous uefi"), is_told, "{at}: {told}");
        noted(&mut rack, "bmc-password").await;
        assert_eq!(rack.machine().passwords, 1, "{at}");
        assert!(rack.machine().calls > 8, "{at}: it came before");
    }
}

/// The ramdisk of an inspection looked.
async fn looked(rack: &mut Rack) {
    rack.order(1, Work::Inspect(link::Inspect::default())).await;
    let session = rack.enlist().await;
    rack.report(&session, Step::Inspect, Said::Finished(link::Finished::default())).await;
}

async fn bmc_is_asked(rack: &mut Rack) {
    rack.told(|report| match &report.what {
        Some(What::Started(started)) if started.waiting_for == "the BMC to tell how it is set" => Some(()),
        _ => None,
    })
    .await;
}

#[tokio::test]
async fn an_inspection_tells_what_the_bmc_says_and_changes_nothing() {
    let mut rack = Rack::new(false);
    change(&rack);
    looked(&mut rack).await;
    assert_eq!(facts(&mut rack).await.users[3].name(), "evil");
    assert!(matches!(rack.end(1).await, End::Done(_)));
}

#[tokio::test]
async fn an_inspection_in_the_place_of_a_wipe_puts_right_and_tells_how_it_is_then() {
    let mut rack = Rack::configured(false, &ROTATED);
    change(&rack);
    let Work::Wipe(Wipe { baseline, .. }) = wipe() else { unreachable!("it is a wipe") };
    rack.order(1, Work::Inspect(link::Inspect { allow_reset: true, baseline })).await;
    assert!(noted(&mut rack, "baseline-restored").await.contains("account 4 'evil'"));
    let session = rack.enlist().await;
    let Some(Task::Inspect(offered)) = &rack.offered else { panic!("it is an inspection") };
    assert_eq!(offered.baseline, Some(link::Baseline::default()), "nothing of the BMC");
    rack.report(&session, Step::Inspect, Said::Finished(link::Finished::default())).await;
    let put_back = PutBack { boot_variables: Some(BootVariables::default()) };
    rack.report(&session, Step::Inspect, Said::PutBack(put_back)).await;
    rack.told(|report| match &report.what {
        Some(What::Inspected(seen)) => seen.boot_variables.clone(),
        _ => None,
    })
    .await;
    assert!(matches!(rack.end(1).await, End::Done(_)));
    assert!(!rack.machine().on && rack.machine().passwords == 0, "the password is a wipe's affair");
}

#[tokio::test]
async fn an_inspection_asks_a_silent_bmc_again_and_fails_where_it_stays_silent() {
    for (unheard, is_told) in [(2, true), (u32::MAX, false)] {
        let mut rack = Rack::new(false);
        rack.machine().facts = enrolled();
        rack.machine().unheard = unheard;
        looked(&mut rack).await;
        bmc_is_asked(&mut rack).await;
        tokio::time::pause();
        assert_eq!(matches!(rack.end(1).await, End::Done(_)), is_told);
        tokio::time::resume();
        assert!(!rack.machine().on);
    }
}

#[tokio::test]
async fn an_inspection_waits_for_a_bmc_that_takes_its_time_over_many_accounts() {
    let mut rack = Rack::new(false);
    rack.machine().facts = enrolled();
    rack.machine().facts_take = Duration::from_secs(80);
    looked(&mut rack).await;
    bmc_is_asked(&mut rack).await;
    tokio::time::pause();
    assert!(matches!(rack.end(1).await, End::Done(_)));
    tokio::time::resume();
}

#[tokio::test]
async fn the_password_is_changed_once_for_each_release_before_the_ramdisk_boots() {
    let mut rack = Rack::configured(false, &ROTATED);
    rack.machine().facts = enrolled();
    rack.order(1, wipe()).await;
    noted(&mut rack, "bmc-password").await;
    let session = rack.enlist().await;
    assert_eq!(rack.machine().passwords, 1);
    rack.report(&session, Step::Wipe, failed("disk_error")).await;
    assert!(matches!(rack.end(1).await, End::Failed(..)));
    assert_eq!(rack.machine().passwords, 1);
}
