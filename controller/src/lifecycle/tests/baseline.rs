//! The next tenant is safe from the last one's root.

use super::{machines::configured, world::World};
use crate::{
    api::ports::LifecycleApi,
    lifecycle::PowerAction,
    request::ServerAction,
    store::{
        ServerEventsWanted, Transaction,
        record::{ManageState, Server},
    },
};
use billet_proto::link::{
    BmcFacts, BmcUser, BootVariables, Disk, Done, Failed, Inventory, LoadOption, Note, Step, Wipe, order::Work,
    report::What,
};

pub(super) fn machine() -> Inventory {
    let option = LoadOption {
        name: "Boot0000".into(),
        description: "PXE".into(),
        content: "00".into(),
        ..LoadOption::default()
    };
    Inventory {
        firmware_version: "1.0".into(),
        boot_variables: Some(BootVariables { options: vec![option], ..BootVariables::default() }),
        ..World::inventory()
    }
}

pub(super) fn bmc() -> BmcFacts {
    let user =
        BmcUser { slot: 2, name: Some("billet".into()), privilege: 4, ipmi_messaging: true, ..BmcUser::default() };
    BmcFacts { firmware_version: "2.17".into(), users: vec![user], ..BmcFacts::default() }
}

pub(super) fn with_stranger() -> BmcFacts {
    let stranger =
        BmcUser { slot: 3, name: Some("evil".into()), privilege: 4, ipmi_messaging: true, ..BmcUser::default() };
    let mut facts = bmc();
    facts.users.push(stranger);
    facts
}

pub(super) async fn act(world: &World, action: ServerAction) -> Result<Server, crate::lifecycle::refusal::Refusal> {
    world.lifecycle.act_on_server(world.server_id(), action).await
}

async fn power(world: &World, action: PowerAction, step: Step, what: What) {
    world.lifecycle.power_servers(None, vec![world.server_id()], action).await.unwrap();
    world.report(world.server().await.generation, step, what).await;
}

fn silent() -> What {
    What::Failed(Failed { cause: "bmc_unreachable".into(), message: "it does not answer".into() })
}

/// The operator has the server inspected; its agent tells this.
pub(super) async fn inspect(world: &World, accept_baseline: bool, machine: Inventory, bmc: Option<BmcFacts>) {
    act(world, ServerAction::Inspect { allow_reset: false, accept_baseline }).await.unwrap();
    let generation = world.server().await.generation;
    world.report(generation, Step::Boot, What::Inspected(machine)).await;
    if let Some(bmc) = bmc {
        world.report(generation, Step::Inspect, What::BmcFacts(bmc)).await;
    }
    world.report(generation, Step::Inspect, What::Done(Done::default())).await;
}

/// A server with a baseline that has all, ready.
pub(super) async fn enrolled() -> World {
    let world = World::new().await;
    act(&world, ServerAction::Maintain { reason: "a new BMC".into() }).await.unwrap();
    inspect(&world, true, machine(), Some(bmc())).await;
    act(&world, ServerAction::Ready).await.unwrap();
    world
}

/// A server that was inspected, and of which no baseline was recorded.
async fn of_the_time_before_baselines() -> World {
    let world = World::new().await;
    let id = world.server_id();
    let without = move |tx: &mut dyn Transaction| {
        let (known, seen) = (tx.server(id)?.unwrap(), tx.inventory(id)?.unwrap());
        tx.delete_server(id)?;
        tx.insert_server(&known)?;
        tx.record_inventory(id, &seen)
    };
    world.store.run(without).await.unwrap();
    world
}

/// An instance comes and goes; answers the order of the wipe.
pub(super) async fn released(world: &World) -> (u64, Wipe) {
    let id = world.create().await.unwrap();
    world.terminate(id).await;
    let (_, order) = world.sent().pop().unwrap();
    let Some(Work::Wipe(wipe)) = order.work else { panic!("a wipe") };
    (order.generation, wipe)
}

pub(super) async fn wiped(world: &World, generation: u64, machine: Inventory, bmc: Option<BmcFacts>) -> Server {
    if let Some(bmc) = bmc {
        world.report(generation, Step::Power, What::BmcFacts(bmc)).await;
    }
    world.report(generation, Step::Wipe, What::Inspected(machine)).await;
    world.report(generation, Step::Wipe, World::wiped()).await;
    world.server().await
}

