//! Which machine a server is, and which had its place before.

use super::{
    KEY,
    baseline::{act, bmc, enrolled, found, inspect, machine, not_wiped, released, wiped, with_stranger},
    done,
    world::World,
};
use crate::{
    api::ports::LifecycleApi,
    lifecycle::PowerAction,
    request::ServerAction,
    store::record::{ManageState, Server, WipePolicy},
};
use billet_proto::{
    AgentId, InstanceId,
    link::{Claim, Done, Failed, Hello, Inventory, OwnedServer, Started, Step, order::Work, report::What},
};

/// The agent starts again, with these marks of the server in its configuration.
pub(super) async fn configured(world: &World, epoch: u64, (uuid, serial): (&str, &str)) {
    let macs = vec!["52:54:00:00:00:01".into(), "52:54:00:00:00:02".into()];
    let server = OwnedServer { id: world.server_id().to_string(), uuid: uuid.into(), serial: serial.into(), macs };
    let hello = Hello { version: "test".into(), epoch, servers: vec![server] };
    assert!(world.lifecycle.hello(world.agent, hello).await.unwrap()[0].accepted);
}

#[tokio::test]
async fn a_mark_that_the_configuration_tells_more_or_less_or_in_other_letters_is_no_other_machine() {
    let world = enrolled().await;
    let sent = world.sent().len();
    for (epoch, marks) in
        [("ab-12", "SN1"), ("AB-12", "SN1"), ("ab-12", ""), ("", "SN1"), ("", "")].into_iter().enumerate()
    {
        configured(&world, 2 + epoch as u64, marks).await;
        let server = world.server().await;
        assert_eq!((server.manage_state, server.task.is_none()), (ManageState::Ready, true), "{marks:?}");
        assert!(server.inspected_at.is_some(), "{marks:?}");
    }
    assert_eq!(world.sent().len(), sent);
    let (generation, wipe) = released(&world).await;
    assert!(wipe.baseline.is_some());
    let server = wiped(&world, generation, machine(), Some(with_stranger())).await;
    assert_eq!(server.manage_state, ManageState::Maintain);
}

#[tokio::test]
async fn another_machine_is_seen_also_where_its_marks_come_one_after_the_other_or_are_of_another_kind() {
    let world = enrolled().await;
    configured(&world, 2, ("", "")).await;
    assert!(world.server().await.inspected_at.is_some());
    configured(&world, 3, ("", "SN2")).await;
    assert_eq!(world.server().await.manage_state, ManageState::Onboard);
    let world = enrolled().await;
    let known = Server { uuid: "ab-12".into(), serial: String::new(), ..world.server().await };
    world.store.run(move |tx| tx.update_server(&known)).await.unwrap();
    configured(&world, 2, ("", "SN2")).await;
    assert_eq!(world.server().await.manage_state, ManageState::Onboard);
}

#[tokio::test]
async fn another_machine_has_no_mark_of_the_one_before_which_is_known_again_when_it_comes_back() {
    let world = enrolled().await;
    for (epoch, marks) in [("ab-12", ""), ("", "SN2"), ("ab-12", "")].into_iter().enumerate() {
        configured(&world, 2 + epoch as u64, marks).await;
        let server = world.server().await;
        assert_eq!((server.uuid.as_str(), server.serial.as_str()), marks);
        assert_eq!((server.inspected_at, found(&world, bmc()).await), (None, ManageState::Ready), "{marks:?}");
    }
}

#[tokio::test]
async fn a_machine_that_moved_from_one_server_to_another_is_that_ones_whichever_is_named_first() {
    const SECOND: &str = "0198170e-4ca7-7000-8000-000000000002";
    let of = |id: &str, (uuid, serial, mac): (&str, &str, &str)| OwnedServer {
        id: id.into(),
        uuid: uuid.into(),
        serial: serial.into(),
        macs: vec![mac.into()],
    };
    for second_is_first in [true, false] {
        let world = enrolled().await;
        configured(&world, 2, ("ab-12", "")).await;
        let first = world.server_id().to_string();
        let mut servers =
            vec![of(SECOND, ("AB-12", "", "52:54:00:00:00:01")), of(&first, ("", "SN2", "52:54:00:00:00:09"))];
        if !second_is_first {
            servers.reverse();
        }
        let hello = Hello { version: "test".into(), epoch: 3, servers };
        let claims = world.lifecycle.hello(world.agent, hello).await.unwrap();
        assert!(claims.iter().all(|claim| claim.accepted), "{claims:?}");
    }
}

