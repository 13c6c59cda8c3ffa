//! Operations on an instance that runs, as its agent tells of them.

use super::{
    KEY, done, installed, started,
    world::{HASH, PROJECT, World},
};
use crate::{
    api::ports::LifecycleApi,
    lifecycle::{
        expire::human,
        power::{self, PowerAction},
        refusal::Refusal,
        rules::Rules,
    },
    request::ModifyIp,
    store::record::Instance,
};
use billet_proto::{
    InstanceId, ProjectId,
    link::{Done, Failed, Note, Order, Step, order::Work, report::What},
};
use serde_json::{Value, json};
use std::time::Duration;

const NEW: &str = "$6$saltsaltsalt$another";
const OTHER_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB";

pub(super) fn project() -> ProjectId {
    PROJECT.parse().unwrap()
}

pub(super) async fn running(world: &World) -> InstanceId {
    let id = installed(world).await;
    let generation = world.instance(id).await.generation;
    world.report(generation, Step::Verify, done(KEY)).await;
    assert_eq!(world.instance(id).await.standing().state(), "running");
    id
}

pub(super) fn newest(world: &World) -> Order {
    world.sent().pop().unwrap().1
}

async fn states(world: &World, id: InstanceId) -> (&'static str, &'static str) {
    let standing = world.instance(id).await.standing();
    (standing.state(), standing.operation_state())
}

/// Asks for it as the servers' call does, and answers the order that follows.
async fn power(world: &World, id: InstanceId, action: PowerAction) -> Result<Option<Order>, Refusal> {
    let rules = Rules {
        now: world.edge.now(),
        deadlines: crate::config::Config::default().deadlines,
        policy: crate::config::Config::default().policy,
    };
    let asked = world.store.run(move |tx| {
        let instance = tx.instance(id)?.unwrap();
        power::of_instance(tx, &rules, instance, action)
    });
    let instance: Instance = asked.await?;
    let orders = world.lifecycle.open_orders(world.agent).await.unwrap();
    Ok(orders.into_iter().find(|order| order.generation == instance.generation))
}

pub(super) async fn tell_all(world: &World, generation: u64, steps: &[Step], key: &str) {
    for step in steps {
        world.report(generation, *step, started()).await;
        if *step == Step::Configure {
            world.report(generation, *step, What::Note(Note { kind: "host-key".into(), message: key.into() })).await;
        }
    }
    world.report(generation, Step::Verify, done(key)).await;
}

const REBOOTED: [Step; 6] = [Step::Power, Step::Boot, Step::Inspect, Step::Configure, Step::HandOver, Step::Verify];

#[tokio::test]
async fn a_reinstallation_keeps_server_addresses_and_metadata_and_believes_no_old_key() {
    let world = World::new().await;
    let id = running(&world).await;
    let before = world.instance(id).await;
    let systems = world.lifecycle.check_reinstall(project(), vec![id], None).await.unwrap();
    assert_eq!(systems.len(), 1);
    LifecycleApi::reinstall(&world.lifecycle, project(), (vec![id], None), NEW.into()).await.unwrap();
    assert_eq!(states(&world, id).await, ("pending", "reinstall-processing"));
    let order = newest(&world);
    let Some(Work::Install(install)) = &order.work else { panic!("{order:?}") };
    assert_eq!((install.password_hash.as_str(), install.metadata["role"].as_str()), (NEW, "front"));
    assert!(order.generation > before.generation);
    let now = world.instance(id).await;
    assert_eq!((&now.nics, now.server_id, now.host_key), (&before.nics, before.server_id, None));
    world.report(before.generation, Step::Verify, done(KEY)).await;
    assert_eq!(states(&world, id).await.0, "pending", "an older order says nothing of this one");
    let steps = [Step::Power, Step::Boot, Step::Inspect, Step::Write, Step::Configure, Step::HandOver, Step::Verify];
    tell_all(&world, order.generation, &steps, OTHER_KEY).await;
    assert_eq!(states(&world, id).await, ("running", "reinstall-succeed"));
    let after = world.instance(id).await;
    assert_eq!((after.host_key.as_deref(), after.launched_at), (Some(OTHER_KEY), before.launched_at));
    assert_eq!(world.reserved().await.len(), 1);
}

