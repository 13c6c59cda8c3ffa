//! The life cycle with a real store, a clock that is set by hand, and agents that are nothing but their messages.

mod asked;
mod baseline;
mod crash_table;
mod documents;
mod failed_changes;
mod machines;
mod old_agent;
mod operations;
mod parameter_plane;
mod receipts;
mod restored;
mod servers;
mod stuck;
mod task_cancel;
mod tasks;
mod waiting;
mod ways_out;
pub(crate) mod world;

use crate::{
    api::ports::{LifecycleApi, Secrets},
    clock::Timestamp,
    store::{Handle, StoreError, Transaction, record::ManageState, sqlite::SqliteStore},
};
use billet_proto::link::{Done, Failed, Note, Order, Started, Step, WordRequest, order::Work, report::What};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use world::{PROJECT, World};

pub(crate) const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

pub(crate) fn started() -> What {
    What::Started(Started { waiting_for: "something".into(), ..Started::default() })
}

pub(crate) fn done(key: &str) -> What {
    What::Done(Done { host_key: key.into(), proof: "ssh-host-key".into(), boot_trust: "lan".into(), ..Done::default() })
}

pub(crate) async fn installed(world: &World) -> billet_proto::InstanceId {
    let id = world.create().await.unwrap();
    for step in [Step::Power, Step::Boot, Step::Inspect, Step::Write, Step::Configure] {
        world.report(1, step, started()).await;
    }
    world.report(1, Step::Configure, What::Note(Note { kind: "host-key".into(), message: KEY.into() })).await;
    world.report(1, Step::HandOver, started()).await;
    world.report(1, Step::Verify, started()).await;
    id
}

#[tokio::test]
async fn an_instance_goes_all_the_way_and_back() {
    let world = World::new().await;
    let id = installed(&world).await;
    let (agent, order) = world.sent().remove(0);
    assert_eq!((agent, order.generation), (world.agent, 1));
    let Some(Work::Install(install)) = order.work else { panic!("an installation") };
    assert_eq!((install.hostname.as_str(), install.password_hash.as_str()), ("web-1", world::HASH));
    assert_eq!(install.metadata["role"], "front");
    assert_eq!(install.nics[0].address, "10.20.0.2");
    assert_eq!(world.instance(id).await.phase.word(), "verify");
    assert_eq!(world.instance(id).await.host_key.as_deref(), Some(KEY), "known before it answers");

    world.report(1, Step::Verify, done(KEY)).await;
    let instance = world.instance(id).await;
    assert_eq!((instance.standing().state(), instance.deadline), ("running", None));
    assert_eq!((instance.proof.as_deref(), instance.boot_trust.as_deref()), (Some("ssh-host-key"), Some("lan")));
    assert_eq!(instance.password_hash, None, "it was needed for the installation alone");
    assert_eq!(world.secrets.metadata(&instance).unwrap()["role"], "front");

    world.lifecycle.delete(Some(PROJECT.parse().unwrap()), id).await.unwrap();
    world.lifecycle.delete(None, id).await.unwrap();
    let (_, order) = world.sent().pop().unwrap();
    assert_eq!(order.generation, 2);
    assert!(matches!(order.work, Some(Work::PowerOff(_))));
    assert_eq!(world.sent().len(), 2, "asking again sends nothing");
    assert_eq!(world.reserved().await.len(), 1, "the address is taken until the server is off");
    world.report(2, Step::PowerOff, started()).await;
    world.report(2, Step::PowerOff, done("")).await;
    assert_eq!(world.instance(id).await.standing().state(), "terminated");
    assert!(world.reserved().await.is_empty());
    let server = world.server().await;
    assert_eq!((server.manage_state, server.unwiped), (ManageState::InUse, true), "it is wiped first");
    let (_, order) = world.sent().pop().unwrap();
    assert!(matches!(order.work, Some(Work::Wipe(_))) && order.generation == 3, "{order:?}");
    world.report(3, Step::Wipe, World::wiped()).await;
    let server = world.server().await;
    assert_eq!((server.manage_state, server.unwiped), (ManageState::Ready, false));
    assert!(world.lifecycle.delete(None, id).await.is_err());
}

