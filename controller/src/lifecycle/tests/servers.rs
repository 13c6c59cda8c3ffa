//! Who owns a server, and what operators say of it.

use super::world::{World, registration};
use crate::{
    api::ports::LifecycleApi,
    lifecycle::{HelloError, power::PowerAction, refusal::Refusal},
    request::{RegisterServer, ServerAction},
    store::{
        Handle, ServerEventsWanted,
        record::{Agent, Cause, ManageState, NicRole, Server},
        sqlite::SqliteStore,
    },
};
use billet_proto::{
    AgentId, ServerId,
    link::{Claim, Done, Failed, Hello, Order, OwnedServer, PowerRead, Step, WordRequest, order::Work, report::What},
};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

const SECOND: &str = "0198170e-4ca7-7000-8000-000000000002";

fn machine(uuid: &str, serial: &str, mac: &str) -> OwnedServer {
    OwnedServer { id: SECOND.into(), uuid: uuid.into(), serial: serial.into(), macs: vec![mac.into()] }
}

async fn claim(world: &World, agent: AgentId, server: OwnedServer) -> Claim {
    let hello = Hello { version: "test".into(), epoch: 1, servers: vec![server] };
    world.lifecycle.hello(agent, hello).await.unwrap().remove(0)
}

#[tokio::test]
async fn a_free_server_goes_to_another_agent_and_the_old_one_may_do_nothing_more() {
    let world = World::new().await;
    let (old, new, id) = (world.agent, world.join("rack1").await, world.server_id());
    assert!(!world.hello(new, 1).await.unwrap().0[0].accepted, "it is the other's");
    let server = world.lifecycle.register(id, registration("rack1")).await.unwrap();
    assert_eq!((server.owner, server.generation, server.manage_state), (None, 1, ManageState::Onboard));
    assert!(!world.hello(old, 1).await.unwrap().0[0].accepted);
    let asked = WordRequest { server_id: id.to_string(), generation: 1, nonce: vec![] };
    assert!(world.lifecycle.word(old, asked).await.unwrap().is_err());
    assert!(world.hello(new, 1).await.unwrap().0[0].accepted);
    assert_eq!(world.server().await.manage_state, ManageState::Onboard, "the new agent inspects it first");
    world.report_of(new, 2, Step::Inspect, What::Inspected(World::inventory())).await;
    world.report_of(new, 2, Step::Inspect, super::done("")).await;
    assert_eq!(world.server().await.manage_state, ManageState::Ready);
    world.create().await.unwrap();
    assert_eq!(world.sent()[0].0, new);
    let refused = world.lifecycle.register(id, registration("rack0")).await.unwrap_err();
    assert!(matches!(refused, Refusal::ServersNotReady { .. }), "an instance is on it: {refused}");
    assert_eq!(world.server().await.owner, Some(new));
}

async fn revoke(world: &World, name: &str) -> Option<Agent> {
    world.lifecycle.revoke_agent(name.into()).await.unwrap()
}

#[tokio::test]
async fn a_server_that_its_agent_is_at_work_on_goes_to_no_other_until_that_ended() {
    let world = World::new().await;
    let (id, new) = (world.server_id(), world.join("rack1").await);
    let maintain = ServerAction::Maintain { reason: "x".into() };
    world.lifecycle.act_on_server(id, maintain).await.unwrap();
    world.lifecycle.act_on_server(id, ServerAction::Wipe { policy: None }).await.unwrap();
    world.report(1, Step::Wipe, super::started()).await;
    let before = world.server().await;
    let refused = world.lifecycle.register(id, registration("rack1")).await.unwrap_err().to_string();
    assert!(refused.contains("its wipe is in progress") && refused.contains("billet server cancel"), "{refused}");
    assert_eq!(world.server().await, before);
    assert!(!world.hello(new, 1).await.unwrap().0[0].accepted);
    // Its agent is dead: the power-off that follows is taken by nobody.
    world.lifecycle.act_on_server(id, ServerAction::Cancel).await.unwrap();
    assert!(world.lifecycle.register(id, registration("rack1")).await.is_err(), "nor while it may hear of that");
    ended_by_its_deadline(&world).await;
    assert_eq!(world.lifecycle.register(id, registration("rack1")).await.unwrap().owner, None);
    assert!(world.hello(new, 1).await.unwrap().0[0].accepted);
}