async fn events(world: &World, kind: &str) -> Vec<String> {
    use crate::clock::Timestamp;
    let wanted = ServerEventsWanted {
        servers: None,
        from: Timestamp(0),
        to: Timestamp(u64::MAX >> 1),
        level: None,
        offset: 0,
        limit: 100,
    };
    let (events, _) = world.store.read(move |tx| tx.server_events(&wanted)).await.unwrap();
    events.into_iter().filter(|event| event.kind == kind).map(|event| event.message).collect()
}

#[tokio::test]
async fn the_first_inspection_records_the_baseline_and_a_later_one_only_where_the_operator_accepts_it() {
    let world = World::new().await;
    let id = world.server_id();
    let kept = async || world.store.read(move |tx| tx.baseline(id)).await.unwrap().unwrap().facts;
    assert_eq!(kept().await.bmc, None, "as it was at the first inspection");
    act(&world, ServerAction::Maintain { reason: "x".into() }).await.unwrap();
    inspect(&world, false, machine(), Some(bmc())).await;
    assert_eq!(kept().await.bmc, None);
    inspect(&world, true, machine(), Some(bmc())).await;
    assert_eq!((kept().await.bmc, kept().await.versions[0].version.as_str()), (Some(bmc()), "1.0"));
    assert_eq!(
        events(&world, "baseline-recorded").await,
        ["accepted by the operator", "as it was at its first inspection"]
    );
}

#[tokio::test]
async fn a_wipe_is_told_the_baseline_and_a_server_that_is_as_it_was_is_ready_again() {
    let world = enrolled().await;
    let (generation, wipe) = released(&world).await;
    let told = wipe.baseline.unwrap();
    assert_eq!((told.bmc, told.boot_variables), (Some(bmc()), machine().boot_variables));
    let note = Note { kind: "baseline-restored".into(), message: "account 3 'evil' is '' again".into() };
    world.report(generation, Step::Power, What::Note(note)).await;
    let server = wiped(&world, generation, machine(), Some(bmc())).await;
    assert_eq!((server.manage_state, server.error), (ManageState::Ready, None));
    assert_eq!(events(&world, "baseline-restored").await.len(), 1);
}

#[tokio::test]
async fn a_server_that_is_not_as_it_was_goes_to_maintain_with_the_difference_named_though_its_disks_are_erased() {
    let newer = || Inventory { firmware_version: "1.1".into(), ..machine() };
    for (machine, bmc, named) in [
        (newer(), Some(bmc()), "firmware of BIOS was 1.0, is 1.1"),
        (machine(), Some(with_stranger()), "BMC account 3 was not told, is 'evil' with privilege 4"),
        (machine(), None, "BMC was told, is not told"),
    ] {
        let world = enrolled().await;
        let (generation, _) = released(&world).await;
        let server = wiped(&world, generation, machine, bmc).await;
        let error = server.error.unwrap();
        assert_eq!((error.cause.as_str(), error.message.as_str()), ("baseline_differs", named));
        assert_eq!((server.manage_state, server.unwiped), (ManageState::Maintain, false));
        assert!(server.last_wipe.is_some());
        assert!(world.create().await.is_err(), "nobody gets it");
        assert_eq!(events(&world, "baseline-differs").await.len(), 1);
    }
}

#[tokio::test]
async fn a_server_that_differs_comes_back_when_it_is_as_it_was_or_is_accepted_and_not_before() {
    for accepts in [true, false] {
        let world = enrolled().await;
        let (generation, _) = released(&world).await;
        wiped(&world, generation, machine(), Some(with_stranger())).await;
        let refused = async || act(&world, ServerAction::Ready).await.unwrap_err().to_string();
        assert!(refused().await.contains("--accept-baseline"));
        // Nor by the back door.
        act(&world, ServerAction::Maintain { reason: "x".into() }).await.unwrap();
        refused().await;
        act(&world, ServerAction::AcceptUnwiped).await.unwrap_err();
        power(&world, PowerAction::On, Step::Power, What::Done(Done::default())).await;
        refused().await;
        power(&world, PowerAction::Off, Step::PowerOff, silent()).await;
        refused().await;
        act(&world, ServerAction::Inspect { allow_reset: true, accept_baseline: false }).await.unwrap();
        world.report(world.server().await.generation, Step::Power, silent()).await;
        refused().await;
        act(&world, ServerAction::Offboard { confirm_off: true }).await.unwrap();
        act(&world, ServerAction::Maintain { reason: "x".into() }).await.unwrap();
        refused().await;
        inspect(&world, false, machine(), Some(with_stranger())).await;
        refused().await;
        let mended = if accepts { with_stranger() } else { bmc() };
        inspect(&world, accepts, machine(), Some(mended)).await;
        let server = act(&world, ServerAction::Ready).await.unwrap();
        assert_eq!((server.manage_state, server.error), (ManageState::Ready, None));
    }
}