#[tokio::test]
async fn a_reinstallation_whose_end_is_never_told_is_an_error_and_nothing_is_erased_or_powered_off() {
    let world = World::new().await;
    let id = running(&world).await;
    world.clock.advance(Duration::from_secs(24 * 60 * 60));
    LifecycleApi::reinstall(&world.lifecycle, project(), (vec![id], None), NEW.into()).await.unwrap();
    let order = newest(&world);
    for step in [Step::Power, Step::Boot, Step::Inspect, Step::Write, Step::Configure, Step::HandOver, Step::Verify] {
        world.report(order.generation, step, started()).await;
    }
    let (sent, before) = (world.sent().len(), world.server().await);
    let deadline = world.instance(id).await.deadline.unwrap();
    let asked = world.edge.now();
    world.clock.set(deadline);
    world.lifecycle.expire().await.unwrap();
    let error = world.instance(id).await.error.unwrap();
    let after = human(deadline.since(asked).as_secs());
    assert!(error.message.contains(&format!("({after} after the request)")), "{}", error.message);
    assert_eq!((states(&world, id).await, error.cause.as_str()), (("error", "reinstall-failed"), "verify_deadline"));
    // Told too late, and an agent that starts again: neither makes anything of it.
    let late = Failed { cause: "boot_deadline".into(), message: "late".into() };
    world.report(order.generation, Step::Verify, What::Failed(late)).await;
    assert_eq!(world.hello(world.agent, 2).await.unwrap().1, []);
    world.clock.advance(Duration::from_secs(24 * 60 * 60));
    world.lifecycle.expire().await.unwrap();
    assert_eq!(world.sent().len(), sent, "no order follows from not knowing");
    let server = world.server().await;
    assert_eq!((server.manage_state, server.task, server.last_wipe), (before.manage_state, None, before.last_wipe));
    assert_eq!(world.reserved().await.len(), 1);
}

#[tokio::test]
async fn several_are_reinstalled_all_or_none_and_those_that_may_not_are_named() {
    let world = World::new().await;
    let id = world.create().await.unwrap();
    let refused = LifecycleApi::reinstall(&world.lifecycle, project(), (vec![id], None), NEW.into()).await.unwrap_err();
    assert!(refused.to_string().contains(&format!("{id} is pending")), "{refused}");
    let stranger = InstanceId::new(world.edge.id());
    let refused = LifecycleApi::reinstall(&world.lifecycle, project(), (vec![id, stranger], None), NEW.into()).await;
    assert!(matches!(refused, Err(Refusal::InstancesNotFound(ids)) if ids == [stranger]));
    let other = "other".parse().unwrap();
    let refused = LifecycleApi::reinstall(&world.lifecycle, other, (vec![id], None), NEW.into()).await;
    assert!(matches!(refused, Err(Refusal::InstancesNotFound(_))), "another project's is not there");
    assert_eq!((world.instance(id).await.generation, states(&world, id).await.0), (1, "pending"), "nothing changed");
}

#[tokio::test]
async fn a_password_waits_for_the_next_boot_and_is_then_forgotten() {
    let world = World::new().await;
    let id = running(&world).await;
    LifecycleApi::change_password(&world.lifecycle, project(), vec![id], NEW.into()).await.unwrap();
    assert_eq!(states(&world, id).await, ("running", "install-succeed"));
    let order = power(&world, id, PowerAction::Reboot).await.unwrap().unwrap();
    let Some(Work::Reconfigure(work)) = &order.work else { panic!("{order:?}") };
    assert_eq!((work.password_hash.as_str(), work.rewrite_network), (NEW, false));
    assert_ne!(work.password_hash, HASH);
    assert_eq!(states(&world, id).await.0, "running");
    world.report(order.generation, Step::PowerOff, started()).await;
    tell_all(&world, order.generation, &REBOOTED, KEY).await;
    assert_eq!(states(&world, id).await.0, "running");
    assert_eq!(world.instance(id).await.next_password_hash, None);
    let order = power(&world, id, PowerAction::Reboot).await.unwrap().unwrap();
    assert!(matches!(order.work, Some(Work::Power(_))), "nothing is left to be written");
}

