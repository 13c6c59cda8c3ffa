//! A backup was put back, and the world went on since it was taken.

use super::{
    KEY, done, installed, started,
    world::{PROJECT, World, registration},
};
use crate::{
    api::ports::LifecycleApi,
    config::Config,
    lifecycle::{Doubted, Rules, doubt, power::PowerAction, refusal::Refusal},
    request::{RegisterServer, ServerAction},
    store::{
        ServerEventsWanted, StoreError,
        access::AuditWanted,
        record::{JoinToken, ManageState, Server, WipePolicy},
    },
};
use billet_proto::{
    ServerId,
    link::{Done, Failed, Hello, OwnedServer, Step, WordRequest, order::Work, report::What},
};
use std::time::Duration;

/// The database as it is now is put back an hour later.
pub(super) async fn restored(world: &World) -> Doubted {
    let taken_at = world.edge.now();
    world.clock.advance(Duration::from_secs(3600));
    let Config { deadlines, policy, .. } = Config::default();
    let rules = Rules { now: world.edge.now(), deadlines, policy };
    world.store.run(move |tx| doubt(tx, &rules, taken_at)).await.unwrap()
}

async fn running(world: &World) -> billet_proto::InstanceId {
    let id = installed(world).await;
    world.report(1, Step::Verify, done(KEY)).await;
    assert_eq!(world.instance(id).await.standing().state(), "running");
    id
}

fn cause(server: &Server) -> &str {
    server.error.as_ref().map_or("", |error| &error.cause)
}

#[tokio::test]
async fn nobody_gets_a_server_that_was_ready_before_it_is_wiped_or_an_operator_accepts_it() {
    let world = World::new().await;
    assert_eq!(restored(&world).await, Doubted { ready: 1, in_use: 0, given_up: 0 });
    let server = world.server().await;
    assert_eq!(
        (server.manage_state, server.unwiped, cause(&server)),
        (ManageState::Maintain, true, "database_restored")
    );
    assert!(matches!(world.create().await, Err(Refusal::ServersNotReady { .. })));
    let id = server.id;
    assert!(world.lifecycle.act_on_server(id, ServerAction::Ready).await.is_err(), "it is not wiped");
    world.lifecycle.act_on_server(id, ServerAction::Wipe { policy: None }).await.unwrap();
    assert!(matches!(world.sent().pop().unwrap().1.work, Some(Work::Wipe(_))));
    world.erase().await;
    world.lifecycle.act_on_server(id, ServerAction::Ready).await.unwrap();
    world.create().await.unwrap();

    let world = World::new().await;
    let server = Server { wipe_policy: WipePolicy::Metadata, ..world.server().await };
    world.store.read(move |tx| tx.update_server(&server)).await.unwrap();
    restored(&world).await;
    assert_eq!(world.server().await.wipe_policy, WipePolicy::Full, "it may have had another project's tenant");

    let world = World::new().await;
    restored(&world).await;
    let accepted = world.lifecycle.act_on_server(id, ServerAction::AcceptUnwiped).await.unwrap();
    assert_eq!(accepted.manage_state, ManageState::Onboard, "it may have had a tenant");
    world.inspected(world.server().await.generation, World::inventory()).await;
    world.create().await.unwrap();
}

#[tokio::test]
async fn no_order_is_made_for_an_instance_before_an_operator_confirmed_that_it_is_still_there() {
    let world = World::new().await;
    let id = running(&world).await;
    assert_eq!(restored(&world).await, Doubted { ready: 0, in_use: 1, given_up: 0 });
    let (server, sent) = (world.server_id(), world.sent().len());
    let deleted = world.lifecycle.delete(Some(PROJECT.parse().unwrap()), id).await;
    assert!(matches!(deleted, Err(Refusal::ServersNotReady { .. })), "{deleted:?}");
    let powered = world.lifecycle.power_servers(None, vec![server], PowerAction::Reboot).await;
    assert!(matches!(powered, Err(Refusal::ServersNotReady { .. })), "{powered:?}");
    assert_eq!((world.instance(id).await.standing().state(), world.sent().len()), ("running", sent));

    world.lifecycle.act_on_server(server, ServerAction::Ready).await.unwrap();
    let confirmed = world.server().await;
    assert_eq!((confirmed.manage_state, confirmed.error), (ManageState::InUse, None));
    world.lifecycle.delete(None, id).await.unwrap();
    assert!(matches!(world.sent().pop().unwrap().1.work, Some(Work::PowerOff(_))));
}