/// A tenant left, and the wipe failed before it came to what is not a disk.
pub(super) async fn not_wiped() -> World {
    let world = enrolled().await;
    let (generation, _) = released(&world).await;
    let failed = Failed { cause: "disk_locked".into(), message: "vda has a password".into() };
    world.report(generation, Step::Wipe, What::Failed(failed)).await;
    world
}

/// The agent tells what it found at the inspection that is in progress.
pub(super) async fn found(world: &World, bmc: BmcFacts) -> ManageState {
    let server = world.server().await;
    assert!(server.task.is_some() && server.manage_state == ManageState::Onboard, "{server:?}");
    world.report(server.generation, Step::Boot, What::Inspected(machine())).await;
    world.report(server.generation, Step::Inspect, What::BmcFacts(bmc)).await;
    world.report(server.generation, Step::Inspect, What::Done(Done::default())).await;
    world.server().await.manage_state
}

#[tokio::test]
async fn a_server_that_is_accepted_unwiped_is_ready_only_where_it_is_as_it_was() {
    for (bmc, expected) in [(bmc(), ManageState::Ready), (with_stranger(), ManageState::Maintain)] {
        let world = not_wiped().await;
        act(&world, ServerAction::AcceptUnwiped).await.unwrap();
        assert!(world.create().await.is_err(), "nobody looked yet");
        assert_eq!(found(&world, bmc).await, expected);
        let server = world.server().await;
        assert!(server.unwiped && server.error.is_none() == (expected == ManageState::Ready), "{server:?}");
    }
}

#[tokio::test]
async fn a_server_that_the_policy_lets_be_used_unwiped_is_ready_only_where_it_is_as_it_was() {
    for (bmc, expected) in [(bmc(), ManageState::Ready), (with_stranger(), ManageState::Maintain)] {
        let mut world = enrolled().await;
        world.start_again_without_wipes();
        power(&world, PowerAction::On, Step::Power, silent()).await;
        let id = world.create().await.unwrap();
        world.terminate(id).await;
        let (_, order) = world.sent().pop().unwrap();
        let Some(Work::Inspect(inspection)) = order.work else { panic!("an inspection") };
        assert!(inspection.allow_reset, "it was read back off");
        assert_eq!(inspection.baseline.unwrap().bmc, Some(self::bmc()), "what can be put right is");
        assert!(world.create().await.is_err(), "nobody looked yet");
        assert_eq!(found(&world, bmc).await, expected);
        assert!(world.server().await.unwiped, "and still told");
    }
}

#[tokio::test]
async fn a_server_that_was_set_aside_in_use_and_is_released_unwiped_is_inspected_when_it_is_accepted() {
    let mut world = enrolled().await;
    world.start_again_without_wipes();
    let id = world.create().await.unwrap();
    act(&world, ServerAction::Maintain { reason: "a fan".into() }).await.unwrap();
    world.terminate(id).await;
    let server = world.server().await;
    assert_eq!((server.manage_state, server.task), (ManageState::Maintain, None));
    act(&world, ServerAction::AcceptUnwiped).await.unwrap();
    assert_eq!(found(&world, with_stranger()).await, ManageState::Maintain);
}

#[tokio::test]
async fn a_server_whose_inspection_in_the_place_of_a_wipe_failed_is_kept_out_until_it_is_accepted_again() {
    let world = not_wiped().await;
    for _ in 0..2 {
        assert_eq!(act(&world, ServerAction::AcceptUnwiped).await.unwrap().manage_state, ManageState::Onboard);
        world.report(world.server().await.generation, Step::Boot, silent()).await;
        let server = world.server().await;
        assert_eq!((server.manage_state, server.unwiped), (ManageState::Maintain, true));
        assert!(act(&world, ServerAction::Ready).await.is_err(), "it is not wiped");
    }
    act(&world, ServerAction::AcceptUnwiped).await.unwrap();
    assert_eq!(found(&world, bmc()).await, ManageState::Ready);
}