#[tokio::test]
async fn what_was_handed_over_and_does_not_answer_is_on_and_its_password_is_written_again_next_time() {
    let world = World::new().await;
    let id = running(&world).await;
    LifecycleApi::change_password(&world.lifecycle, project(), vec![id], NEW.into()).await.unwrap();
    let order = power(&world, id, PowerAction::Reboot).await.unwrap().unwrap();
    for step in REBOOTED {
        world.report(order.generation, step, started()).await;
    }
    let failed = Failed { cause: "verify_deadline".into(), message: "no answer".into() };
    world.report(order.generation, Step::Verify, What::Failed(failed)).await;
    let instance = world.instance(id).await;
    assert_eq!((instance.standing().state(), instance.error.unwrap().cause.as_str()), ("running", "verify_deadline"));
    assert!(instance.next_password_hash.is_some());
}

#[tokio::test]
async fn a_refusal_during_a_power_action_tells_the_action() {
    let world = World::new().await;
    let id = running(&world).await;
    power(&world, id, PowerAction::Off).await.unwrap();
    let refused = LifecycleApi::change_password(&world.lifecycle, project(), vec![id], NEW.into()).await.unwrap_err();
    assert!(refused.to_string().contains("is being powered off], and must be running or stopped"), "{refused}");
}

#[tokio::test]
async fn power_off_and_on_follow_what_the_agent_tells() {
    let world = World::new().await;
    let id = running(&world).await;
    assert_eq!(power(&world, id, PowerAction::On).await.unwrap(), None, "it is on already");
    let off = power(&world, id, PowerAction::Off).await.unwrap().unwrap();
    assert_eq!(world.server().await.operation_state, "power-off-processing");
    assert!(power(&world, id, PowerAction::Off).await.is_err(), "one at a time");
    world.report(off.generation, Step::PowerOff, started()).await;
    world.report(off.generation, Step::PowerOff, What::Done(Done::default())).await;
    assert_eq!(states(&world, id).await.0, "stopped");
    assert_eq!(world.server().await.operation_state, "power-off-succeed");
    assert!(power(&world, id, PowerAction::Reboot).await.is_err());
    let on = power(&world, id, PowerAction::On).await.unwrap().unwrap();
    world.report(on.generation, Step::Power, started()).await;
    assert_eq!(states(&world, id).await.0, "stopped");
    let failed = Failed { cause: "bmc_silent".into(), message: "no answer".into() };
    world.report(on.generation, Step::Power, What::Failed(failed)).await;
    assert_eq!(
        (states(&world, id).await.0, world.server().await.operation_state.as_str()),
        ("stopped", "power-on-failed")
    );
    assert_eq!(world.instance(id).await.error.unwrap().cause, "bmc_silent");
    let on = power(&world, id, PowerAction::On).await.unwrap().unwrap();
    assert_eq!(world.instance(id).await.error, None);
    world.report(on.generation, Step::Power, What::Done(Done::default())).await;
    assert_eq!(states(&world, id).await.0, "running");
    assert_eq!(world.instance(id).await.host_key.as_deref(), Some(KEY));
}

async fn receipt(world: &World, id: InstanceId) -> Value {
    world.lifecycle.receipt_key().verify(&world.instance(id).await.receipt.unwrap()).unwrap()
}

#[tokio::test]
async fn a_reinstallation_and_a_change_of_address_renew_the_receipt_and_a_reboot_does_not() {
    let world = World::new().await;
    let id = running(&world).await;
    let first = receipt(&world, id).await;
    LifecycleApi::reinstall(&world.lifecycle, project(), (vec![id], None), NEW.into()).await.unwrap();
    world.clock.advance(Duration::from_secs(60));
    let steps = [Step::Power, Step::Boot, Step::Inspect, Step::Write, Step::Configure, Step::HandOver, Step::Verify];
    tell_all(&world, newest(&world).generation, &steps, OTHER_KEY).await;
    let second = receipt(&world, id).await;
    assert_eq!(
        (
            &second["operation"],
            &second["host_key"]["openssh"],
            second["generation"].as_u64() > first["generation"].as_u64()
        ),
        (&json!("reinstall"), &json!(OTHER_KEY), true)
    );
    assert_ne!(first["times"]["running"], second["times"]["running"]);
    modify(&world, id, "10.20.0.77").await.unwrap();
    assert_eq!(receipt(&world, id).await, second, "it says what is, until something else is");
    tell_all(&world, newest(&world).generation, &REBOOTED, OTHER_KEY).await;
    let third = receipt(&world, id).await;
    assert_eq!((&third["operation"], &third["network"][0]["address"]), (&json!("modify-ip"), &json!("10.20.0.77")));
    assert_eq!(third["host_key"], second["host_key"]);
    let order = power(&world, id, PowerAction::Reboot).await.unwrap().unwrap();
    world.report(order.generation, Step::PowerOff, started()).await;
    world.report(order.generation, Step::Power, What::Done(Done::default())).await;
    assert_eq!((states(&world, id).await.0, receipt(&world, id).await), ("running", third));
}

