//! Work on a server itself: in time, told late or twice, over restarts, and only on the disks that may be erased.

use super::{
    started,
    world::{PROJECT, World},
};
use crate::{
    api::ports::LifecycleApi,
    clock::Timestamp,
    lifecycle::power::PowerAction,
    request::{RegisterServer, ServerAction},
    store::{
        ServerEventsWanted,
        record::{ManageState, Server, WipePolicy},
    },
};
use billet_proto::link::{
    Disk, Done, Erasure, Failed, Inventory, Order, Progress, Step, WipeMethod, WipedDisk, order::Work, report::What,
};
use serde_json::json;
use std::time::Duration;

const GIB: u64 = 1 << 30;

/// An operator powers the server on.
async fn power_on(world: &World) -> Order {
    world.lifecycle.power_servers(None, vec![world.server_id()], PowerAction::On).await.unwrap();
    newest(world)
}

fn newest(world: &World) -> Order {
    world.sent().pop().unwrap().1
}

/// Changes the server's row by hand.
async fn set(world: &World, change: impl FnOnce(&mut Server)) {
    let mut server = world.server().await;
    change(&mut server);
    world.store.read(move |tx| tx.update_server(&server)).await.unwrap();
}

/// Records by hand what a ramdisk saw.
async fn see(world: &World, seen: Inventory) {
    let server = world.server_id();
    world.store.run(move |tx| tx.record_inventory(server, &seen)).await.unwrap();
}

async fn seen(world: &World) -> Inventory {
    let server = world.server_id();
    world.store.run(move |tx| tx.inventory(server)).await.unwrap().unwrap()
}

/// An instance comes and goes; answers the order of the wipe that follows.
async fn released(world: &World) -> Order {
    let id = world.create().await.unwrap();
    world.terminate(id).await;
    newest(world)
}

/// The operator takes the server as it is, and its agent sees that it is as it was.
async fn accepted_unwiped(world: &World) {
    world.lifecycle.act_on_server(world.server_id(), ServerAction::AcceptUnwiped).await.unwrap();
    world.inspected(world.server().await.generation, World::inventory()).await;
    assert_eq!(world.server().await.manage_state, ManageState::Ready);
}

/// What the server's major events say.
async fn major(world: &World) -> Vec<String> {
    let (from, to) = (Timestamp(0), Timestamp(u64::MAX >> 1));
    let wanted = ServerEventsWanted { servers: None, from, to, level: Some("major".into()), offset: 0, limit: 9 };
    let (events, _) = world.store.read(move |tx| tx.server_events(&wanted)).await.unwrap();
    events.into_iter().map(|event| event.message).collect()
}

#[tokio::test]
async fn a_task_that_does_not_end_in_time_becomes_an_error_that_says_what_was_waited_for() {
    for (step, cause) in [(None, "agent_unavailable"), (Some(Step::Power), "power_deadline")] {
        let world = World::new().await;
        power_on(&world).await;
        if let Some(step) = step {
            world.report(1, step, started()).await;
        }
        let deadline = world.server().await.task_deadline.unwrap();
        assert_eq!(world.lifecycle.expire().await.unwrap(), Some(deadline));
        world.clock.set(Timestamp(deadline.0 - 1));
        world.lifecycle.expire().await.unwrap();
        assert!(world.server().await.task.is_some());
        world.clock.set(deadline);
        assert_eq!(world.lifecycle.expire().await.unwrap(), None);
        let server = world.server().await;
        let error = server.error.unwrap();
        assert_eq!((server.task, server.task_deadline, error.cause.as_str()), (None, None, cause));
        assert!(error.message.contains("waiting for"), "{}", error.message);
        assert_eq!((server.operation_state.as_str(), server.manage_state), ("power-on-failed", ManageState::Ready));
    }
}