const OTHER: &str = "0198170e-4ca7-7000-8000-000000000002";

/// The agent names two servers, by serial number and MAC address; answers the claims.
async fn named(world: &World, epoch: u64, servers: [(&str, &str, &str); 2]) -> Vec<Claim> {
    let servers = servers.map(|(id, serial, mac)| OwnedServer {
        id: id.into(),
        serial: serial.into(),
        macs: vec![mac.into()],
        ..OwnedServer::default()
    });
    let hello = Hello { version: "test".into(), epoch, servers: servers.to_vec() };
    world.lifecycle.hello(world.agent, hello).await.unwrap()
}

/// A server whose disks hold a tenant's data, or whose BMC is not as it was.
async fn left_behind(differs: bool) -> World {
    let world = not_wiped().await;
    if differs {
        act(&world, ServerAction::Wipe { policy: None }).await.unwrap();
        wiped(&world, world.server().await.generation, machine(), Some(with_stranger())).await;
    }
    world
}

#[tokio::test]
async fn a_machine_that_no_tenant_may_have_as_it_is_is_no_new_server_however_often_its_agent_attaches() {
    for differs in [false, true] {
        let world = left_behind(differs).await;
        let first = world.server_id().to_string();
        let known = world.server().await;
        let mac = known.macs[0].to_string();
        for epoch in 3..6 {
            let servers = [(first.as_str(), "SN2", "52:54:00:00:00:09"), (OTHER, known.serial.as_str(), mac.as_str())];
            let claims = named(&world, epoch, servers).await;
            assert!(claims[0].accepted && !claims[1].accepted && claims[1].reason.contains(&first), "{claims:?}");
            let server = world.server().await;
            assert_eq!((server.unwiped, server.serial.as_str(), server.former_machines.len()), (!differs, "SN2", 1));
        }
        // With its own marks it is the server that it was, and the one that was only named in its place may be another.
        let own = [(first.as_str(), known.serial.as_str(), mac.as_str()), (OTHER, "SN2", "52:54:00:00:00:09")];
        let claims = named(&world, 6, own).await;
        assert!(claims.iter().all(|claim| claim.accepted), "{claims:?}");
        let server = world.server().await;
        assert_eq!((server.serial, server.former_machines), (known.serial, vec![]));
    }
}

#[tokio::test]
async fn a_server_whose_board_is_replaced_is_wiped_as_its_disks_were_recorded_and_its_old_board_is_no_new_server() {
    let world = left_behind(false).await;
    let first = world.server_id().to_string();
    let known = world.server().await;
    let mac = known.macs[0].to_string();
    let old_board = [(first.as_str(), "SN2", "52:54:00:00:00:09"), (OTHER, known.serial.as_str(), mac.as_str())];
    named(&world, 3, old_board).await;
    act(&world, ServerAction::Wipe { policy: None }).await.unwrap();
    let (_, order) = world.sent().pop().unwrap();
    let Some(Work::Wipe(wipe)) = order.work else { panic!("a wipe") };
    let own = machine().disks.iter().filter(|disk| disk.direct).count();
    assert_eq!((wipe.disks.len(), own), (1, 1), "the one of before");
    wiped(&world, order.generation, machine(), Some(bmc())).await;
    assert!(!act(&world, ServerAction::Ready).await.unwrap().unwiped);
    let claims = named(&world, 4, old_board).await;
    assert!(
        !claims[1].accepted && claims[1].reason.contains("had the place of server"),
        "nobody compared it: {claims:?}"
    );
    // By the operator's word it is.
    act(&world, ServerAction::Offboard { confirm_off: false }).await.unwrap();
    world.clock.advance(std::time::Duration::from_secs(25 * 3600));
    world.lifecycle.purge().await.unwrap();
    let forget = async |accept_unwiped| world.lifecycle.forget_server(world.server_id(), accept_unwiped).await;
    assert!(forget(false).await.unwrap_err().to_string().contains("had its place before"));
    forget(true).await.unwrap();
    assert!(named(&world, 5, old_board).await.iter().all(|claim| claim.accepted));
}

