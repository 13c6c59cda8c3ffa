//! What is waited for, and orders that nobody takes up.

use super::{started, world::World};
use crate::clock::Timestamp;
use billet_proto::link::{Failed, Order, Started, Step, report::What};
use std::time::Duration;

fn waits(waiting_for: &str, attempt: u32, next_try_ms: u32) -> What {
    What::Started(Started { waiting_for: waiting_for.into(), attempt, next_try_ms })
}

/// Until nothing is to be done: the orders that were sent meanwhile, and when.
async fn sent_until_the_end(world: &World) -> Vec<(Timestamp, Order)> {
    let mut all = Vec::new();
    for _ in 0..1000 {
        let before = world.sent().len();
        let next = world.lifecycle.keep_time().await.unwrap();
        all.extend(world.sent().into_iter().skip(before).map(|(_, order)| (world.edge.now(), order)));
        match next {
            Some(next) => world.clock.set(next.max(world.edge.now())),
            None => return all,
        }
    }
    panic!("there is no end: {all:?}");
}

#[tokio::test]
async fn an_order_that_nobody_takes_up_is_sent_again_until_its_deadline_and_no_longer() {
    let world = World::new().await;
    let id = world.create().await.unwrap();
    let (began, first) = (world.edge.now(), world.sent().remove(0).1);
    let waiting = world.instance(id).await.waiting;
    assert_eq!((waiting.since, waiting.attempt), (Some(began), 1));
    let deadline = world.instance(id).await.deadline.unwrap();
    let again = sent_until_the_end(&world).await;
    // 5 s, then twice as long each time up to a minute, half of it by chance, within 320 s.
    assert!((6..=14).contains(&again.len()), "{} tries", again.len());
    assert!(again.iter().all(|(at, order)| *order == first && *at < deadline), "the very same order, in time");
    let error = world.instance(id).await.error.unwrap();
    assert_eq!(error.cause, "agent_unavailable");
    assert_eq!(world.instance(id).await.waiting, Default::default(), "nothing is waited for any more");
}

#[tokio::test]
async fn an_order_that_was_taken_up_is_sent_no_more() {
    let world = World::new().await;
    let id = world.create().await.unwrap();
    world.clock.advance(Duration::from_secs(6));
    world.lifecycle.keep_time().await.unwrap();
    assert_eq!((world.sent().len(), world.instance(id).await.waiting.attempt), (2, 2));
    world.report(1, Step::Power, started()).await;
    let waiting = world.instance(id).await.waiting;
    assert_eq!((waiting.attempt, waiting.next_try_at, waiting.untaken), (0, None, false));
    world.clock.advance(Duration::from_secs(100));
    world.lifecycle.keep_time().await.unwrap();
    assert_eq!(world.sent().len(), 2);
}

#[tokio::test]
async fn a_task_that_nobody_takes_up_is_sent_again_too() {
    let world = World::new().await;
    let id = world.create().await.unwrap();
    world.terminate(id).await;
    let wipe = world.sent().pop().unwrap().1;
    let sent = world.sent().len();
    world.clock.advance(Duration::from_secs(6));
    world.lifecycle.keep_time().await.unwrap();
    assert_eq!(world.sent()[sent..], [(world.agent, wipe.clone())]);
    let task = world.server().await.task.unwrap();
    assert_eq!(task.waiting.attempt, 2);
    assert!(task.waiting.next_try_at.is_some_and(|at| at > world.edge.now()));
    world.report(wipe.generation, Step::Power, waits("the BMC", 1, 0)).await;
    world.clock.advance(Duration::from_secs(60));
    world.lifecycle.keep_time().await.unwrap();
    assert_eq!(world.sent().len(), sent + 1);
}

#[tokio::test]
async fn a_step_that_tries_once_more_waits_since_its_first_try_and_tells_the_next() {
    let world = World::new().await;
    let id = world.create().await.unwrap();
    world.report(1, Step::Power, waits("the BMC to answer", 1, 0)).await;
    let began = world.edge.now();
    world.clock.advance(Duration::from_secs(3));
    world.report(1, Step::Power, waits("the BMC to answer", 2, 4000)).await;
    let instance = world.instance(id).await;
    let (since, next) = (instance.waiting.since, instance.waiting.next_try_at);
    assert_eq!((since, instance.waiting.attempt), (Some(began), 2));
    assert_eq!(next, Some(world.edge.now().after(Duration::from_secs(4))));
    world.report(1, Step::Power, waits("the server to be on", 0, 0)).await;
    let instance = world.instance(id).await;
    assert_eq!(
        (instance.waiting_for.as_str(), instance.waiting.since),
        ("the server to be on", Some(world.edge.now()))
    );
    let failed = Failed { cause: "bmc_silent".into(), message: "no answer".into() };
    world.report(1, Step::Power, What::Failed(failed)).await;
    assert_eq!(world.instance(id).await.waiting, Default::default());
}