#[tokio::test]
async fn a_server_whose_last_system_ran_again_after_an_inspection_is_inspected_again_when_it_is_accepted_unwiped() {
    let world = not_wiped().await;
    inspect(&world, false, machine(), Some(bmc())).await;
    for (action, step) in [(PowerAction::On, Step::Power), (PowerAction::Off, Step::PowerOff)] {
        power(&world, action, step, What::Done(Done::default())).await;
    }
    assert_eq!(act(&world, ServerAction::AcceptUnwiped).await.unwrap().manage_state, ManageState::Onboard);
    assert_eq!(found(&world, with_stranger()).await, ManageState::Maintain);
}

#[tokio::test]
async fn the_last_tenants_system_is_not_run_on_a_server_that_is_ready() {
    let world = not_wiped().await;
    act(&world, ServerAction::AcceptUnwiped).await.unwrap();
    assert_eq!(found(&world, bmc()).await, ManageState::Ready);
    let ask = |action| world.lifecycle.power_servers(None, vec![world.server_id()], action);
    for action in [PowerAction::On, PowerAction::Reboot] {
        let refused = ask(action).await.unwrap_err().to_string();
        assert!(refused.contains("maintenance first"), "{refused}");
    }
    ask(PowerAction::Off).await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_wiped_after_a_wipe_that_failed_was_compared_by_that() {
    let world = not_wiped().await;
    act(&world, ServerAction::Wipe { policy: None }).await.unwrap();
    let generation = world.server().await.generation;
    wiped(&world, generation, machine(), Some(bmc())).await;
    assert_eq!(act(&world, ServerAction::Ready).await.unwrap().manage_state, ManageState::Ready);
}

#[tokio::test]
async fn a_server_that_was_said_to_be_gone_and_comes_back_is_inspected_before_it_is_accepted_unwiped() {
    let world = enrolled().await;
    world.create().await.unwrap();
    act(&world, ServerAction::Offboard { confirm_off: true }).await.unwrap();
    act(&world, ServerAction::Maintain { reason: "it is here".into() }).await.unwrap();
    act(&world, ServerAction::AcceptUnwiped).await.unwrap();
    assert_eq!(found(&world, with_stranger()).await, ManageState::Maintain);
}

#[tokio::test]
async fn what_an_older_order_saw_proves_nothing() {
    let world = enrolled().await;
    let (generation, _) = released(&world).await;
    world.report(generation - 1, Step::Power, What::BmcFacts(bmc())).await;
    let server = wiped(&world, generation, machine(), None).await;
    assert_eq!(server.error.unwrap().message, "BMC was told, is not told");
}

#[tokio::test]
async fn what_was_told_at_enrolment_and_is_told_no_more_differs() {
    let world = enrolled().await;
    let (generation, _) = released(&world).await;
    let silent = Inventory { firmware_version: String::new(), ..machine() };
    let server = wiped(&world, generation, silent, Some(bmc())).await;
    assert_eq!(server.error.unwrap().message, "firmware of BIOS was 1.0, is not told");
}

#[tokio::test]
async fn a_disk_that_hides_a_part_of_itself_or_its_firmware_keeps_the_server_out_also_when_it_is_inspected_again() {
    let whole = || {
        let mut seen = machine();
        seen.disks[0].firmware_version = "F1".into();
        seen
    };
    let (mut smaller, mut silent) = (whole(), whole());
    smaller.disks[0].size_bytes -= 512;
    silent.disks[0].firmware_version.clear();
    for (seen, named) in [
        (smaller, "capacity of disk vda-1 was 10737418240 bytes, is 10737417728 bytes"),
        (silent, "firmware of disk vda-1 was F1, is not told"),
    ] {
        let world = World::new().await;
        act(&world, ServerAction::Maintain { reason: "another disk".into() }).await.unwrap();
        inspect(&world, true, whole(), Some(bmc())).await;
        inspect(&world, false, seen, Some(bmc())).await;
        assert_eq!(world.server().await.error.unwrap().message, named);
        act(&world, ServerAction::Ready).await.unwrap_err();
    }
}

#[tokio::test]
async fn a_baseline_without_capacities_has_those_that_were_recorded_before_a_part_was_hidden() {
    let world = World::new().await;
    act(&world, ServerAction::Maintain { reason: "another disk".into() }).await.unwrap();
    inspect(&world, true, machine(), Some(bmc())).await;
    let id = world.server_id();
    let older = move |tx: &mut dyn Transaction| {
        let mut known = tx.baseline(id)?.unwrap();
        known.facts.capacities.clear();
        tx.record_baseline(id, &known)
    };
    world.store.run(older).await.unwrap();
    let mut smaller = machine();
    smaller.disks[0].size_bytes -= 512;
    inspect(&world, false, smaller, Some(bmc())).await;
    assert!(world.server().await.error.unwrap().message.contains("capacity of disk vda-1"));
}

#[tokio::test]
async fn a_disk_that_came_after_enrolment_is_compared_with_how_large_it_was_when_it_was_first_recorded() {
    // Also where the agent's configuration made the server forget what was recorded, in between.
    for is_forgotten in [false, true] {
        let world = World::new().await;
        act(&world, ServerAction::Maintain { reason: "another disk".into() }).await.unwrap();
        inspect(&world, true, machine(), Some(bmc())).await;
        let mut seen = machine();
        seen.disks.push(Disk { name: "vdb".into(), serial: "vdb-1".into(), ..seen.disks[0].clone() });
        inspect(&world, false, seen.clone(), Some(bmc())).await;
        assert_eq!(world.server().await.error.unwrap().cause, "maintenance", "nothing that was there is another");
        if is_forgotten {
            configured(&world, 2, ("", "SN2")).await;
            assert_eq!(world.server().await.inspected_at, None);
        }
        seen.disks.last_mut().unwrap().size_bytes -= 512;
        inspect(&world, false, seen, Some(bmc())).await;
        let error = world.server().await.error.unwrap();
        let named = "capacity of disk vdb-1 was 10737418240 bytes, is 10737417728 bytes";
        assert_eq!((error.cause.as_str(), error.message.as_str()), ("baseline_differs", named), "{is_forgotten}");
        act(&world, ServerAction::Ready).await.unwrap_err();
    }
}

#[tokio::test]
async fn what_was_not_told_at_enrolment_is_not_compared_and_that_is_told() {
    let world = World::new().await;
    let (generation, _) = released(&world).await;
    let server = wiped(&world, generation, machine(), Some(bmc())).await;
    assert_eq!((server.manage_state, server.error), (ManageState::Ready, None));
    let told = events(&world, "baseline-missing").await;
    assert!(told.iter().any(|text| text.contains("baseline of the BMC")), "{told:?}");
}

#[tokio::test]
async fn a_server_that_a_tenant_had_gets_no_baseline_by_itself() {
    let world = of_the_time_before_baselines().await;
    let id = world.server_id();
    let (generation, _) = released(&world).await;
    wiped(&world, generation, machine(), None).await;
    act(&world, ServerAction::Maintain { reason: "x".into() }).await.unwrap();
    inspect(&world, false, machine(), Some(bmc())).await;
    assert_eq!(world.store.read(move |tx| tx.baseline(id)).await.unwrap(), None);
    inspect(&world, true, machine(), Some(bmc())).await;
    assert!(world.store.read(move |tx| tx.baseline(id)).await.unwrap().is_some());
}

#[tokio::test]
async fn a_server_of_the_time_before_baselines_is_let_through_and_that_is_told() {
    let world = of_the_time_before_baselines().await;
    let (generation, wipe) = released(&world).await;
    assert_eq!(wipe.baseline, None);
    assert_eq!(wiped(&world, generation, machine(), None).await.manage_state, ManageState::Ready);
    assert!(events(&world, "baseline-missing").await[0].contains("--accept-baseline"));
}

#[tokio::test]
async fn a_server_that_is_not_as_it_was_is_forgotten_only_by_the_operators_word() {
    let world = enrolled().await;
    act(&world, ServerAction::Maintain { reason: "a fan".into() }).await.unwrap();
    inspect(&world, false, machine(), Some(with_stranger())).await;
    act(&world, ServerAction::Offboard { confirm_off: false }).await.unwrap();
    let forget = async |accept_unwiped| world.lifecycle.forget_server(world.server_id(), accept_unwiped).await;
    assert!(forget(false).await.unwrap_err().to_string().contains("not as it was"));
    forget(true).await.unwrap();
}