#[tokio::test]
async fn a_wipe_that_does_not_end_in_time_keeps_the_server_out() {
    let world = World::new().await;
    let order = released(&world).await;
    world.report(order.generation, Step::Wipe, started()).await;
    world.clock.set(world.server().await.task_deadline.unwrap());
    world.lifecycle.expire().await.unwrap();
    let server = world.server().await;
    assert_eq!((server.manage_state, server.unwiped), (ManageState::Maintain, true));
    assert_eq!(server.error.unwrap().cause, "wipe_deadline");
    world.erase().await;
    assert_eq!(world.server().await.manage_state, ManageState::Maintain, "too late: what was told is over");
}

#[tokio::test]
async fn a_task_that_starts_over_for_ever_ends() {
    let world = World::new().await;
    let generation = released(&world).await.generation;
    for _ in 0..10_000 {
        world.report(generation, Step::Boot, started()).await;
        world.report(generation, Step::Power, started()).await;
        world.clock.advance(Duration::from_secs(60));
        world.lifecycle.expire().await.unwrap();
        if world.server().await.task.is_none() {
            return;
        }
    }
    panic!("it did not end");
}

#[tokio::test]
async fn the_bmc_of_an_empty_server_is_asked_whatever_it_said_last() {
    for (action, power_on) in [(PowerAction::Off, false), (PowerAction::On, true)] {
        let world = World::new().await;
        let server = Server { power_on: Some(power_on), ..world.server().await };
        world.store.run(move |tx| tx.update_server(&server)).await.unwrap();
        world.lifecycle.power_servers(None, vec![world.server_id()], action).await.unwrap();
        assert!(matches!(newest(&world).work, Some(Work::Power(_))), "there are buttons");
    }
}

#[tokio::test]
async fn what_is_told_late_or_twice_changes_nothing() {
    let world = World::new().await;
    let first = power_on(&world).await.generation;
    world.report(first, Step::Power, What::Done(Done::default())).await;
    let ended = world.server().await;
    assert_eq!((ended.power_on, ended.operation_state.as_str()), (Some(true), "power-on-succeed"));
    let failed = || What::Failed(Failed { cause: "bmc_silent".into(), message: "late".into() });
    for what in [What::Done(Done::default()), failed(), started()] {
        world.report(first, Step::Power, what).await;
        assert_eq!(world.server().await, ended);
    }
    world.lifecycle.power_servers(None, vec![world.server_id()], PowerAction::Off).await.unwrap();
    let second = newest(&world).generation;
    world.report(second, Step::PowerOff, started()).await;
    let begun = world.server().await;
    let progress = || What::Progress(Progress { done_bytes: 1, total_bytes: 2, ..Progress::default() });
    for (generation, step, what) in [
        (first, Step::Power, failed()),
        (first, Step::Power, What::Done(Done::default())),
        (second, Step::PowerOff, started()),
        (second, Step::Power, started()),
        (second, Step::Wipe, progress()),
        (second + 1, Step::PowerOff, What::Done(Done::default())),
    ] {
        world.report(generation, step, what).await;
        assert_eq!(world.server().await, begun, "{generation} {step:?}");
    }
    let stranger = world.join("stranger").await;
    world.report_of(stranger, second, Step::PowerOff, What::Done(Done::default())).await;
    assert_eq!(world.server().await, begun, "another agent's word");
}

#[tokio::test]
async fn an_agent_that_starts_again_gets_the_very_same_task_and_may_begin_it_anew() {
    let world = World::new().await;
    let order = released(&world).await;
    for step in [Step::Power, Step::Boot, Step::Inspect, Step::Wipe] {
        world.report(order.generation, step, started()).await;
    }
    let before = world.server().await;
    let (claims, orders) = world.hello(world.agent, 2).await.unwrap();
    assert!(claims[0].accepted, "{claims:?}");
    assert_eq!(orders, std::slice::from_ref(&order));
    let after = world.server().await;
    assert_eq!((&after.task, after.task_deadline), (&before.task, before.task_deadline), "no deadline is put off");
    world.report(order.generation, Step::Boot, started()).await;
    assert_eq!(world.server().await.task.unwrap().step, "wipe", "not from the middle");
    world.report(order.generation, Step::Power, started()).await;
    assert_eq!(world.server().await.task.unwrap().step, "power");
    world.erase().await;
    let server = world.server().await;
    assert_eq!((server.manage_state, server.unwiped), (ManageState::Ready, false));
    assert_eq!(world.hello(world.agent, 3).await.unwrap().1, [], "it is over");
}