#[tokio::test]
async fn after_a_long_absence_agents_are_heard_before_anything_is_overdue() {
    let world = World::new().await;
    let id = installed(&world).await;
    world.clock.advance(Duration::from_secs(24 * 3600));
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let driver = tokio::spawn(world.lifecycle.clone().run(stopped));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(world.instance(id).await.standing().state(), "pending", "its agent has the time to tell");
    world.report(1, Step::Verify, done(KEY)).await;
    assert_eq!(world.instance(id).await.standing().state(), "running");
    stop.send_replace(true);
    driver.await.unwrap();
}

#[tokio::test]
async fn where_a_controller_stood_still_or_its_clock_was_set_forward_agents_are_heard_before_anything_is_overdue() {
    for stood_still in [true, false] {
        let world = World::new().await;
        let id = installed(&world).await;
        let due = world.lifecycle.look(None).await.unwrap();
        if stood_still {
            world.clock.advance(Duration::from_secs(3600));
        } else {
            world.clock.jump(3_600_000);
        }
        world.lifecycle.look(Some(due)).await.unwrap();
        let instance = world.instance(id).await;
        assert_eq!(instance.standing().state(), "pending", "stood still: {stood_still}: {:?}", instance.error);
        world.report(1, Step::Verify, done(KEY)).await;
        assert_eq!(world.instance(id).await.standing().state(), "running");
    }
}

const YEAR_MS: i64 = 365 * 24 * 3600 * 1000;

/// Milliseconds until the instance's deadline, and until its order is sent again.
async fn left(world: &World, id: billet_proto::InstanceId) -> (i64, i64) {
    let (instance, now) = (world.instance(id).await, world.edge.now());
    let next = instance.waiting.resend_at().unwrap();
    (instance.deadline.unwrap().ahead_of(now), next.ahead_of(now))
}

#[tokio::test]
async fn what_is_in_progress_has_as_much_time_left_whichever_way_the_clock_is_set() {
    for by in [-YEAR_MS, -60_000, 60_000, YEAR_MS] {
        let world = World::new().await;
        let id = world.create().await.unwrap();
        let due = world.lifecycle.look(None).await.unwrap();
        let before = left(&world, id).await;
        world.clock.jump(by);
        // What is accepted before the driver looks is moved with the others.
        world.lifecycle.delete(None, id).await.unwrap();
        world.lifecycle.look(Some(due)).await.unwrap();
        assert_eq!(left(&world, id).await, before, "{by}");
        world.clock.advance(Duration::from_millis(before.0.unsigned_abs()));
        world.lifecycle.expire().await.unwrap();
        let instance = world.instance(id).await;
        assert_eq!(instance.error.unwrap().cause, "agent_unavailable", "{by}: it ends as it would have");
    }
}

#[tokio::test]
async fn an_inspection_ends_well_whichever_way_the_clock_is_set_in_the_middle_of_it() {
    use crate::request::ServerAction;
    for by in [-YEAR_MS, YEAR_MS] {
        for is_seen in [true, false] {
            let world = World::new().await;
            let act = |action| world.lifecycle.act_on_server(world.server_id(), action);
            act(ServerAction::Maintain { reason: "a fan".into() }).await.unwrap();
            act(ServerAction::Inspect { allow_reset: true, accept_baseline: false }).await.unwrap();
            let due = world.lifecycle.look(None).await.unwrap();
            let generation = world.server().await.generation;
            let seen = || world.report(generation, Step::Inspect, What::Inspected(World::inventory()));
            if is_seen {
                seen().await;
            }
            world.clock.jump(by);
            world.lifecycle.look(Some(due)).await.unwrap();
            if !is_seen {
                seen().await;
            }
            world.report(generation, Step::Inspect, What::Done(Done::default())).await;
            let server = world.server().await;
            assert_eq!((server.task, server.error.unwrap().cause.as_str()), (None, "maintenance"), "{by} {is_seen}");
        }
    }
}

#[tokio::test]
async fn what_was_accepted_by_a_clock_that_was_ahead_waits_no_longer_than_anything_after_a_start() {
    let mut world = World::new().await;
    let id = world.create().await.unwrap();
    let usual = left(&world, id).await;
    world.clock.jump(-YEAR_MS);
    world.start_again();
    world.lifecycle.look(None).await.unwrap();
    let (deadline, resend) = left(&world, id).await;
    assert_eq!(deadline, usual.0);
    assert!(resend <= 60_000, "{resend}");
}