/// The task in progress.
async fn ended_by_its_deadline(world: &World) {
    let deadline = world.server().await.task_deadline.expect("there is work in progress");
    world.clock.set(deadline.after(std::time::Duration::from_millis(1)));
    world.lifecycle.expire().await.unwrap();
    assert_eq!(world.server().await.task, None);
}

#[tokio::test]
async fn a_free_server_of_a_revoked_agent_is_nobodys_and_comes_back_to_be_inspected() {
    let world = World::new().await;
    world.hello(world.agent, 1).await.unwrap();
    assert!(revoke(&world, "rack9").await.is_none(), "nobody has that name");
    let revoked = revoke(&world, "rack0").await.unwrap();
    assert_eq!(revoked.revoked_at, Some(world.edge.now()));
    let server = world.server().await;
    assert_eq!((server.owner, server.generation, server.manage_state), (None, 1, ManageState::Onboard));
    assert_eq!(server.registered_agent, Some(world.agent), "whose it is to be, the operator says");
    assert!(matches!(world.hello(world.agent, 2).await, Err(HelloError::Revoked)));
    assert_eq!(revoke(&world, "rack0").await.unwrap(), revoked, "asking again changes nothing");
}

#[tokio::test]
async fn a_server_that_a_revoked_agent_is_at_work_on_is_nobodys_when_that_ended() {
    let world = World::new().await;
    let (id, new) = (world.server_id(), world.join("rack1").await);
    world.lifecycle.power_servers(None, vec![id], PowerAction::On).await.unwrap();
    revoke(&world, "rack0").await.unwrap();
    let replace = async || world.lifecycle.replace_agent("rack0".into(), "rack1".into()).await.unwrap().unwrap();
    let replaced = replace().await;
    assert_eq!((replaced.moved, replaced.busy), (vec![], vec![id]), "it may not know of it, and power it");
    assert_eq!(world.server().await.owner, Some(world.agent));
    ended_by_its_deadline(&world).await;
    let server = world.server().await;
    assert_eq!((server.owner, server.manage_state), (None, ManageState::Onboard), "no instance is placed on it");
    assert_eq!(replace().await.moved, [id]);
    assert!(world.hello(new, 1).await.unwrap().0[0].accepted);
}

#[tokio::test]
async fn a_server_whose_work_ended_well_behind_the_revocation_of_its_agent_is_nobodys_too() {
    let world = World::new().await;
    let id = world.server_id();
    world.lifecycle.power_servers(None, vec![id], PowerAction::On).await.unwrap();
    revoke(&world, "rack0").await.unwrap();
    // Its session was good when this came.
    world.report(world.server().await.generation, Step::Power, What::Done(Done::default())).await;
    let server = world.server().await;
    assert_eq!((server.owner, server.manage_state), (None, ManageState::Onboard), "no instance is placed on it");
}

#[tokio::test]
async fn an_inspection_that_failed_after_it_saw_the_machine_leaves_the_server_to_nobody() {
    let world = World::new().await;
    let act = async |action| world.lifecycle.act_on_server(world.server_id(), action).await.unwrap();
    act(ServerAction::Maintain { reason: "a fan".into() }).await;
    act(ServerAction::Inspect { allow_reset: true, accept_baseline: false }).await;
    let generation = world.server().await.generation;
    world.report(generation, Step::Inspect, What::Inspected(World::inventory())).await;
    let failed = Failed { cause: "bmc_silent".into(), message: "it does not tell how it is set".into() };
    world.report(generation, Step::Inspect, What::Failed(failed)).await;
    assert_eq!(act(ServerAction::Ready).await.manage_state, ManageState::Onboard, "what it is like nobody knows");
    assert!(world.create().await.is_err());
    // It is inspected anew by itself.
    let generation = world.server().await.generation;
    world.inspected(generation, World::inventory()).await;
    assert_eq!(world.server().await.manage_state, ManageState::Ready);
}