async fn modify(world: &World, id: InstanceId, address: &str) -> Result<(), Refusal> {
    let body = json!({ "nics": [{ "subnet_id": world.subnet.to_string(), "ip_address": address }] });
    let request = ModifyIp::parse(body.to_string().as_bytes()).unwrap();
    LifecycleApi::modify_ip(&world.lifecycle, project(), id, request).await
}

#[tokio::test]
async fn other_addresses_are_reserved_beside_the_old_ones_until_the_system_answers_there() {
    let world = World::new().await;
    let id = running(&world).await;
    let refused = modify(&world, id, "10.20.0.1").await.unwrap_err().to_string();
    assert!(refused.contains("nics[0].ip_address"), "{refused}");
    modify(&world, id, "10.20.0.77").await.unwrap();
    assert_eq!(states(&world, id).await, ("pending", "modify-ip-processing"));
    assert_eq!(world.reserved().await.len(), 2);
    let order = newest(&world);
    let Some(Work::Reconfigure(work)) = &order.work else { panic!("{order:?}") };
    assert_eq!((work.nics[0].address.as_str(), work.old_nics[0].address.as_str()), ("10.20.0.77", "10.20.0.2"));
    assert!(work.rewrite_network && work.password_hash.is_empty());
    // It fails: both stay, and another try lets the first go when its ramdisk enlists.
    let failed = Failed { cause: "boot_deadline".into(), message: "late".into() };
    world.report(order.generation, Step::Boot, What::Failed(failed)).await;
    assert_eq!(states(&world, id).await, ("error", "modify-ip-failed"));
    assert_eq!(world.reserved().await.len(), 2);
    modify(&world, id, "10.20.0.78").await.unwrap();
    let reserved: Vec<String> = world.reserved().await.iter().map(ToString::to_string).collect();
    assert_eq!(reserved, ["10.20.0.2", "10.20.0.77", "10.20.0.78"]);
    tell_all(&world, newest(&world).generation, &REBOOTED, KEY).await;
    assert_eq!(states(&world, id).await, ("running", "modify-ip-succeed"));
    let reserved: Vec<String> = world.reserved().await.iter().map(ToString::to_string).collect();
    assert_eq!(reserved, ["10.20.0.78"]);
    assert_eq!(world.instance(id).await.nics[0].address.to_string(), "10.20.0.78");
    modify(&world, id, "10.20.0.78").await.unwrap();
    assert_eq!(world.reserved().await.len(), 1, "it may keep its own");
}

#[tokio::test]
async fn deleting_in_the_middle_of_a_change_frees_both_networks() {
    let world = World::new().await;
    let id = running(&world).await;
    modify(&world, id, "10.20.0.77").await.unwrap();
    world.lifecycle.delete(None, id).await.unwrap();
    let Some(Work::PowerOff(order)) = newest(&world).work else { panic!("a release") };
    assert_eq!(order.nics.len(), 2, "ports are detached from both");
    let generation = world.instance(id).await.generation;
    world.report(generation, Step::PowerOff, What::Done(Done::default())).await;
    assert!(world.reserved().await.is_empty());
}

#[tokio::test]
async fn another_host_key_than_the_disks_ends_a_change_of_address_in_error() {
    let world = World::new().await;
    let id = running(&world).await;
    modify(&world, id, "10.20.0.77").await.unwrap();
    let generation = newest(&world).generation;
    for step in REBOOTED {
        world.report(generation, step, started()).await;
    }
    world.report(generation, Step::Verify, done(OTHER_KEY)).await;
    assert_eq!(world.instance(id).await.error.unwrap().cause, "host_key_differs");
}