#[tokio::test]
async fn to_erase_or_to_accept_the_machine_that_has_the_place_says_nothing_of_the_one_before() {
    for differs in [false, true] {
        let world = left_behind(differs).await;
        let first = world.server_id().to_string();
        let known = world.server().await;
        let mac = known.macs[0].to_string();
        let swapped = [(first.as_str(), "SN2", "52:54:00:00:00:09"), (OTHER, known.serial.as_str(), mac.as_str())];
        named(&world, 3, swapped).await;
        inspect(&world, true, machine(), Some(bmc())).await;
        act(&world, ServerAction::Wipe { policy: None }).await.unwrap();
        wiped(&world, world.server().await.generation, machine(), Some(bmc())).await;
        assert_eq!(act(&world, ServerAction::Ready).await.unwrap().manage_state, ManageState::Ready);
        assert!(!named(&world, 4, swapped).await[1].accepted, "differs: {differs}");
        // It has its place again: it is as it was left, and the one that was erased meanwhile is free.
        let back = [(first.as_str(), known.serial.as_str(), mac.as_str()), (OTHER, "SN2", "52:54:00:00:00:09")];
        assert!(named(&world, 5, back).await.iter().all(|claim| claim.accepted));
        let server = world.server().await;
        assert_eq!((server.unwiped, server.manage_state), (true, ManageState::Onboard));
        let inspection = server.task.unwrap().generation;
        world.report(inspection, Step::Inspect, What::Inspected(machine())).await;
        world.report(inspection, Step::Inspect, What::BmcFacts(bmc())).await;
        world.report(inspection, Step::Inspect, What::Done(Done::default())).await;
        assert_eq!(world.server().await.manage_state, ManageState::Maintain);
    }
}

/// The agent names the server alone, by serial number.
async fn only(world: &World, epoch: u64, serial: &str) {
    configured(world, epoch, ("", serial)).await;
}

/// An instance is installed on the server, and is to answer; with its order's generation.
async fn verifying(world: &World) -> (InstanceId, u64) {
    let id = world.create().await.unwrap();
    let generation = world.server().await.generation;
    for step in [Step::Write, Step::Verify] {
        world.report(generation, step, What::Started(Started::default())).await;
    }
    (id, generation)
}

/// As above, and it answered.
async fn running(world: &World) -> InstanceId {
    let (id, generation) = verifying(world).await;
    world.report(generation, Step::Verify, done(KEY)).await;
    assert_eq!(world.instance(id).await.standing().state(), "running");
    id
}

/// A tenant left where nothing is wiped, and the ramdisk told what it saw; with the inspection's generation.
async fn seen_unwiped() -> (World, u64) {
    let mut world = enrolled().await;
    world.start_again_without_wipes();
    let id = world.create().await.unwrap();
    world.terminate(id).await;
    let generation = world.server().await.task.unwrap().generation;
    world.report(generation, Step::Inspect, What::Inspected(machine())).await;
    (world, generation)
}

/// Whether another agent may have a machine as a new server.
async fn is_free(world: &World, agent: AgentId, epoch: u64, serial: &str) -> bool {
    let server = OwnedServer { id: OTHER.into(), serial: serial.into(), macs: vec![], ..OwnedServer::default() };
    let hello = Hello { version: "test".into(), epoch, servers: vec![server] };
    let claim = world.lifecycle.hello(agent, hello).await.unwrap().remove(0);
    let hello = Hello { version: "test".into(), epoch, servers: vec![] };
    world.lifecycle.hello(agent, hello).await.unwrap();
    claim.accepted
}

#[tokio::test]
async fn a_machine_that_was_named_by_mistake_while_an_instance_stands_still_is_free_again() {
    for unwiped_is_used in [false, true] {
        let mut world = enrolled().await;
        if unwiped_is_used {
            world.start_again_without_wipes();
        }
        let rack = world.join("rack1").await;
        running(&world).await;
        let known = world.server().await;
        only(&world, 3, "SN2").await;
        assert_eq!(world.server().await.macs, known.macs, "the instance was given these");
        for serial in ["SN1", "SN2"] {
            assert!(!is_free(&world, rack, 1, serial).await, "{serial}");
        }
        only(&world, 4, "SN3").await;
        only(&world, 5, "SN1").await;
        assert!(!is_free(&world, rack, 1, "SN1").await);
        assert!(is_free(&world, rack, 1, "SN2").await && is_free(&world, rack, 1, "SN3").await);
        assert_eq!(world.server().await.former_machines, []);
    }
}