#[tokio::test]
async fn a_server_in_use_stays_a_revoked_agents_and_its_work_ends_by_its_deadline() {
    let world = World::new().await;
    world.hello(world.agent, 1).await.unwrap();
    let instance = world.create().await.unwrap();
    revoke(&world, "rack0").await.unwrap();
    let server = world.server().await;
    assert_eq!((server.owner, server.manage_state), (Some(world.agent), ManageState::InUse));
    assert_eq!(world.instance(instance).await.generation, server.generation, "the order is the same");
    let deadline = world.instance(instance).await.deadline.unwrap();
    world.clock.set(deadline.after(std::time::Duration::from_millis(1)));
    world.lifecycle.expire().await.unwrap();
    assert!(world.instance(instance).await.error.is_some());
}

#[tokio::test]
async fn another_agent_takes_over_what_a_dead_one_had_when_work_in_progress_ended() {
    let world = World::new().await;
    world.hello(world.agent, 1).await.unwrap();
    let instance = world.create().await.unwrap();
    let new = world.join("rack1").await;
    let replace = async |gone: &str, by: &str| world.lifecycle.replace_agent(gone.into(), by.into()).await;
    assert!(replace("rack0", "rack1").await.unwrap_err().to_string().contains("revoked first"));
    revoke(&world, "rack0").await.unwrap();
    assert!(replace("rack0", "rack0").await.is_err() && replace("rack0", "rack9").await.is_err());
    assert_eq!(replace("rack9", "rack1").await.unwrap(), None);
    let id = world.server_id();
    let busy = replace("rack0", "rack1").await.unwrap().unwrap();
    assert_eq!((busy.moved, busy.busy), (vec![], vec![id]), "its installation is in progress");
    assert_eq!(world.server().await.owner, Some(world.agent));
    world.clock.set(world.instance(instance).await.deadline.unwrap().after(std::time::Duration::from_millis(1)));
    world.lifecycle.expire().await.unwrap();
    let moved = replace("rack0", "rack1").await.unwrap().unwrap();
    assert_eq!((moved.moved, moved.busy), (vec![id], vec![]));
    let server = world.server().await;
    assert_eq!((server.owner, server.registered_agent), (Some(new), Some(new)), "an instance is on it");
    assert!(world.hello(new, 1).await.unwrap().0[0].accepted);
    world.lifecycle.delete(None, instance).await.unwrap();
    assert_eq!(world.sent().pop().unwrap().0, new, "the other agent powers it off");
}

#[tokio::test]
async fn a_free_server_that_is_taken_over_is_inspected_by_the_agent_that_takes_it() {
    let world = World::new().await;
    world.hello(world.agent, 1).await.unwrap();
    let new = world.join("rack1").await;
    revoke(&world, "rack0").await.unwrap();
    world.lifecycle.replace_agent("rack0".into(), "rack1".into()).await.unwrap().unwrap();
    let server = world.server().await;
    assert_eq!((server.owner, server.registered_agent), (None, Some(new)));
    let (claims, orders) = world.hello(new, 1).await.unwrap();
    assert!(claims[0].accepted);
    assert!(matches!(orders[..], [Order { work: Some(Work::Inspect(_)), .. }]), "{orders:?}");
}

