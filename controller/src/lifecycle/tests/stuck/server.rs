//! Servers that are brought to where a row says.

use super::{
    super::{restored::restored, world::World},
    command::run,
    instance,
    way_out::WayOut,
};
use crate::{
    api::ports::LifecycleApi,
    config::Config,
    store::record::{ManageState, Server, TaskKind},
};
use billet_proto::link::{Done, Failed, Inventory, Step, report::What};
use std::time::Duration;

const MAINTAIN: &str = "billet server maintain SERVER --reason TEXT";

/// A world whose server stands as the row with this beginning says.
pub(super) async fn brought_to(row: &str) -> World {
    let world = World::new().await;
    let ask = async |command: &str| run(&world, command).await.unwrap();
    match row {
        "`onboard`: nobody owns it" => unknown(&world, |server| server.owner = None).await,
        "`onboard`: no word for it" => unknown(&world, |server| server.registered_agent = None).await,
        "`onboard`: its inspection failed" => {
            unknown(&world, |_| ()).await;
            world.hello(world.agent, 2).await.unwrap();
            fail(&world, true).await;
        }
        "`ready`" => {}
        "`in-use`" => instance_that_failed(&world).await,
        "`in-use`: set aside" => {
            world.create().await.unwrap();
            ask(MAINTAIN).await;
        }
        "`in-use`: `database_restored`" => {
            world.create().await.unwrap();
            restored(&world).await;
        }
        "`in-use`: the machine is gone" => deletion_that_failed(&world).await,
        "`maintain`: taken out" => ask(MAINTAIN).await,
        "`maintain`: not as it was" => {
            ask(MAINTAIN).await;
            ask("billet server inspect SERVER").await;
            let mut seen = World::inventory();
            seen.disks[0].size_bytes -= 512;
            world.inspected(world.server().await.generation, seen).await;
        }
        "`maintain`: not wiped" => {
            released(&world).await;
            fail(&world, true).await;
        }
        "`maintain`: not wiped, and its disks are others" => {
            without_disks(&world).await;
            released(&world).await;
        }
        "`offboarding`" => {
            released(&world).await;
            settle(&world).await;
            ask("billet server offboard SERVER").await;
            retention_ends(&world).await;
        }
        "`offboarding`: not erased, or not as it was" => {
            deletion_that_failed(&world).await;
            ask("billet server offboard SERVER --confirm-off").await;
            retention_ends(&world).await;
        }
        other => panic!("nothing brings a server to {other}"),
    }
    world
}

/// A world whose server had the task that the way out asks for, which failed.
pub(super) async fn with_failed(task: &str, way: &WayOut, is_told: bool) -> World {
    let world = World::new().await;
    if matches!(task, "inspect" | "wipe") {
        run(&world, MAINTAIN).await.unwrap();
    }
    run(&world, &way.commands[0]).await.unwrap();
    assert_eq!(world.server().await.task.map(|task| task.kind.word()), Some(task));
    fail(&world, is_told).await;
    world
}

/// The task in progress, if there is one, ends well.
pub(super) async fn settle(world: &World) {
    let Server { task, generation, .. } = world.server().await;
    match task.map(|task| task.kind) {
        None => {}
        Some(TaskKind::Inspect { .. }) => world.inspected(generation, World::inventory()).await,
        Some(TaskKind::Wipe { .. }) => world.erase().await,
        Some(TaskKind::PowerOff) => world.report(generation, Step::PowerOff, What::Done(Done::default())).await,
        Some(TaskKind::PowerOn | TaskKind::Reboot) => {
            world.report(generation, Step::Power, What::Done(Done::default())).await;
        }
    }
}

/// The agent tells that the task in progress failed, or nothing until its deadline.
async fn fail(world: &World, is_told: bool) {
    let server = world.server().await;
    let kind = server.task.unwrap().kind;
    if is_told {
        let failed = Failed { cause: "disk_io".into(), message: "it failed".into() };
        world.report(server.generation, kind.steps()[0], What::Failed(failed)).await;
    } else {
        world.clock.set(server.task_deadline.unwrap());
        world.lifecycle.expire().await.unwrap();
    }
    let server = world.server().await;
    assert!(server.task.is_none() && server.error.is_some(), "{server:?}");
}

/// As an agent claimed it, before it was inspected.
async fn unknown(world: &World, change: impl FnOnce(&mut Server)) {
    let mut server = Server { manage_state: ManageState::Onboard, inspected_at: None, ..world.server().await };
    change(&mut server);
    world.store.run(move |tx| tx.update_server(&server)).await.unwrap();
}

async fn without_disks(world: &World) {
    let (server, seen) = (world.server_id(), Inventory { disks: vec![], ..World::inventory() });
    world.store.run(move |tx| tx.record_inventory(server, &seen)).await.unwrap();
}

async fn instance_that_failed(world: &World) {
    let id = world.create().await.unwrap();
    instance::fail(world, id, true).await;
}

async fn deletion_that_failed(world: &World) {
    let id = world.create().await.unwrap();
    world.lifecycle.delete(None, id).await.unwrap();
    instance::fail(world, id, false).await;
}

/// An instance comes and goes, and the wipe begins where there is something to wipe.
async fn released(world: &World) {
    let id = world.create().await.unwrap();
    world.terminate(id).await;
}

/// Terminated instances are kept for the record no more.
async fn retention_ends(world: &World) {
    world.clock.advance(Config::default().policy.terminated_retention + Duration::from_secs(1));
    world.lifecycle.purge().await.unwrap();
}