#[tokio::test]
async fn no_machine_that_an_order_may_have_come_to_is_free_when_another_is_named() {
    // The first is being installed when the second is named, and the second when the third is.
    let world = enrolled().await;
    let rack = world.join("rack1").await;
    let id = world.create().await.unwrap();
    only(&world, 3, "SN2").await;
    only(&world, 4, "SN3").await;
    only(&world, 5, "SN1").await;
    world.terminate(id).await;
    for serial in ["SN1", "SN2", "SN3"] {
        assert!(!is_free(&world, rack, 1, serial).await, "{serial}");
    }
}

#[tokio::test]
async fn what_had_a_tenant_is_known_also_where_the_machine_in_its_place_is_erased_before_any_agent_attaches() {
    let world = enrolled().await;
    let rack = world.join("rack1").await;
    let id = world.create().await.unwrap();
    only(&world, 3, "SN2").await;
    world.terminate(id).await;
    let failed = Failed { cause: "disks_not_recorded".into(), message: "vda is another".into() };
    world.report(world.server().await.generation, Step::Wipe, What::Failed(failed)).await;
    inspect(&world, true, machine(), Some(bmc())).await;
    act(&world, ServerAction::Wipe { policy: None }).await.unwrap();
    wiped(&world, world.server().await.generation, machine(), Some(bmc())).await;
    act(&world, ServerAction::Ready).await.unwrap();
    assert!(!is_free(&world, rack, 1, "SN1").await);
    only(&world, 4, "SN3").await;
    assert!(!is_free(&world, rack, 1, "SN1").await);
    assert!(is_free(&world, rack, 1, "SN2").await, "it is erased and as it was");
}

#[tokio::test]
async fn one_that_came_back_and_left_again_without_an_order_is_known_still() {
    let world = left_behind(false).await;
    let rack = world.join("rack1").await;
    only(&world, 3, "SN2").await;
    inspect(&world, true, machine(), Some(bmc())).await;
    for (epoch, serial) in [(4, "SN1"), (5, "SN2"), (6, "SN1"), (7, "SN3")] {
        only(&world, epoch, serial).await;
        assert!(!is_free(&world, rack, 1, "SN1").await, "{epoch}");
    }
}

#[tokio::test]
async fn a_swap_that_is_taken_back_frees_the_other_though_it_was_looked_at_meanwhile() {
    let world = enrolled().await;
    let rack = world.join("rack1").await;
    let (generation, _) = released(&world).await;
    wiped(&world, generation, machine(), Some(bmc())).await;
    let mut server = world.server().await;
    server.last_wipe.as_mut().unwrap().policy = WipePolicy::Metadata;
    world.store.read(move |tx| tx.update_server(&server)).await.unwrap();
    only(&world, 3, "SN2").await;
    assert!(world.server().await.task.is_some(), "it is inspected");
    assert!(!is_free(&world, rack, 1, "SN1").await);
    only(&world, 4, "SN1").await;
    assert!(is_free(&world, rack, 1, "SN2").await);
    // And where two were named in a row.
    for (epoch, serial) in [(5, "SN2"), (6, "SN3"), (7, "SN1")] {
        only(&world, epoch, serial).await;
    }
    let server = world.server().await;
    assert_eq!((server.unwiped, server.former_machines), (false, vec![]));
    assert!(is_free(&world, rack, 1, "SN2").await && is_free(&world, rack, 1, "SN3").await);
}

#[tokio::test]
async fn no_other_marks_in_the_configuration_let_a_server_in_that_is_not_as_it_was() {
    for marks in [("", "SN2"), ("ab-12", "SN2")] {
        let world = left_behind(true).await;
        configured(&world, 2, marks).await;
        let refused = async || act(&world, ServerAction::Ready).await.unwrap_err().to_string();
        assert!(refused().await.contains("--accept-baseline"));
        inspect(&world, false, machine(), Some(with_stranger())).await;
        assert!(refused().await.contains("--accept-baseline"), "compared with what it was");
        inspect(&world, true, machine(), Some(with_stranger())).await;
        assert_eq!(act(&world, ServerAction::Ready).await.unwrap().manage_state, ManageState::Ready);
    }
}