#[tokio::test]
async fn a_server_whose_inspection_failed_is_inspected_again_by_the_agent_that_it_is_given_to() {
    for is_claimed in [true, false] {
        let world = World::new().await;
        let (new, id) = (world.join("rack1").await, world.server_id());
        let failed = Cause { cause: "boot_deadline".into(), message: "no ramdisk called".into() };
        let server = world.server().await;
        let owner = server.owner.filter(|_| is_claimed);
        let unknown =
            Server { manage_state: ManageState::Onboard, inspected_at: None, error: Some(failed), owner, ..server };
        world.store.read(move |tx| tx.update_server(&unknown)).await.unwrap();
        let same = world.lifecycle.register(id, registration("rack0")).await.unwrap();
        assert!(same.error.is_some(), "the same agent would fail again: the operator asks it");
        let given = world.lifecycle.register(id, registration("rack1")).await.unwrap();
        assert_eq!((given.error, given.manage_state), (None, ManageState::Onboard));
        let (_, orders) = world.hello(new, 1).await.unwrap();
        assert!(matches!(orders[..], [Order { work: Some(Work::Inspect(_)), .. }]), "{orders:?}");
    }
}

#[tokio::test]
async fn an_agent_that_names_more_servers_than_are_taken_is_told_so_and_loses_none() {
    let world = World::new().await;
    let named = |count: u32| Hello {
        version: "test".into(),
        epoch: 1,
        servers: (0..count).map(|n| OwnedServer { id: format!("not-{n}"), ..OwnedServer::default() }).collect(),
    };
    let Err(refused) = world.lifecycle.hello(world.agent, named(1025)).await else { panic!("all were taken") };
    let told = refused.to_string();
    assert!(told.contains("1025 servers") && told.contains("at most 1024"), "{told}");
    assert_eq!(world.server().await.owner, Some(world.agent));
    assert_eq!(world.lifecycle.hello(world.agent, named(1024)).await.unwrap().len(), 1024);
}

#[tokio::test]
async fn the_roles_of_nics_stay_as_they_are_while_an_instance_is_on_the_server() {
    use NicRole::{Provisioning, Vpc};
    let world = World::new().await;
    let id = world.server_id();
    let register = async |roles: &[NicRole]| {
        let roles = Some(roles.to_vec());
        world.lifecycle.register(id, RegisterServer { roles, ..registration("rack0") }).await
    };
    register(&[Provisioning, Vpc]).await.unwrap();
    let instance = world.create().await.unwrap();
    for roles in [&[Vpc, Provisioning][..], &[Vpc], &[], &[Provisioning, NicRole::ParameterPlane { rail: 0 }]] {
        let refused = register(roles).await.unwrap_err();
        assert!(refused.to_string().contains("the roles of its NICs cannot be changed"), "{roles:?}: {refused}");
        assert_eq!(world.server().await.roles, [Provisioning, Vpc]);
    }
    let named = RegisterServer { name: Some("node7".into()), ..registration("rack0") };
    assert_eq!(world.lifecycle.register(id, named).await.unwrap().name, "node7", "all else may be said");
    for same in [&[Provisioning, Vpc][..], &[Provisioning], &[Provisioning, Vpc, Vpc]] {
        register(same).await.unwrap();
    }
    world.terminate(instance).await;
    assert!(register(&[Vpc]).await.is_err(), "it is still wiped for it");
    world.erase().await;
    assert_eq!(register(&[Vpc]).await.unwrap().roles, [Vpc]);
}

#[tokio::test]
async fn what_happened_to_a_server_is_kept_for_thirty_days() {
    let world = World::new().await;
    world.clock.advance(DAY * 30);
    world.lifecycle.purge().await.unwrap();
    assert_eq!(happened(&world).await.len(), 4, "claimed, inspected, and its baseline");
    world.create().await.unwrap();
    world.clock.advance(DAY);
    world.lifecycle.purge().await.unwrap();
    assert_eq!(happened(&world).await, ["instance-placed"]);
}