/// Time passes, and whatever is overdue ends.
async fn wait(world: &World, seconds: u64) {
    world.clock.advance(Duration::from_secs(seconds));
    world.lifecycle.expire().await.unwrap();
}

const HOUR_MS: i64 = 3600 * 1000;
/// Of a look that is not late.
const NOT_LATE: Option<Timestamp> = Some(Timestamp(u64::MAX));

#[tokio::test]
async fn an_installation_goes_on_whatever_the_clock_says_when_the_controller_starts_and_is_put_right_later() {
    for by in [-YEAR_MS, -8 * HOUR_MS, 8 * HOUR_MS, YEAR_MS] {
        let mut world = World::new().await;
        let id = world.create().await.unwrap();
        world.report(1, Step::Power, started()).await;
        world.clock.jump(by);
        world.start_again();
        world.lifecycle.look(None).await.unwrap();
        for (step, is_put_right) in
            [(Step::Boot, false), (Step::Inspect, true), (Step::Write, false), (Step::Configure, false)]
        {
            wait(&world, 45).await;
            world.report(1, step, started()).await;
            wait(&world, 45).await;
            if is_put_right {
                world.clock.jump(-by);
                world.lifecycle.look(NOT_LATE).await.unwrap();
            }
            let instance = world.instance(id).await;
            assert_eq!(instance.standing().state(), "pending", "{by}, {step:?}: {:?}", instance.error);
        }
        // And it ends at last, where its agent is heard of no more.
        wait(&world, 24 * 3600).await;
        assert_eq!(world.instance(id).await.standing().state(), "error", "{by}");
    }
}

#[tokio::test]
async fn an_inspection_ends_well_whatever_the_clock_says_when_the_controller_starts_and_is_put_right_later() {
    use crate::request::ServerAction;
    for by in [-YEAR_MS, -8 * HOUR_MS, 8 * HOUR_MS, YEAR_MS] {
        for is_seen_before in [true, false] {
            let mut world = World::new().await;
            let act = |action| world.lifecycle.act_on_server(world.server_id(), action);
            act(ServerAction::Maintain { reason: "a fan".into() }).await.unwrap();
            act(ServerAction::Inspect { allow_reset: true, accept_baseline: false }).await.unwrap();
            let generation = world.server().await.generation;
            world.report(generation, Step::Power, started()).await;
            world.clock.jump(by);
            world.start_again();
            world.lifecycle.look(None).await.unwrap();
            wait(&world, 45).await;
            world.report(generation, Step::Boot, started()).await;
            wait(&world, 45).await;
            let seen = || world.report(generation, Step::Inspect, What::Inspected(World::inventory()));
            if is_seen_before {
                seen().await;
            }
            world.clock.jump(-by);
            world.lifecycle.look(NOT_LATE).await.unwrap();
            if !is_seen_before {
                seen().await;
            }
            wait(&world, 45).await;
            world.report(generation, Step::Inspect, What::Done(Done::default())).await;
            let server = world.server().await;
            let cause = server.error.map(|error| error.cause);
            assert_eq!((server.task, cause.as_deref()), (None, Some("maintenance")), "{by} {is_seen_before}");
        }
    }
}

#[tokio::test]
async fn the_driver_ends_when_the_store_is_gone_so_that_the_daemon_is_started_anew() {
    let store = crate::store::sqlite::SqliteStore::open_in_memory().unwrap();
    let world = World::over(crate::store::Handle::threaded(store).unwrap()).await;
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    let driver = tokio::spawn(world.lifecycle.clone().run(stopped));
    // The store's thread ends with what runs on it.
    let gone = world.store.read(|_| -> crate::store::Result<()> { panic!("the disk failed") }).await;
    assert!(gone.is_err());
    // Whoever changes something wakes the driver.
    world.lifecycle.changed();
    tokio::time::timeout(Duration::from_secs(10), driver).await.expect("it ends").unwrap();
}

