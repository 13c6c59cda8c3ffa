//! What operators do where something stands still: once more, given up, set aside, or gone.

use super::{
    KEY, done, installed, started,
    world::{PROJECT, World},
};
use crate::{
    api::ports::LifecycleApi,
    config::Config,
    lifecycle::{PowerAction, refusal::Refusal},
    request::{ModifyIp, ServerAction},
    store::record::ManageState,
};
use billet_proto::{
    InstanceId,
    link::{self, Done, Failed, Order, PowerRead, Step, WordRequest, order::Work, report::What},
};
use serde_json::json;
use std::time::Duration;

async fn running(world: &World) -> InstanceId {
    let id = installed(world).await;
    world.report(world.instance(id).await.generation, Step::Verify, done(KEY)).await;
    assert_eq!(state(world, id).await, "running");
    id
}

async fn state(world: &World, id: InstanceId) -> &'static str {
    world.instance(id).await.standing().state()
}

async fn cause(world: &World, id: InstanceId) -> String {
    world.instance(id).await.error.unwrap().cause
}

fn newest(world: &World) -> Order {
    world.sent().pop().unwrap().1
}

fn silent() -> What {
    What::Failed(Failed { cause: "bmc_silent".into(), message: "no answer".into() })
}

async fn act(world: &World, action: ServerAction) -> Result<ManageState, Refusal> {
    let server = world.lifecycle.act_on_server(world.server_id(), action).await?;
    Ok(server.manage_state)
}

fn maintain() -> ServerAction {
    ServerAction::Maintain { reason: "a fan".into() }
}

async fn power(world: &World, action: PowerAction) -> Result<(), Refusal> {
    world.lifecycle.power_servers(None, vec![world.server_id()], action).await
}

async fn modify(world: &World, id: InstanceId) -> Result<(), Refusal> {
    let body = json!({ "nics": [{ "subnet_id": world.subnet.to_string(), "ip_address": "10.20.0.77" }] });
    let request = ModifyIp::parse(body.to_string().as_bytes()).unwrap();
    LifecycleApi::modify_ip(&world.lifecycle, PROJECT.parse().unwrap(), id, request).await
}

#[tokio::test]
async fn an_installation_that_is_given_up_is_powered_off_by_a_newer_order_before_it_has_failed() {
    let world = World::new().await;
    let id = installed(&world).await;
    world.lifecycle.cancel(id).await.unwrap();
    let order = newest(&world);
    let Some(Work::PowerOff(work)) = &order.work else { panic!("{order:?}") };
    assert_eq!((order.generation, work.nics.len()), (2, 1), "wherever its port had come to");
    let instance = world.instance(id).await;
    assert_eq!(
        (instance.phase.word(), state(&world, id).await, instance.password_hash),
        ("cancelling", "pending", None)
    );
    for generation in [1, 2] {
        let asked = WordRequest { server_id: world.server_id().to_string(), generation, nonce: vec![] };
        assert!(world.lifecycle.word(world.agent, asked).await.unwrap().is_err(), "nothing is handed over any more");
        let image = world.lifecycle.readable_image(world.agent, world.server_id().to_string(), generation).await;
        assert_eq!(image.unwrap(), None);
    }
    world.report(1, Step::Verify, done(KEY)).await;
    assert_eq!(world.instance(id).await.phase.word(), "cancelling", "an older order says nothing of this one");
    assert!(world.lifecycle.cancel(id).await.is_err(), "once is enough");
    world.report(2, Step::PowerOff, started()).await;
    assert_eq!(world.instance(id).await.phase.word(), "cancelling");
    world.report(2, Step::PowerOff, What::Done(Done::default())).await;
    assert_eq!((state(&world, id).await, cause(&world, id).await.as_str()), ("error", "cancelled"));
    assert_eq!((world.reserved().await.len(), world.server().await.manage_state), (1, ManageState::InUse));
    world.terminate(id).await;
}