#[tokio::test]
async fn a_wipe_is_told_which_ways_the_operator_allows() {
    let world = World::new().await;
    let Some(Work::Wipe(wipe)) = released(&world).await.work else { panic!("a wipe") };
    assert_eq!(wipe.allowed().collect::<Vec<_>>(), Erasure::ALL);
}

#[tokio::test]
async fn a_server_without_recorded_disks_is_kept_out_and_nothing_is_erased() {
    for known in [true, false] {
        let world = World::new().await;
        let id = world.create().await.unwrap();
        if known {
            let mut seen = World::inventory();
            seen.disks.retain(|disk| !disk.direct);
            see(&world, seen).await;
        } else {
            let server = world.server_id();
            world.store.run(move |tx| tx.forget_inventory(server)).await.unwrap();
        }
        world.terminate(id).await;
        let server = world.server().await;
        assert_eq!((server.manage_state, server.unwiped, server.task), (ManageState::Maintain, true, None));
        assert_eq!(server.error.unwrap().cause, "no_recorded_disks");
        assert!(!matches!(newest(&world).work, Some(Work::Wipe(_))));
        assert!(world.reserved().await.is_empty(), "the instance is gone all the same");
    }
}

#[tokio::test]
async fn a_disk_that_nobody_can_know_again_is_told_at_inspection_and_no_wipe_is_told_to_erase_it() {
    let world = World::new().await;
    let act = |action| world.lifecycle.act_on_server(world.server_id(), action);
    act(ServerAction::Maintain { reason: "another disk".into() }).await.unwrap();
    act(ServerAction::Inspect { allow_reset: true, accept_baseline: false }).await.unwrap();
    let mut seen = World::inventory();
    let unmarked = billet_proto::link::Disk {
        name: "vdb".into(),
        serial: String::new(),
        path: "p".into(),
        ..seen.disks[0].clone()
    };
    seen.disks.push(unmarked);
    world.inspected(world.server().await.generation, seen).await;
    assert_eq!(major(&world).await, [format!("vdb ({} bytes, model '')", 10 * GIB)]);
    act(ServerAction::Ready).await.unwrap();
    let Some(Work::Wipe(wipe)) = released(&world).await.work else { panic!("a wipe") };
    let names: Vec<&str> = wipe.disks.iter().map(|disk| disk.name.as_str()).collect();
    assert_eq!(names, ["vda"]);
}

#[tokio::test]
async fn what_bears_out_one_namespace_of_a_drive_bears_out_no_other() {
    let namespace = |name: &str, wwn: &str| {
        let disk = World::inventory().disks[0].clone();
        billet_proto::link::Disk { name: name.into(), wwn: wwn.into(), ..disk }
    };
    let both = [namespace("nvme0n1", "eui.1"), namespace("nvme0n2", "eui.2")];
    let What::Done(done) = World::wiped() else { panic!("an end") };
    let of = |disk: billet_proto::link::Disk| WipedDisk { disk: Some(disk), ..done.wiped[0].clone() };
    let nameless = namespace("nvme0n1", "");
    for (told, expected) in [
        (vec![of(both[0].clone()), of(both[1].clone())], ManageState::Ready),
        (vec![of(both[0].clone())], ManageState::Maintain),
        (vec![of(nameless.clone())], ManageState::Maintain),
        (vec![of(both[0].clone()), of(both[0].clone())], ManageState::Maintain),
    ] {
        let world = World::new().await;
        see(&world, Inventory { disks: both.to_vec(), ..World::inventory() }).await;
        let generation = released(&world).await.generation;
        let end = What::Done(Done { wiped: told, ..Done::default() });
        world.report(generation, Step::Wipe, end).await;
        assert_eq!(world.server().await.manage_state, expected);
    }
}