#[tokio::test]
async fn nothing_is_too_old_by_a_clock_that_was_set_less_than_an_hour_ago() {
    let world = World::new().await;
    world.clock.advance(HOUR);
    let (stop, stopped) = tokio::sync::watch::channel(false);
    world.lifecycle.look(None).await.unwrap();
    let year = 365 * 24 * 3600 * 1000;
    world.clock.jump(year);
    let driver = tokio::spawn(world.lifecycle.clone().run(stopped));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(happened(&world).await.len(), 4);
    world.clock.advance(HOUR);
    let mut tries = 0..100;
    while !happened(&world).await.is_empty() {
        assert!(tries.next().is_some(), "it is forgotten by now");
        world.lifecycle.changed();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    stop.send_replace(true);
    driver.await.unwrap();
}

/// What happened to servers, as long as it is kept.
async fn happened(world: &World) -> Vec<String> {
    let (from, to) = (crate::clock::Timestamp(0), world.edge.now().after(DAY));
    let wanted = ServerEventsWanted { servers: None, from, to, level: None, offset: 0, limit: 9 };
    let (events, _) = world.store.read(move |tx| tx.server_events(&wanted)).await.unwrap();
    events.into_iter().map(|event| event.kind).collect()
}

#[tokio::test]
async fn a_row_that_was_damaged_keeps_its_own_server_out_and_not_the_whole_rack() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let world = World::over(Handle::inline(SqliteStore::open(&path).unwrap())).await;
    world.lifecycle.register(SECOND.parse().unwrap(), registration("rack0")).await.unwrap();
    let id = world.server_id().to_string();
    let rows = rusqlite::Connection::open(&path).unwrap();
    rows.execute("UPDATE server SET manage_state = 'odd' WHERE id = ?1", [&id]).unwrap();
    let first = OwnedServer { id, ..machine("", "SN1", "52:54:00:00:00:01") };
    let servers = vec![first, machine("", "SN2", "52:54:00:00:00:09")];
    let hello = Hello { version: "test".into(), epoch: 3, servers };
    let claims = world.lifecycle.hello(world.agent, hello).await.unwrap();
    assert!(!claims[0].accepted && claims[0].reason.contains("its record is damaged"), "{claims:?}");
    assert!(claims[1].accepted, "{claims:?}");
    // Whatever it tells of that one does not end its session.
    world.report(1, Step::Power, What::PowerRead(PowerRead { on: false })).await;
}

#[tokio::test]
async fn one_machine_is_one_server() {
    let world = World::new().await;
    let other = world.join("rack1").await;
    for (server, what) in [
        (machine("b1113700-0000-4000-8000-000000000001", "", "52:54:00:00:00:02"), "MAC 52:54:00:00:00:02"),
        (machine("", "SN1", "52:54:00:00:00:09"), "serial number SN1"),
        (machine("", "sn1", "52:54:00:00:00:09"), "serial number sn1"),
    ] {
        let claim = claim(&world, other, server).await;
        assert!(!claim.accepted && claim.reason.contains(what), "{claim:?}");
        assert!(claim.reason.contains(&world.server_id().to_string()), "{claim:?}");
    }
    let fine = machine("b1113700-0000-4000-8000-000000000001", "SN1", "52:54:00:00:00:09");
    assert!(claim(&world, other, fine).await.accepted, "two makers may use one number");
    let third = world.join("rack2").await;
    let mut twin = machine("B1113700-0000-4000-8000-000000000001", "", "52:54:00:00:00:0a");
    twin.id = "0198170e-4ca7-7000-8000-000000000003".into();
    let claim = claim(&world, third, twin).await;
    assert!(claim.reason.contains("UUID"), "{claim:?}");
}

async fn row(world: &World, id: ServerId) -> Server {
    world.store.read(move |tx| tx.server(id)).await.unwrap().unwrap()
}

/// What the events tell of claims that were refused.
async fn refusals(world: &World, id: ServerId) -> Vec<String> {
    let (from, to) = (crate::clock::Timestamp(0), world.edge.now().after(std::time::Duration::from_secs(1)));
    let wanted = ServerEventsWanted { servers: Some(vec![id]), from, to, level: None, offset: 0, limit: 100 };
    let (events, _) = world.store.read(move |tx| tx.server_events(&wanted)).await.unwrap();
    events.into_iter().filter(|event| event.kind == "claim-refused").map(|event| event.message).collect()
}