#[tokio::test]
async fn what_is_given_up_and_cannot_be_powered_off_says_so_and_ends_by_its_deadline() {
    let world = World::new().await;
    let id = world.create().await.unwrap();
    world.report(1, Step::Write, started()).await;
    world.lifecycle.cancel(id).await.unwrap();
    world.report(2, Step::PowerOff, silent()).await;
    let error = world.instance(id).await.error.unwrap();
    assert_eq!((state(&world, id).await, error.cause.as_str()), ("error", "bmc_silent"));
    assert!(error.message.contains("may be on still"), "{}", error.message);

    for (is_taken, expected) in [(false, "agent_unavailable"), (true, "cancelling_deadline")] {
        let world = World::new().await;
        let id = world.create().await.unwrap();
        world.lifecycle.cancel(id).await.unwrap();
        if is_taken {
            world.report(2, Step::PowerOff, started()).await;
        }
        world.clock.set(world.instance(id).await.deadline.unwrap());
        world.lifecycle.expire().await.unwrap();
        assert_eq!((state(&world, id).await, cause(&world, id).await.as_str()), ("error", expected));
    }
}

#[tokio::test]
async fn a_power_action_that_cannot_be_given_up_is_not_told_to_be_off() {
    let world = World::new().await;
    let id = running(&world).await;
    power(&world, PowerAction::Reboot).await.unwrap();
    world.lifecycle.cancel(id).await.unwrap();
    world.clock.set(world.instance(id).await.deadline.unwrap());
    world.lifecycle.expire().await.unwrap();
    assert_eq!((state(&world, id).await, cause(&world, id).await.as_str()), ("running", "agent_unavailable"));
    power(&world, PowerAction::Off).await.unwrap();
    assert!(matches!(newest(&world).work, Some(Work::Power(_))), "it is asked to be off");
}

#[tokio::test]
async fn a_reboot_whose_power_off_was_not_read_back_is_not_told_to_be_off() {
    let world = World::new().await;
    let id = running(&world).await;
    power(&world, PowerAction::Reboot).await.unwrap();
    world.report(newest(&world).generation, Step::PowerOff, silent()).await;
    assert_eq!((state(&world, id).await, cause(&world, id).await.as_str()), ("running", "bmc_silent"));
    power(&world, PowerAction::Off).await.unwrap();
    assert!(matches!(newest(&world).work, Some(Work::Power(_))), "it is asked to be off");
}

#[tokio::test]
async fn a_reboot_that_did_not_get_to_power_off_for_its_password_is_not_told_to_be_off() {
    for is_cut_off in [false, true] {
        let world = World::new().await;
        let id = running(&world).await;
        let project = PROJECT.parse().unwrap();
        LifecycleApi::change_password(&world.lifecycle, project, vec![id], "$6$saltsaltsalt$x".into()).await.unwrap();
        power(&world, PowerAction::Reboot).await.unwrap();
        let order = newest(&world);
        assert!(matches!(order.work, Some(Work::Reconfigure(_))));
        world.report(order.generation, Step::Power, started()).await;
        if is_cut_off {
            world.clock.set(world.instance(id).await.deadline.unwrap());
            world.lifecycle.expire().await.unwrap();
        } else {
            world.report(order.generation, Step::PowerOff, silent()).await;
        }
        let expected = if is_cut_off { "power_deadline" } else { "bmc_silent" };
        assert_eq!((state(&world, id).await, cause(&world, id).await.as_str()), ("running", expected));
        let server_id = world.server_id().to_string();
        let asked = WordRequest { server_id, generation: order.generation, nonce: Vec::new() };
        let word = world.lifecycle.word(world.agent, asked).await.unwrap();
        assert!(word.unwrap_err().over, "where its ramdisk is there all the same, nothing newer ends it");
        // What was off by then, and did not come up, is.
        power(&world, PowerAction::Reboot).await.unwrap();
        let order = newest(&world);
        world.report(order.generation, Step::Power, started()).await;
        world.report(order.generation, Step::Power, silent()).await;
        assert_eq!(state(&world, id).await, "stopped");
    }
}

#[tokio::test]
async fn the_bmc_of_a_stopped_instance_is_asked_whatever_it_said_last() {
    let world = World::new().await;
    let id = running(&world).await;
    let powered_off = async || {
        let sent = world.sent().len();
        power(&world, PowerAction::Off).await.unwrap();
        let order = newest(&world);
        let is_off = matches!(&order.work, Some(Work::Power(work)) if work.action() == link::PowerAction::Off);
        assert!(is_off && world.sent().len() == sent + 1, "{order:?}");
        world.report(order.generation, Step::PowerOff, What::PowerRead(PowerRead { on: false })).await;
        world.report(order.generation, Step::PowerOff, What::Done(Done::default())).await;
        assert_eq!((state(&world, id).await, world.instance(id).await.error), ("stopped", None));
    };
    powered_off().await;
    // The rack lost its power, and it came on by itself.
    assert_eq!(world.server().await.power_on, Some(false));
    powered_off().await;
    // It did not come on in time; it may a moment later.
    power(&world, PowerAction::On).await.unwrap();
    world.report(newest(&world).generation, Step::Power, silent()).await;
    assert_eq!(state(&world, id).await, "stopped");
    powered_off().await;
}