#[tokio::test]
async fn a_server_that_was_set_aside_is_so_again_when_its_instance_is_confirmed() {
    let world = World::new().await;
    let id = running(&world).await;
    let server = world.server_id();
    let aside = ServerAction::Maintain { reason: "a fan".into() };
    world.lifecycle.act_on_server(server, aside).await.unwrap();
    for _twice in 0..2 {
        assert_eq!(restored(&world).await.in_use, 1);
        assert_eq!(cause(&world.server().await), "database_restored_set_aside");
        assert!(matches!(world.lifecycle.delete(None, id).await, Err(Refusal::ServersNotReady { .. })));
    }
    world.lifecycle.act_on_server(server, ServerAction::Ready).await.unwrap();
    let confirmed = world.server().await;
    assert_eq!((confirmed.manage_state, cause(&confirmed)), (ManageState::InUse, "maintenance"));
    assert!(confirmed.error.unwrap().message.starts_with("a fan"));
    world.terminate(id).await;
    world.erase().await;
    assert_eq!(world.server().await.manage_state, ManageState::Maintain);
}

#[tokio::test]
async fn orders_after_a_restore_are_newer_than_all_that_an_agent_had_since_the_backup() {
    let world = World::new().await;
    let id = running(&world).await;
    // As many orders as there can be in the hour: a server takes longer than a second for each.
    let newest = world.server().await.generation + 3600;
    restored(&world).await;
    world.lifecycle.act_on_server(world.server_id(), ServerAction::Ready).await.unwrap();
    world.lifecycle.delete(None, id).await.unwrap();
    let order = world.sent().pop().unwrap().1;
    assert!(order.generation > newest && order.generation > world.edge.now().0 / 1000, "{}", order.generation);
}

#[tokio::test]
async fn what_was_in_progress_ends_with_a_cause_and_is_not_taken_up_again() {
    let world = World::new().await;
    let id = installed(&world).await;
    assert_eq!(restored(&world).await, Doubted { ready: 0, in_use: 1, given_up: 1 });
    let instance = world.instance(id).await;
    assert_eq!(instance.standing().state(), "error");
    assert_eq!(instance.error.unwrap().cause, "database_restored");
    assert!(world.hello(world.agent, 1).await.unwrap().1.is_empty(), "an order went out");
    world.report(1, Step::Verify, done(KEY)).await;
    assert_eq!(world.instance(id).await.standing().state(), "error");
    let asked = WordRequest { server_id: world.server_id().to_string(), generation: 1, nonce: vec![] };
    assert!(world.lifecycle.word(world.agent, asked).await.unwrap().is_err());
}

#[tokio::test]
async fn a_wipe_that_was_in_progress_keeps_the_server_out() {
    let world = World::new().await;
    let id = world.create().await.unwrap();
    world.terminate(id).await;
    let wipe = world.server().await.generation;
    world.report(wipe, Step::Wipe, started()).await;
    assert_eq!(restored(&world).await.given_up, 1);
    world.report(wipe, Step::Wipe, World::wiped()).await;
    let server = world.server().await;
    assert_eq!((server.manage_state, server.unwiped, server.task), (ManageState::Maintain, true, None));
}