#[tokio::test]
async fn another_machine_under_the_same_id_is_let_in_where_it_is_as_the_one_before_or_is_accepted() {
    for (bmc_is, had_a_tenant) in [(bmc(), false), (bmc(), true), (with_stranger(), false), (with_stranger(), true)] {
        let is_alike = bmc_is == bmc();
        let world = enrolled().await;
        if had_a_tenant {
            let (generation, _) = released(&world).await;
            wiped(&world, generation, machine(), Some(bmc())).await;
        }
        configured(&world, 2, ("", "SN2")).await;
        let server = world.server().await;
        assert_eq!((server.manage_state, server.inspected_at), (ManageState::Onboard, None));
        let inspection = server.task.unwrap().generation;
        world.report(inspection, Step::Inspect, What::Inspected(machine())).await;
        world.report(inspection, Step::Inspect, What::BmcFacts(bmc_is.clone())).await;
        world.report(inspection, Step::Inspect, What::Done(Done::default())).await;
        let state = world.server().await.manage_state;
        assert_eq!(state == ManageState::Ready, is_alike, "{state:?}");
        if !is_alike {
            act(&world, ServerAction::Ready).await.unwrap_err();
            inspect(&world, true, machine(), Some(bmc_is)).await;
            act(&world, ServerAction::Ready).await.unwrap();
        }
        // There is a baseline at each end: its next tenant's root is found out.
        let (generation, wipe) = released(&world).await;
        assert!(wipe.baseline.is_some());
        let newer = Inventory { firmware_version: "1.1".into(), ..machine() };
        assert_eq!(wiped(&world, generation, newer, None).await.manage_state, ManageState::Maintain);
    }
}

#[tokio::test]
async fn how_an_order_ended_that_the_machine_before_was_given_does_not_count_for_the_one_that_has_the_place() {
    // The first was left unwiped, and another one is wiped in its place when the first has it again.
    let world = left_behind(false).await;
    only(&world, 3, "SN2").await;
    inspect(&world, true, machine(), Some(bmc())).await;
    act(&world, ServerAction::Wipe { policy: None }).await.unwrap();
    wiped(&world, world.server().await.generation, machine(), Some(bmc())).await;
    act(&world, ServerAction::Ready).await.unwrap();
    let (generation, _) = released(&world).await;
    only(&world, 4, "SN1").await;
    let error = world.server().await.error.unwrap();
    assert_eq!(error.cause, "machine_replaced");
    let server = wiped(&world, generation, machine(), Some(bmc())).await;
    assert_eq!((server.unwiped, server.manage_state), (true, ManageState::Maintain));
    act(&world, ServerAction::Ready).await.unwrap_err();
    act(&world, ServerAction::Wipe { policy: None }).await.unwrap();
    let again = world.server().await.generation;
    assert!(again > generation);
    assert!(!wiped(&world, again, machine(), Some(bmc())).await.unwiped);
    act(&world, ServerAction::Ready).await.unwrap();
}

#[tokio::test]
async fn a_server_whose_machine_is_replaced_while_it_is_inspected_is_inspected_anew_by_itself() {
    let world = enrolled().await;
    only(&world, 2, "SN2").await;
    let old = world.server().await.task.unwrap().generation;
    only(&world, 3, "SN3").await;
    let server = world.server().await;
    assert_eq!((server.error, server.manage_state), (None, ManageState::Onboard));
    let new = server.task.unwrap().generation;
    for (generation, expected) in [(old, ManageState::Onboard), (new, ManageState::Ready)] {
        world.report(generation, Step::Boot, What::Inspected(machine())).await;
        world.report(generation, Step::Inspect, What::BmcFacts(bmc())).await;
        world.report(generation, Step::Inspect, What::Done(Done::default())).await;
        assert_eq!(world.server().await.manage_state, expected);
    }
}