#[tokio::test]
async fn what_is_late_foreign_or_out_of_turn_moves_nothing() {
    let world = World::new().await;
    let id = world.create().await.unwrap();
    let stranger = world.join("stranger").await;
    for (agent, generation, step, what) in [
        (stranger, 1, Step::Power, started()),
        (world.agent, 0, Step::Power, started()),
        (world.agent, 2, Step::Power, started()),
        (world.agent, 1, Step::PowerOff, started()),
        (world.agent, 1, Step::Power, done(KEY)),
        (stranger, 1, Step::Power, What::Failed(Failed { cause: "x".into(), message: "x".into() })),
    ] {
        world.report_of(agent, generation, step, what).await;
        assert_eq!(world.instance(id).await.phase.word(), "waiting");
    }
    world.report(1, Step::Write, started()).await;
    world.report(1, Step::Boot, started()).await;
    assert_eq!(world.instance(id).await.phase.word(), "write", "an order does not go back");
    world.lifecycle.delete(None, id).await.unwrap();
    world.report(1, Step::Verify, started()).await;
    world.report(1, Step::Verify, done(KEY)).await;
    assert_eq!(world.instance(id).await.standing().state(), "shutting-down", "an older generation is over");
}

#[tokio::test]
async fn running_needs_the_key_that_the_ramdisk_made() {
    for key in ["", "ssh-ed25519 BBBB"] {
        let world = World::new().await;
        let id = installed(&world).await;
        world.report(1, Step::Verify, done(key)).await;
        assert_ne!(world.instance(id).await.standing().state(), "running", "{key:?}");
    }
}

#[tokio::test]
async fn every_step_has_a_deadline_and_its_cause_says_what_was_waited_for() {
    for (step, cause) in
        [(None, "agent_unavailable"), (Some(Step::Boot), "boot_deadline"), (Some(Step::Verify), "verify_deadline")]
    {
        let world = World::new().await;
        let id = world.create().await.unwrap();
        if let Some(step) = step {
            world.report(1, step, started()).await;
        }
        let deadline = world.lifecycle.expire().await.unwrap().unwrap();
        world.clock.set(crate::clock::Timestamp(deadline.0 - 1));
        world.lifecycle.expire().await.unwrap();
        assert_eq!(world.instance(id).await.standing().state(), "pending");
        world.clock.set(deadline);
        assert_eq!(world.lifecycle.expire().await.unwrap(), None);
        let instance = world.instance(id).await;
        let error = instance.error.clone().unwrap();
        assert_eq!((instance.standing().state(), error.cause.as_str()), ("error", cause));
        assert!(error.message.contains("waiting for"), "{}", error.message);
        // A server whose state is not known stays with its instance.
        assert_eq!((world.reserved().await.len(), world.server().await.manage_state), (1, ManageState::InUse));
    }
}

#[tokio::test]
async fn an_installation_that_starts_over_for_ever_ends() {
    let world = World::new().await;
    let id = world.create().await.unwrap();
    for _ in 0..10_000 {
        world.report(1, Step::Boot, started()).await;
        world.report(1, Step::Power, started()).await;
        world.clock.advance(Duration::from_secs(60));
        world.lifecycle.expire().await.unwrap();
        if world.instance(id).await.standing().state() == "error" {
            return;
        }
    }
    panic!("it did not end");
}

#[tokio::test]
async fn the_word_is_for_the_newest_generation_of_an_installation_and_its_owner() {
    let world = World::new().await;
    let id = world.create().await.unwrap();
    world.report(1, Step::HandOver, started()).await;
    let stranger = world.join("stranger").await;
    let word = async |agent, generation| {
        let server_id = world.server_id().to_string();
        world.lifecycle.word(agent, WordRequest { server_id, generation, nonce: vec![] }).await.unwrap()
    };
    assert_eq!(word(world.agent, 1).await, Ok(()));
    assert!(word(world.agent, 0).await.is_err() && word(world.agent, 2).await.is_err());
    assert!(word(stranger, 1).await.is_err());
    world.lifecycle.delete(None, id).await.unwrap();
    assert!(word(world.agent, 1).await.is_err(), "deleting takes it back");
    assert!(word(world.agent, 2).await.is_err(), "a release hands nothing over");
}

#[tokio::test]
async fn a_word_that_comes_after_the_controllers_deadline_is_refused_with_that_nothing_newer_has_the_server() {
    let world = World::new().await;
    let id = world.create().await.unwrap();
    world.report(1, Step::HandOver, started()).await;
    let is_over = async |generation| {
        let server_id = world.server_id().to_string();
        let asked = WordRequest { server_id, generation, nonce: vec![] };
        world.lifecycle.word(world.agent, asked).await.unwrap().unwrap_err().over
    };
    assert!(!is_over(0).await, "something newer is in progress");
    let deadline = world.instance(id).await.deadline.unwrap();
    world.clock.set(deadline.after(Duration::from_millis(1)));
    world.lifecycle.expire().await.unwrap();
    assert!(is_over(1).await);
    assert!(!is_over(0).await && !is_over(2).await, "it is not the newest, or unknown");
    world.lifecycle.delete(None, id).await.unwrap();
    assert!(!is_over(1).await && !is_over(2).await, "its release powers it off");
}