#[tokio::test]
async fn a_power_action_that_is_given_up_leaves_the_system_its_ports_and_one_that_powers_off_goes_on() {
    let world = World::new().await;
    let id = running(&world).await;
    assert!(world.lifecycle.cancel(id).await.is_err(), "nothing is in progress");
    power(&world, PowerAction::Reboot).await.unwrap();
    world.lifecycle.cancel(id).await.unwrap();
    let order = newest(&world);
    assert!(matches!(&order.work, Some(Work::PowerOff(work)) if work.nics.is_empty()), "{order:?}");
    world.report(order.generation, Step::PowerOff, What::Done(Done::default())).await;
    assert_eq!((state(&world, id).await, cause(&world, id).await.as_str()), ("stopped", "cancelled"));
    assert_eq!(world.server().await.operation_state, "reboot-failed");
    world.lifecycle.retry(id).await.unwrap();
    let order = newest(&world);
    world.report(order.generation, Step::Power, What::Done(Done::default())).await;
    assert_eq!((state(&world, id).await, world.instance(id).await.error), ("running", None));
    power(&world, PowerAction::Off).await.unwrap();
    let refused = world.lifecycle.cancel(id).await.unwrap_err().to_string();
    assert!(refused.contains("being powered off") && refused.contains("other than a power-off"), "{refused}");
    world.lifecycle.delete(None, id).await.unwrap();
    assert!(world.lifecycle.cancel(id).await.is_err(), "a deletion is not taken back");
}

#[tokio::test]
async fn a_deletion_whose_power_off_cannot_be_read_back_keeps_server_and_addresses_and_is_tried_again() {
    let world = World::new().await;
    let id = running(&world).await;
    world.lifecycle.delete(None, id).await.unwrap();
    let before = newest(&world);
    world.report(before.generation, Step::PowerOff, silent()).await;
    let standing = world.instance(id).await.standing();
    assert_eq!((standing.state(), standing.operation_state()), ("error", "uninstall-failed"));
    assert_eq!((world.reserved().await.len(), world.server().await.manage_state), (1, ManageState::InUse));
    world.lifecycle.retry(id).await.unwrap();
    let order = newest(&world);
    assert!(order.generation > before.generation && matches!(order.work, Some(Work::PowerOff(_))), "{order:?}");
    assert!(world.lifecycle.retry(id).await.is_err(), "it is in progress");
    world.report(order.generation, Step::PowerOff, What::Done(Done::default())).await;
    assert_eq!((state(&world, id).await, world.reserved().await.len()), ("terminated", 0));
}

#[tokio::test]
async fn a_change_of_address_that_failed_is_tried_again_with_the_same_addresses() {
    let world = World::new().await;
    let id = running(&world).await;
    modify(&world, id).await.unwrap();
    let before = newest(&world);
    world.report(before.generation, Step::Boot, silent()).await;
    world.lifecycle.retry(id).await.unwrap();
    let order = newest(&world);
    let (Some(Work::Reconfigure(old)), Some(Work::Reconfigure(new))) = (&before.work, &order.work) else {
        panic!("{order:?}")
    };
    assert_eq!(new, old);
    assert!(order.generation > before.generation);
    assert_eq!(world.reserved().await.len(), 2);
}

#[tokio::test]
async fn an_installation_that_failed_is_not_tried_again_without_its_password_and_the_refusal_says_what_is() {
    let world = World::new().await;
    let id = world.create().await.unwrap();
    assert!(world.lifecycle.retry(id).await.is_err(), "it is in progress");
    world.report(1, Step::Boot, silent()).await;
    let refused = world.lifecycle.retry(id).await.unwrap_err().to_string();
    assert!(refused.contains("password") && refused.contains("billet instance reinstall"), "{refused}");
    assert_eq!(world.instance(id).await.generation, 1, "nothing changed");
}