#[tokio::test]
async fn a_server_that_was_not_inspected_yet_is_not_reset_by_itself() {
    let world = World::new().await;
    let mut server = world.server().await;
    let server_id = server.id;
    (server.manage_state, server.inspected_at, server.allow_reset) = (ManageState::Onboard, None, true);
    world.store.run(move |tx| tx.update_server(&server)).await.unwrap();
    restored(&world).await;
    assert!(world.hello(world.agent, 1).await.unwrap().1.is_empty(), "an inspection began");
    assert_eq!(world.server().await.manage_state, ManageState::Onboard);
    // Nor because somebody had a look that failed, or at its power, another agent is to have it, or may reset what it inspects.
    let (id, rack1, rack2) = (server_id, world.join("rack1").await, world.join("rack2").await);
    world.lifecycle.power_servers(None, vec![id], PowerAction::Off).await.unwrap();
    world.report(world.server().await.generation, Step::PowerOff, What::Done(Done::default())).await;
    assert_eq!(cause(&world.server().await), "database_restored");
    let look = ServerAction::Inspect { allow_reset: false, accept_baseline: false };
    world.lifecycle.act_on_server(id, look).await.unwrap();
    let failed = Failed { cause: "server_is_on".into(), message: "it is on".into() };
    world.report(world.server().await.generation, Step::Power, What::Failed(failed)).await;
    let (allowed, forbidden) = (Some(true), Some(false));
    for allow_reset in [forbidden, allowed] {
        world.lifecycle.register(id, RegisterServer { allow_reset, ..registration("rack1") }).await.unwrap();
    }
    assert!(world.hello(rack1, 1).await.unwrap().1.is_empty(), "an inspection began");
    world.lifecycle.revoke_agent("rack1".into()).await.unwrap().unwrap();
    world.lifecycle.replace_agent("rack1".into(), "rack2".into()).await.unwrap().unwrap();
    let (claims, orders) = world.hello(rack2, 1).await.unwrap();
    assert!(claims[0].accepted && orders.is_empty(), "an inspection began");
    assert_eq!(cause(&world.server().await), "server_is_on");
    let inspect = ServerAction::Inspect { allow_reset: false, accept_baseline: false };
    assert!(world.lifecycle.act_on_server(id, inspect).await.unwrap().task.is_some());
}

#[tokio::test]
async fn a_server_that_is_first_heard_of_after_a_restore_may_have_been_written_on() {
    for is_restored in [false, true] {
        let world = World::new().await;
        if is_restored {
            restored(&world).await;
        }
        let id: ServerId = "0198170e-4ca7-7000-8000-000000000002".parse().unwrap();
        let macs = vec!["52:54:00:00:09:01".into()];
        let said = OwnedServer { id: id.to_string(), uuid: String::new(), serial: "SN9".into(), macs };
        let hello = Hello { version: "test".into(), epoch: 2, servers: vec![said] };
        assert!(world.lifecycle.hello(world.agent, hello).await.unwrap()[0].accepted);
        let server = world.store.read(move |tx| tx.server(id)).await.unwrap().unwrap();
        assert_eq!(server.unwiped, is_restored);
    }
}

#[tokio::test]
async fn a_server_that_the_backup_calls_off_is_powered_off_all_the_same() {
    let world = World::new().await;
    assert_eq!(world.server().await.power_on, Some(false));
    restored(&world).await;
    world.lifecycle.power_servers(None, vec![world.server_id()], PowerAction::Off).await.unwrap();
    assert!(matches!(world.sent().pop().unwrap().1.work, Some(Work::Power(_))));
}

#[tokio::test]
async fn tokens_that_may_be_spent_are_forgotten_and_the_restore_is_told() {
    let world = World::new().await;
    let expires_at = world.edge.now().after(Duration::from_secs(7200));
    let token = JoinToken { secret_sha256: [1; 32], agent_name: "rack9".into(), expires_at };
    world.store.run(move |tx| tx.insert_join_token(&token)).await.unwrap();
    restored(&world).await;
    let server = world.server_id();
    let told = world.store.run(move |tx| {
        let lines = tx.audited(&AuditWanted { limit: 10, ..AuditWanted::default() })?;
        let wanted = ServerEventsWanted {
            servers: Some(vec![server]),
            from: crate::clock::Timestamp(0),
            to: crate::clock::Timestamp(u64::MAX >> 1),
            level: Some("major".into()),
            offset: 0,
            limit: 10,
        };
        let (events, _) = tx.server_events(&wanted)?;
        let lines: Vec<_> = lines.into_iter().map(|line| line.action).collect();
        Ok::<_, StoreError>((
            tx.take_join_token(&[1; 32])?,
            lines,
            events.into_iter().map(|event| event.kind).collect::<Vec<_>>(),
        ))
    });
    let (token, lines, events) = told.await.unwrap();
    assert!(token.is_none());
    assert_eq!(lines, ["Store/Restored"]);
    assert_eq!(events, ["database-restored"]);
}