#[tokio::test]
async fn metadata_alone_is_erased_only_where_the_server_goes_back_to_the_same_project() {
    for (chosen, project, expected) in [
        (WipePolicy::Full, Some(PROJECT), WipeMethod::Full),
        (WipePolicy::Metadata, Some(PROJECT), WipeMethod::Metadata),
        (WipePolicy::Metadata, Some("other"), WipeMethod::Full),
        (WipePolicy::Metadata, None, WipeMethod::Full),
    ] {
        let world = World::new().await;
        let id = world.create().await.unwrap();
        let of = project.map(|project| project.parse().unwrap());
        set(&world, |server| (server.wipe_policy, server.project_id) = (chosen, of)).await;
        world.terminate(id).await;
        let Some(Work::Wipe(wipe)) = newest(&world).work else { panic!("a wipe") };
        assert_eq!(wipe.method(), expected, "{chosen:?} {project:?}");
    }
}

#[tokio::test]
async fn what_was_erased_in_part_or_not_at_all_goes_to_no_other_project_before_it_is_erased_in_full() {
    let world = World::new().await;
    let to = |project: &str| {
        let word = json!({ "agent_name": "rack0", "project_id": project }).to_string();
        world.lifecycle.register(world.server_id(), RegisterServer::parse(word.as_bytes()).unwrap())
    };
    to(PROJECT).await.unwrap();
    set(&world, |server| server.wipe_policy = WipePolicy::Metadata).await;
    released(&world).await;
    world.erase().await;
    assert_eq!(world.server().await.manage_state, ManageState::Ready);
    let refused = to("other").await.unwrap_err().to_string();
    assert!(refused.contains("wipe it in full first"), "{refused}");
    to(PROJECT).await.unwrap();
    let act = |action| world.lifecycle.act_on_server(world.server_id(), action);
    act(ServerAction::Maintain { reason: "it moves".into() }).await.unwrap();
    act(ServerAction::Wipe { policy: Some(WipePolicy::Full) }).await.unwrap();
    world.erase().await;
    to("other").await.unwrap();
    assert_eq!(world.server().await.project_id, Some("other".parse().unwrap()));
    // Nor one that nothing erased.
    set(&world, |server| server.unwiped = true).await;
    assert!(to(PROJECT).await.is_err());
}

#[tokio::test]
async fn the_time_for_a_wipe_grows_with_what_is_to_be_erased() {
    // 600 s, and 50 MB a second.
    for (sizes, policy, expected) in [
        (vec![GIB], WipePolicy::Full, 621),
        (vec![4_000 * GIB], WipePolicy::Full, 86_499),
        (vec![4_000 * GIB, 4_000 * GIB], WipePolicy::Full, 172_398),
        (vec![4_000 * GIB], WipePolicy::Metadata, 600),
        (vec![u64::MAX, u64::MAX], WipePolicy::Metadata, 600),
    ] {
        let world = World::new().await;
        let id = world.create().await.unwrap();
        set(&world, |server| {
            (server.wipe_policy, server.project_id) = (policy, Some(PROJECT.parse().unwrap()));
        })
        .await;
        let mut seen = World::inventory();
        let disk = seen.disks[0].clone();
        seen.disks = sizes.iter().map(|&size_bytes| billet_proto::link::Disk { size_bytes, ..disk.clone() }).collect();
        see(&world, seen).await;
        world.terminate(id).await;
        let order = newest(&world);
        let told = order.deadlines.iter().find(|deadline| deadline.step() == Step::Wipe).unwrap().seconds;
        assert_eq!(told, expected, "{sizes:?} {policy:?}");
        world.report(order.generation, Step::Wipe, started()).await;
        let deadline = world.server().await.task_deadline.unwrap();
        let wait = deadline.since(world.edge.now()).as_secs();
        assert!(wait > u64::from(expected) && wait < u64::from(expected) + 600, "later than the agent: {wait}");
    }
}