#[tokio::test]
async fn a_server_that_is_set_aside_in_use_powers_nothing_on_and_goes_to_nobody_afterwards() {
    let world = World::new().await;
    let id = running(&world).await;
    assert_eq!(act(&world, maintain()).await.unwrap(), ManageState::InUse);
    assert_eq!(world.server().await.error.unwrap().cause, "maintenance");
    for refused in [power(&world, PowerAction::Reboot).await, modify(&world, id).await] {
        assert!(refused.unwrap_err().to_string().contains("set aside"));
    }
    assert_eq!(act(&world, ServerAction::Ready).await.unwrap(), ManageState::InUse);
    power(&world, PowerAction::Off).await.unwrap();
    assert_eq!(act(&world, maintain()).await.unwrap(), ManageState::InUse, "also with work in progress");
    for action in [
        ServerAction::Wipe { policy: None },
        ServerAction::Inspect { allow_reset: true, accept_baseline: false },
        ServerAction::AcceptUnwiped,
        ServerAction::Offboard { confirm_off: false },
    ] {
        assert!(act(&world, action.clone()).await.is_err(), "{action:?}: an instance is on it");
    }
    world.terminate(id).await;
    world.erase().await;
    let server = world.server().await;
    assert_eq!((server.manage_state, server.unwiped), (ManageState::Maintain, false));
    assert_eq!(act(&world, ServerAction::Ready).await.unwrap(), ManageState::Ready);
}

#[tokio::test]
async fn a_server_is_set_aside_whatever_stands_still_on_it() {
    let world = World::new().await;
    let id = world.create().await.unwrap();
    world.report(1, Step::Boot, silent()).await;
    world.lifecycle.revoke_agent("rack0".into()).await.unwrap();
    assert_eq!(
        act(&world, maintain()).await.unwrap(),
        ManageState::InUse,
        "its instance failed, and its agent is gone"
    );
    assert_eq!(state(&world, id).await, "error");

    let world = World::new().await;
    let id = world.create().await.unwrap();
    world.terminate(id).await;
    assert!(world.server().await.task.is_some());
    assert_eq!(act(&world, maintain()).await.unwrap(), ManageState::InUse, "its wipe is in progress");
    world.clock.set(world.server().await.task_deadline.unwrap());
    world.lifecycle.expire().await.unwrap();
    let server = world.server().await;
    assert_eq!((server.manage_state, server.unwiped), (ManageState::Maintain, true));
}

#[tokio::test]
async fn a_server_that_is_gone_frees_its_addresses_by_the_operators_word_alone() {
    let world = World::new().await;
    let id = running(&world).await;
    world.lifecycle.delete(None, id).await.unwrap();
    world.report(2, Step::PowerOff, silent()).await;
    let refused = act(&world, ServerAction::Offboard { confirm_off: false }).await.unwrap_err().to_string();
    assert!(refused.contains("off and unplugged"), "{refused}");
    assert_eq!(world.reserved().await.len(), 1);
    let before = world.server().await.generation;
    assert_eq!(act(&world, ServerAction::Offboard { confirm_off: true }).await.unwrap(), ManageState::Offboarding);
    assert_eq!((state(&world, id).await, world.reserved().await.len()), ("terminated", 0));
    let server = world.server().await;
    assert!(server.unwiped && server.generation > before && server.task.is_none());
    assert_eq!(server.error.unwrap().cause, "removed");
    world.report(2, Step::PowerOff, What::Done(Done::default())).await;
    assert_eq!(world.server().await.task, None, "a late word begins nothing");
    let retired = async |accept_unwiped| world.lifecycle.forget_server(world.server_id(), accept_unwiped).await;
    for accept_unwiped in [false, true] {
        let refused = retired(accept_unwiped).await.unwrap_err().to_string();
        assert!(refused.contains("kept for the record"), "{refused}");
    }
    world.clock.advance(Config::default().policy.terminated_retention + Duration::from_secs(1));
    world.lifecycle.purge().await.unwrap();
    let refused = retired(false).await.unwrap_err().to_string();
    assert!(refused.contains("accept it unwiped"), "{refused}");
    retired(true).await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_gone_ends_the_work_on_it_in_every_state() {
    let world = World::new().await;
    let id = world.create().await.unwrap();
    world.terminate(id).await;
    assert!(world.server().await.task.is_some());
    act(&world, ServerAction::Offboard { confirm_off: true }).await.unwrap();
    let server = world.server().await;
    assert_eq!((server.task, server.task_deadline, server.manage_state), (None, None, ManageState::Offboarding));
    assert_eq!(world.lifecycle.keep_time().await.unwrap(), None, "nothing is waited for");
}