#[tokio::test]
async fn one_that_may_be_the_machine_before_with_another_board_is_not_free_when_a_third_is_named() {
    for in_use in [false, true] {
        let world = if in_use { enrolled().await } else { left_behind(false).await };
        let rack = world.join("rack1").await;
        if in_use {
            running(&world).await;
        }
        only(&world, 3, "SN2").await;
        only(&world, 4, "SN3").await;
        for serial in ["SN1", "SN2", "SN3"] {
            assert!(!is_free(&world, rack, 1, serial).await, "{serial}, in use: {in_use}");
        }
    }
}

#[tokio::test]
async fn where_a_policy_lets_servers_be_used_unwiped_one_that_nobody_compared_is_no_new_server() {
    for ran_again in [false, true] {
        let (world, generation) = seen_unwiped().await;
        let rack = world.join("rack1").await;
        if ran_again {
            world.report(generation, Step::Inspect, What::BmcFacts(bmc())).await;
            world.report(generation, Step::Inspect, What::Done(Done::default())).await;
            assert_eq!(world.server().await.manage_state, ManageState::Ready);
            act(&world, ServerAction::Maintain { reason: "a look".into() }).await.unwrap();
            for (action, step) in [(PowerAction::On, Step::Power), (PowerAction::Off, Step::PowerOff)] {
                world.lifecycle.power_servers(None, vec![world.server_id()], action).await.unwrap();
                world.report(world.server().await.generation, step, What::Done(Done::default())).await;
            }
        } else {
            let failed = Failed { cause: "ramdisk_silent".into(), message: "it fell silent".into() };
            world.report(generation, Step::Inspect, What::Failed(failed)).await;
        }
        act(&world, ServerAction::Offboard { confirm_off: false }).await.unwrap();
        world.clock.advance(std::time::Duration::from_secs(25 * 3600));
        world.lifecycle.purge().await.unwrap();
        let forgotten = world.lifecycle.forget_server(world.server_id(), false).await.unwrap_err().to_string();
        assert!(forgotten.contains("nobody looked"), "{forgotten}");
        only(&world, 3, "SN2").await;
        assert!(!is_free(&world, rack, 1, "SN1").await, "it ran again: {ran_again}");
    }
}

#[tokio::test]
async fn where_a_policy_lets_servers_be_used_unwiped_one_that_is_being_compared_is_no_new_server() {
    let (world, _) = seen_unwiped().await;
    let rack = world.join("rack1").await;
    assert!(world.server().await.inspected_at.is_some());
    only(&world, 3, "SN2").await;
    assert!(!is_free(&world, rack, 1, "SN1").await);
}

#[tokio::test]
async fn what_an_instance_was_ordered_does_not_end_on_another_machine() {
    let world = enrolled().await;
    let (id, generation) = verifying(&world).await;
    only(&world, 2, "SN2").await;
    world.report(generation, Step::Verify, done(KEY)).await;
    let instance = world.instance(id).await;
    assert_eq!((instance.standing().state(), instance.error.unwrap().cause.as_str()), ("error", "machine_replaced"));
    assert!(world.lifecycle.open_orders(world.agent).await.unwrap().is_empty());
    // So it is with its power, and with its end, which frees nothing.
    let world = enrolled().await;
    let id = running(&world).await;
    world.lifecycle.power_servers(None, vec![world.server_id()], PowerAction::Off).await.unwrap();
    let generation = world.server().await.generation;
    only(&world, 2, "SN2").await;
    world.report(generation, Step::PowerOff, What::Done(Done::default())).await;
    assert_eq!(world.server().await.operation_state, "power-off-failed");
    assert_eq!(world.instance(id).await.standing().state(), "running");
    world.lifecycle.delete(None, id).await.unwrap();
    let generation = world.server().await.generation;
    only(&world, 3, "SN3").await;
    world.report(generation, Step::PowerOff, What::Done(Done::default())).await;
    assert_eq!((world.instance(id).await.standing().state(), world.reserved().await.len()), ("error", 1));
    world.lifecycle.retry(id).await.unwrap();
    world.report(world.server().await.generation, Step::PowerOff, What::Done(Done::default())).await;
    assert_eq!((world.instance(id).await.standing().state(), world.reserved().await.len()), ("terminated", 0));
}