#[tokio::test]
async fn why_a_claim_was_refused_is_told_at_the_server_until_one_is_accepted() {
    let world = World::new().await;
    let (agent, id): (_, ServerId) = (world.join("rack1").await, SECOND.parse().unwrap());
    world.lifecycle.register(id, registration("rack1")).await.unwrap();
    for _ in 0..2 {
        let twin = machine("", "SN9", "52:54:00:00:00:02");
        assert!(!claim(&world, agent, twin).await.accepted);
    }
    let server = row(&world, id).await;
    let error = server.error.unwrap();
    assert_eq!((error.cause.as_str(), server.manage_state), ("claim_refused", ManageState::Onboard));
    assert!(error.message.contains("agent rack1") && error.message.contains("MAC 52:54:00:00:00:02"), "{error:?}");
    assert_eq!(refusals(&world, id).await, [error.message], "once");
    assert!(claim(&world, agent, machine("", "SN9", "52:54:00:00:00:09")).await.accepted);
    let server = row(&world, id).await;
    assert!(server.error.is_none() && server.task.is_some(), "it is inspected: {server:?}");
}

#[tokio::test]
async fn a_claim_that_was_refused_is_told_no_more_when_the_agent_does_not_make_it_any_more() {
    let world = World::new().await;
    let (agent, id): (_, ServerId) = (world.join("rack1").await, SECOND.parse().unwrap());
    world.lifecycle.register(id, registration("rack1")).await.unwrap();
    assert!(!claim(&world, agent, machine("", "SN9", "52:54:00:00:00:02")).await.accepted);
    assert!(row(&world, id).await.error.is_some());
    let other = OwnedServer { id: "0198170e-4ca7-7000-8000-000000000003".into(), ..OwnedServer::default() };
    assert!(claim(&world, agent, other).await.accepted);
    assert_eq!(row(&world, id).await.error, None);
}

#[tokio::test]
async fn a_claim_of_an_agent_that_the_server_is_not_for_is_told_by_an_event_alone() {
    let world = World::new().await;
    let (other, before) = (world.join("rack1").await, world.server().await);
    assert!(!world.hello(other, 1).await.unwrap().0[0].accepted);
    assert_eq!(world.server().await, before);
    let told = refusals(&world, world.server_id()).await;
    assert!(told.len() == 1 && told[0].contains("agent rack1") && told[0].contains("agent rack0 owns it"), "{told:?}");
}

#[tokio::test]
async fn what_failed_before_a_claim_was_refused_is_not_tried_again_because_one_is_accepted() {
    let world = World::new().await;
    let failed = Cause { cause: "boot_deadline".into(), message: "no ramdisk called".into() };
    let known = Server {
        manage_state: ManageState::Onboard,
        inspected_at: None,
        error: Some(failed.clone()),
        ..world.server().await
    };
    world.store.run(move |tx| tx.update_server(&known)).await.unwrap();
    let mut broken = machine("", "SN1", "no MAC");
    broken.id = world.server_id().to_string();
    assert!(!claim(&world, world.agent, broken).await.accepted);
    assert!(world.hello(world.agent, 1).await.unwrap().0[0].accepted);
    let server = world.server().await;
    assert_eq!((server.error, server.task), (Some(failed), None));
}

#[tokio::test]
async fn the_policy_for_other_disks_is_that_of_the_moment_of_acceptance() {
    let world = World::new().await;
    let yes = RegisterServer { clear_other_bootable_disks: Some(true), ..registration("rack0") };
    world.lifecycle.register(world.server_id(), yes).await.unwrap();
    world.create().await.unwrap();
    let no = RegisterServer { clear_other_bootable_disks: Some(false), ..registration("rack0") };
    world.lifecycle.register(world.server_id(), no).await.unwrap();
    let (_, orders) = world.hello(world.agent, 1).await.unwrap();
    let Some(Work::Install(install)) = &orders[0].work else { panic!("an installation") };
    assert!(install.clear_other_bootable_disks);
}