#[tokio::test]
async fn a_card_is_given_the_time_that_a_card_takes() {
    let world = World::new().await;
    let id = world.create().await.unwrap();
    let mut seen = World::inventory();
    (seen.disks[0].transport, seen.disks[0].size_bytes) = ("sd".into(), 64_000_000_000);
    see(&world, seen).await;
    world.terminate(id).await;
    let order = newest(&world);
    let told = order.deadlines.iter().find(|deadline| deadline.step() == Step::Wipe).unwrap().seconds;
    assert_eq!(told, 600 + 12_800, "5 MB a second");
}

#[tokio::test]
async fn an_instance_has_the_wipe_before_it_and_never_one_that_somebody_wrote_after() {
    let world = World::new().await;
    assert!(world.server().await.last_wipe.is_none());
    released(&world).await;
    world.erase().await;
    let wiped = world.create().await.unwrap();
    assert_eq!(world.instance(wiped).await.wipe_before, world.server().await.last_wipe);
    assert!(world.server().await.last_wipe.is_some());
    // What this one wrote is not erased: the operator takes the server as it is.
    world.terminate(wiped).await;
    let generation = newest(&world).generation;
    let failed = Failed { cause: "disk_io".into(), message: "no".into() };
    world.report(generation, Step::Wipe, What::Failed(failed)).await;
    accepted_unwiped(&world).await;
    let unwiped = world.create().await.unwrap();
    assert_eq!(world.instance(unwiped).await.wipe_before, None, "the receipt must not tell an older wipe");
}

#[tokio::test]
async fn which_disks_are_wiped_an_inspection_says_and_no_boot_for_something_else() {
    let world = World::new().await;
    let with = |name: &str| {
        let mut seen = World::inventory();
        seen.disks[0].name = name.into();
        seen.disks[0].serial = format!("{name}-1");
        seen
    };
    see(&world, World::inventory()).await;
    let id = world.create().await.unwrap();
    let generation = newest(&world).generation;
    for _told_again in 0..2 {
        world.report(generation, Step::Inspect, What::Inspected(with("vdb"))).await;
    }
    world.terminate(id).await;
    let order = newest(&world);
    let Some(Work::Wipe(wipe)) = &order.work else { panic!("a wipe, not {order:?}") };
    let serials: Vec<_> = wipe.disks.iter().map(|disk| disk.serial.as_str()).collect();
    assert_eq!(serials, ["vda-1"], "the disk that was not there for a while, and not the one that nobody recorded");
    let told = major(&world).await;
    let difference =
        "recorded and not there: vda (serial number 'vda-1'); there and not recorded: vdb (serial number 'vdb-1')";
    assert_eq!(told, [difference]);

    let failed = Failed { cause: "disk_not_recorded".into(), message: "vdb".into() };
    world.report(order.generation, Step::Wipe, What::Failed(failed)).await;
    world
        .lifecycle
        .act_on_server(world.server_id(), ServerAction::Inspect { allow_reset: false, accept_baseline: false })
        .await
        .unwrap();
    world.inspected(newest(&world).generation, with("vdb")).await;
    let recorded = seen(&world).await;
    assert_eq!(recorded.disks[0].serial, "vdb-1", "the operator had it looked at again");
}

