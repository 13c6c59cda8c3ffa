//! An operator gives up work on a server itself.

use super::{done, started, world::World};
use crate::{
    api::ports::LifecycleApi,
    lifecycle::{power::PowerAction, refusal::Refusal},
    request::ServerAction,
    store::record::{ManageState, Server},
};
use billet_proto::link::{Order, PowerAction as Ordered, Step, order::Work};

async fn act(world: &World, action: ServerAction) -> Result<Server, Refusal> {
    world.lifecycle.act_on_server(world.server_id(), action).await
}

fn newest(world: &World) -> Order {
    world.sent().pop().unwrap().1
}

fn is_power_off(order: &Order) -> bool {
    matches!(&order.work, Some(Work::Power(power)) if power.action() == Ordered::Off)
}

/// A server that is out, whose inspection is begun.
async fn inspected(allow_reset: bool) -> World {
    let world = World::new().await;
    act(&world, ServerAction::Maintain { reason: "a fan".into() }).await.unwrap();
    act(&world, ServerAction::Inspect { allow_reset, accept_baseline: false }).await.unwrap();
    world
}

#[tokio::test]
async fn a_wipe_that_is_given_up_is_powered_off_and_never_believed_afterwards() {
    let world = World::new().await;
    let id = world.create().await.unwrap();
    world.terminate(id).await;
    let wipe = newest(&world).generation;
    world.report(wipe, Step::Wipe, started()).await;
    let server = act(&world, ServerAction::Cancel).await.unwrap();
    assert_eq!((server.manage_state, server.unwiped), (ManageState::Maintain, true));
    assert_eq!(server.error.unwrap().cause, "cancelled");
    let order = newest(&world);
    assert!(order.generation > wipe && is_power_off(&order), "{order:?}");
    world.report(wipe, Step::Wipe, World::wiped()).await;
    let server = world.server().await;
    assert!(server.unwiped && server.last_wipe.is_none(), "an older order says nothing of this one");
    assert!(act(&world, ServerAction::Cancel).await.is_err(), "once is enough");
    world.report(order.generation, Step::PowerOff, started()).await;
    world.report(order.generation, Step::PowerOff, done("")).await;
    let server = world.server().await;
    assert_eq!((server.power_on, server.task, server.unwiped), (Some(false), None, true));
    assert!(act(&world, ServerAction::Ready).await.is_err(), "it is not wiped");
    act(&world, ServerAction::Wipe { policy: None }).await.unwrap();
    world.erase().await;
    assert!(!world.server().await.unwiped);
}

#[tokio::test]
async fn what_an_inspection_may_find_on_is_not_powered_off_by_giving_it_up() {
    for (allow_reset, step, may) in [
        (false, None, false),
        (false, Some(Step::Power), false),
        (false, Some(Step::Boot), true),
        (true, None, true),
        (true, Some(Step::Power), true),
    ] {
        let world = inspected(allow_reset).await;
        let order = newest(&world).generation;
        if let Some(step) = step {
            world.report(order, step, started()).await;
        }
        let given_up = act(&world, ServerAction::Cancel).await;
        assert_eq!(given_up.is_ok(), may, "{allow_reset} {step:?}: {given_up:?}");
        assert_eq!(is_power_off(&newest(&world)), may);
        assert_eq!(world.server().await.manage_state, ManageState::Maintain);
    }
}

#[tokio::test]
async fn power_is_given_up_by_a_power_off_which_is_not_given_up() {
    let world = World::new().await;
    let refused = act(&world, ServerAction::Cancel).await.unwrap_err().to_string();
    assert!(refused.contains("no work on it is in progress"), "{refused}");
    world.lifecycle.power_servers(None, vec![world.server_id()], PowerAction::On).await.unwrap();
    act(&world, ServerAction::Cancel).await.unwrap();
    assert!(is_power_off(&newest(&world)));
    let refused = act(&world, ServerAction::Cancel).await.unwrap_err().to_string();
    assert!(refused.contains("its power-off is in progress"), "{refused}");
}

#[tokio::test]
async fn what_no_agent_has_just_ends() {
    let world = inspected(true).await;
    let orders = world.sent().len();
    let mut server = world.server().await;
    server.owner = None;
    world.store.run(move |tx| tx.update_server(&server)).await.unwrap();
    assert!(act(&world, ServerAction::Cancel).await.unwrap().task.is_none());
    assert_eq!(world.sent().len(), orders);
}