#[tokio::test]
async fn a_server_that_is_added_again_after_it_was_forgotten_takes_orders_newer_than_all_before() {
    const HOUR: std::time::Duration = std::time::Duration::from_secs(60 * 60);
    let world = World::new().await;
    let id = world.server_id();
    world.store.read(move |tx| tx.delete_server(id)).await.unwrap();
    let first = world.lifecycle.register(id, registration("rack0")).await.unwrap();
    world.hello(world.agent, 1).await.unwrap();
    let last = world.server().await.generation;
    assert!(last > first.generation, "it is inspected");
    world.lifecycle.act_on_server(id, ServerAction::Offboard { confirm_off: false }).await.unwrap();
    let failed = Failed { cause: "boot_deadline".into(), message: "no ramdisk called".into() };
    world.report(last, Step::Boot, What::Failed(failed)).await;
    world.clock.advance(HOUR);
    world.lifecycle.forget_server(id, false).await.unwrap();
    world.lifecycle.register(id, registration("rack0")).await.unwrap();
    let (_, orders) = world.hello(world.agent, 1).await.unwrap();
    assert!(orders[0].generation > last, "its agent, which keeps the newest on disk, refuses others as older");
}

#[tokio::test]
async fn a_server_that_is_accepted_unwiped_before_it_is_known_is_inspected_at_once() {
    let world = World::new().await;
    let (id, server) = (world.server_id(), world.server().await);
    let unknown = Server { manage_state: ManageState::Maintain, unwiped: true, inspected_at: None, ..server };
    world.store.read(move |tx| tx.update_server(&unknown)).await.unwrap();
    let accepted = world.lifecycle.act_on_server(id, ServerAction::AcceptUnwiped).await.unwrap();
    assert_eq!(accepted.manage_state, ManageState::Onboard);
    assert!(matches!(world.sent()[0].1.work, Some(Work::Inspect(_))), "nothing else would ever begin it");
    let generation = world.server().await.generation;
    world.report(generation, Step::Inspect, What::Inspected(World::inventory())).await;
    world.hello(world.agent, 2).await.unwrap();
    assert_eq!(world.server().await.manage_state, ManageState::Onboard, "its inspection has not ended");
    world.report(generation, Step::Inspect, What::Done(Done::default())).await;
    assert_eq!(world.server().await.manage_state, ManageState::Ready, "once is enough");
}

#[tokio::test]
async fn only_a_server_in_maintain_can_be_accepted_unwiped() {
    let world = World::new().await;
    let id = world.server_id();
    let accept = |id| world.lifecycle.act_on_server(id, ServerAction::AcceptUnwiped);
    assert!(matches!(accept(id).await, Err(Refusal::ServersNotReady { .. })));
    let unknown: ServerId = SECOND.parse().unwrap();
    assert!(matches!(accept(unknown).await, Err(Refusal::ServersNotFound(_))));
    let instance = world.create().await.unwrap();
    world.lifecycle.delete(None, instance).await.unwrap();
    world.report(2, Step::PowerOff, super::started()).await;
    world.report(2, Step::PowerOff, super::done("")).await;
    let failed = Failed { cause: "disk_error".into(), message: "vda".into() };
    world.report(3, Step::Wipe, What::Failed(failed)).await;
    assert_eq!(world.server().await.manage_state, ManageState::Maintain);
    assert_eq!(accept(id).await.unwrap().manage_state, ManageState::Onboard, "nobody looked since its tenant left");
    world.inspected(world.server().await.generation, World::inventory()).await;
    let Server { manage_state, unwiped, .. } = world.server().await;
    assert_eq!((manage_state, unwiped), (ManageState::Ready, true), "usable, and still told");
}