#[tokio::test]
async fn what_a_disk_says_of_itself_is_recorded_tamed_and_it_is_the_same_disk_when_it_was_wiped() {
    let world = World::new().await;
    let act = |action| world.lifecycle.act_on_server(world.server_id(), action);
    act(ServerAction::Maintain { reason: "another disk".into() }).await.unwrap();
    act(ServerAction::Inspect { allow_reset: false, accept_baseline: false }).await.unwrap();
    let mut seen = World::inventory();
    seen.disks.truncate(1);
    (seen.disks[0].serial, seen.disks[0].model) = ("S\u{1b}[31m".into(), "x".repeat(5000));
    world.inspected(newest(&world).generation, seen.clone()).await;
    let recorded = self::seen(&world).await.disks;
    assert_eq!((recorded[0].serial.as_str(), recorded[0].model.len()), ("S [31m", 600));

    act(ServerAction::Wipe { policy: None }).await.unwrap();
    let (disk, bytes) = (seen.disks.pop(), recorded[0].size_bytes);
    let wiped = WipedDisk { disk, bytes, read_back: 1, method: "overwrite".into(), ..WipedDisk::default() };
    let done = Done { wiped: vec![wiped], ..Done::default() };
    world.report(newest(&world).generation, Step::Wipe, What::Done(done)).await;
    let server = world.server().await;
    assert_eq!(server.last_wipe.unwrap().disks[0].disk, Some(recorded[0].clone()), "{:?}", server.error);
}

#[tokio::test]
async fn one_of_two_disks_that_was_erased_is_not_enough_however_often_it_is_told() {
    let world = World::new().await;
    let mut seen = World::inventory();
    let second = Disk { name: "vdb".into(), serial: "vdb-1".into(), ..seen.disks[0].clone() };
    seen.disks.insert(1, second);
    for told in [[0, 0], [1, 1], [0, 1]] {
        see(&world, seen.clone()).await;
        let order = released(&world).await;
        let What::Done(mut done) = World::wiped() else { panic!("a wipe's end") };
        let wiped = done.wiped.remove(0);
        done.wiped = told.map(|at| WipedDisk { disk: Some(seen.disks[at].clone()), ..wiped.clone() }).to_vec();
        world.report(order.generation, Step::Wipe, What::Inspected(seen.clone())).await;
        world.report(order.generation, Step::Wipe, What::Done(done)).await;
        let server = world.server().await;
        if told == [0, 1] {
            assert_eq!((server.manage_state, server.unwiped), (ManageState::Ready, false));
            return;
        }
        assert_eq!((server.manage_state, server.unwiped, server.last_wipe), (ManageState::Maintain, true, None));
        assert_eq!(server.error.unwrap().cause, "wipe_incomplete");
        accepted_unwiped(&world).await;
    }
}

#[tokio::test]
async fn what_was_erased_in_a_way_that_is_not_allowed_is_not_erased_and_what_nobody_ordered_has_no_receipt() {
    let wiped = |method: &str| {
        let What::Done(mut done) = World::wiped() else { panic!("a wipe's end") };
        done.wiped.iter_mut().for_each(|wiped| method.clone_into(&mut wiped.method));
        done
    };
    let world = World::new().await;
    let order = released(&world).await;
    world.report(order.generation, Step::Wipe, What::Done(wiped("discard"))).await;
    let server = world.server().await;
    assert_eq!((server.manage_state, server.error.unwrap().cause.as_str()), (ManageState::Maintain, "wipe_incomplete"));

    let world = World::new().await;
    let order = released(&world).await;
    let mut done = wiped("write-zeroes");
    let foreign = World::inventory().disks.pop();
    done.wiped.push(WipedDisk { disk: foreign, ..done.wiped[0].clone() });
    done.wiped.insert(0, WipedDisk { read_back: 0, ..done.wiped[0].clone() });
    world.report(order.generation, Step::Wipe, What::Done(done)).await;
    let disks = world.server().await.last_wipe.unwrap().disks;
    let told: Vec<_> = disks.iter().map(|disk| (disk.disk.clone().unwrap().name, disk.read_back)).collect();
    assert_eq!(told, [("vda".to_owned(), 64)]);
}
