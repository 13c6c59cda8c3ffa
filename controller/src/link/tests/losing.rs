//! Servers that go from one agent to another.

use super::door::{Controller, LONG};
use crate::{
    api::ports::{LifecycleApi as _, Presence as _},
    lifecycle::tests::world::registration,
};
use billet_proto::{ServerId, link::OwnedServer};
use std::time::Duration;
use uuid::Uuid;

#[tokio::test]
async fn an_agent_whose_server_is_given_to_another_is_told_at_once_and_so_is_the_other() {
    let controller = Controller::new().await;
    let id = controller.world.server_id();
    let claimed = vec![OwnedServer { id: id.to_string(), serial: "SN1".into(), ..OwnedServer::default() }];
    let (mut old, mut new, mut third) =
        (controller.owner().await, controller.join("rack1").await, controller.join("rack2").await);
    let mut before = old.attach_with(1, claimed.clone()).await.unwrap();
    let mut waiting = new.attach_with(1, claimed.clone()).await.unwrap();
    let mut other = third.attach(1).await.unwrap();
    assert!(before.welcome.claims[0].accepted && !waiting.welcome.claims[0].accepted);

    controller.world.lifecycle.register(id, registration("rack1")).await.unwrap();
    controller.sessions.server_changed(id);
    assert!(before.ends_within(LONG).await, "it hears nothing of it");
    assert!(waiting.ends_within(LONG).await, "it does not claim it again");
    let told = old.attach_with(2, claimed.clone()).await.unwrap().welcome.claims.remove(0);
    assert!(!told.accepted && told.reason.contains("registered for agent rack1"), "{told:?}");
    let mut owner = new.attach_with(2, claimed).await.unwrap();
    assert!(owner.welcome.claims[0].accepted);
    // What does not change whose it is disturbs nobody.
    controller.world.lifecycle.register(id, registration("rack1")).await.unwrap();
    controller.sessions.server_changed(id);
    assert!(!owner.ends_within(Duration::from_millis(200)).await);
    assert!(!other.ends_within(Duration::from_millis(1)).await, "it never had it");
}

#[tokio::test]
async fn an_agent_that_lost_a_server_while_it_attached_is_not_told_that_it_is_its_own() {
    let controller = Controller::new().await;
    let (id, agent) = (controller.world.server_id(), controller.world.agent);
    controller.join("rack1").await;
    let claim = billet_proto::link::Claim { server_id: id.to_string(), accepted: true, reason: String::new() };
    let welcome = billet_proto::link::Welcome { claims: vec![claim], ..Default::default() };
    let first = || billet_proto::link::ControllerMessage {
        body: Some(billet_proto::link::controller_message::Body::Welcome(welcome.clone())),
    };
    let registered = controller.sessions.registered_for(agent).await.unwrap();
    let (number, _messages) = controller.sessions.open(agent, 1, first()).unwrap();
    assert!(controller.sessions.still_owns(agent, number, &registered).await.unwrap());
    controller.world.lifecycle.register(id, registration("rack1")).await.unwrap();
    // Nobody had its session yet when that was told.
    let (number, _messages) = controller.sessions.open(agent, 2, first()).unwrap();
    assert!(!controller.sessions.still_owns(agent, number, &registered).await.unwrap());
    assert!(!controller.sessions.agent_online(agent));
}

#[tokio::test]
async fn an_agent_that_was_given_a_server_while_it_attached_comes_again_once() {
    let controller = Controller::new().await;
    let (id, agent) = (controller.world.server_id(), controller.world.join("rack1").await);
    let claim = billet_proto::link::Claim { server_id: id.to_string(), accepted: false, reason: "not its".into() };
    let welcome = billet_proto::link::Welcome { claims: vec![claim], ..Default::default() };
    let first = || billet_proto::link::ControllerMessage {
        body: Some(billet_proto::link::controller_message::Body::Welcome(welcome.clone())),
    };
    let registered = controller.sessions.registered_for(agent).await.unwrap();
    controller.world.lifecycle.register(id, registration("rack1")).await.unwrap();
    let (number, _messages) = controller.sessions.open(agent, 1, first()).unwrap();
    assert!(!controller.sessions.still_owns(agent, number, &registered).await.unwrap(), "it would not claim it again");
    // Whatever its claim is refused for now, is no reason to come again and again.
    let registered = controller.sessions.registered_for(agent).await.unwrap();
    let (number, _messages) = controller.sessions.open(agent, 1, first()).unwrap();
    assert!(controller.sessions.still_owns(agent, number, &registered).await.unwrap());
}

#[tokio::test]
async fn an_agent_whose_claim_was_refused_is_sent_no_order_for_that_server_though_it_stays_its_own() {
    let controller = Controller::new().await;
    let (id, world) = (controller.world.server_id(), &controller.world);
    let named = |serial: &str| {
        vec![OwnedServer { id: id.to_string(), serial: serial.into(), macs: vec![], ..OwnedServer::default() }]
    };
    let (mut owner, mut other) = (controller.owner().await, controller.join("rack1").await);
    let second = OwnedServer { id: ServerId::new(Uuid::from_u128(2)).to_string(), ..named("SN2").remove(0) };
    let _other = other.attach_with(1, vec![second]).await.unwrap();
    world.create().await.unwrap();
    // Its configuration says that the server is the other agent's machine.
    let mut refused = owner.attach_with(1, named("SN2")).await.unwrap();
    assert!(!refused.welcome.claims[0].accepted);
    assert_eq!(world.server().await.owner, Some(world.agent));
    let order = world.lifecycle.open_orders(world.agent).await.unwrap().remove(0);
    crate::lifecycle::Dispatch::send(&controller.sessions, world.agent, order);
    assert_eq!(refused.order_within(Duration::from_millis(300)).await, None);
    let mut right = owner.attach_with(2, named("SN1")).await.unwrap();
    assert_eq!(right.order_within(LONG).await.unwrap().server_id, id.to_string());
}