#[tokio::test]
async fn an_agent_that_attaches_gets_its_open_orders_again_and_no_others() {
    let world = World::new().await;
    world.create().await.unwrap();
    let (claims, orders) = world.hello(world.agent, 2).await.unwrap();
    assert!(claims[0].accepted);
    assert_eq!(orders, [world.sent().remove(0).1], "the very same order");
    assert!(world.hello(world.agent, 1).await.is_err(), "an older start of the agent");
    let stranger = world.join("stranger").await;
    let (claims, orders) = world.hello(stranger, 1).await.unwrap();
    assert!(!claims[0].accepted && claims[0].reason.contains("rack0"), "{claims:?}");
    assert!(orders.is_empty());
    let readable = async |agent, generation| {
        world.lifecycle.readable_image(agent, world.server_id().to_string(), generation).await.unwrap().is_some()
    };
    assert!(readable(world.agent, 1).await);
    assert!(!readable(world.agent, 2).await && !readable(stranger, 1).await);
}

#[tokio::test]
async fn a_refusal_changes_nothing() {
    let world = World::new().await;
    let body = world.body();
    for (field, value) in [
        ("image_id", serde_json::json!(world.server_id().to_string())),
        ("vpc_id", serde_json::json!(world.server_id().to_string())),
        ("placement", serde_json::json!({ "server_id": world.image.to_string() })),
        ("network_interfaces", serde_json::json!([{ "subnet_id": world.image.to_string() }])),
        (
            "network_interfaces",
            serde_json::json!([{ "subnet_id": body["network_interfaces"][0]["subnet_id"], "ipv4_address": "10.20.0.1" }]),
        ),
    ] {
        let mut changed = body.clone();
        changed[field] = value;
        let refusal = world.create_from(&changed).await.unwrap_err().to_string();
        assert!(refusal.contains(field) || field == "placement", "{field}: {refusal}");
        assert_eq!((world.server().await.generation, world.server().await.manage_state), (0, ManageState::Ready));
        assert!(world.reserved().await.is_empty() && world.sent().is_empty());
    }
    world.create().await.unwrap();
    assert!(world.create().await.is_err(), "a server has one instance");
}

#[tokio::test]
async fn an_order_is_sent_also_while_so_many_look_that_no_more_are_taken() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let store = SqliteStore::open(&path).unwrap();
    let reader = SqliteStore::open_reader(&path).unwrap();
    let world = World::over(Handle::with_readers(store, [reader]).unwrap()).await;
    let (go, held) = std::sync::mpsc::channel::<()>();
    let held = Arc::new(Mutex::new(held));
    // The reader is at work before the others wait: one that it took a moment later would leave a place.
    let (begun, begins) = tokio::sync::oneshot::channel();
    let (reading, first) = (world.store.clone(), held.clone());
    let first = move |_: &mut dyn Transaction| {
        let _ = begun.send(());
        Ok::<_, StoreError>(first.lock().unwrap().recv().is_ok())
    };
    let mut looks = vec![tokio::spawn(async move { reading.view(first).await })];
    begins.await.unwrap();
    for _ in 0..2000 {
        let (store, held) = (world.store.clone(), held.clone());
        let look = move |_: &mut dyn Transaction| Ok::<_, StoreError>(held.lock().unwrap().recv().is_ok());
        looks.push(tokio::spawn(async move { store.view(look).await }));
    }
    // The first that ends is one too many.
    while !looks.iter().any(tokio::task::JoinHandle::is_finished) {
        tokio::task::yield_now().await;
    }
    let created = tokio::time::timeout(Duration::from_secs(60), world.create()).await;
    // Whatever comes of it, the reader ends.
    drop(go);
    created.expect("the order waits for nobody who looks").unwrap();
    assert!(matches!(world.sent()[..], [(_, Order { work: Some(Work::Install(_)), .. })]), "{:?}", world.sent());
}
