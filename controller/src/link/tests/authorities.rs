//! An authority that is replaced by another, while agents are served.

use super::door::{Caller, Controller, LONG, Session};
use crate::ca::replace;
use billet_proto::link::RenewReply;
use std::time::Duration;
use tonic::{Code, Status};

/// Attaches as an agent does: a connection that is being closed is made anew.
async fn attached(caller: &mut Caller, epoch: u64) -> Result<Session, Status> {
    let mut last = caller.attach(epoch).await;
    for _ in 0..5 {
        if last.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        last = caller.attach(epoch).await;
    }
    last
}

/// Whether an agent is served, and is to renew.
async fn served(caller: &mut Caller, epoch: u64) -> Result<bool, Code> {
    attached(caller, epoch).await.map(|session| session.welcome.renew).map_err(|status| status.code())
}

/// Renews as an agent does: again, after a pause, where the connection was being closed.
async fn renewed(controller: &Controller, caller: &mut Caller) -> (RenewReply, String) {
    for _ in 0..5 {
        if let Ok(renewed) = caller.renew().await {
            return renewed;
        }
        controller.world.clock.advance(Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    caller.renew().await.unwrap()
}

#[tokio::test]
async fn agents_with_the_old_root_and_with_the_new_are_served_until_the_old_one_is_retired() {
    let controller = Controller::new().await;
    let (dir, edge) = (controller.state_dir(), controller.world.edge.clone());
    let mut away = controller.join("rack1").await;
    let mut present = controller.join("rack2").await;
    let old_root = controller.ca.trusted_pem();

    replace::prepare(&dir, &edge).unwrap();
    let mut session = present.attach(1).await.unwrap();
    assert!(controller.ca.reload().unwrap());
    assert!(session.ends_within(LONG).await, "who is here is to know");
    let welcome = attached(&mut present, 1).await.unwrap().welcome;
    assert!(!welcome.renew, "the old one signs");
    assert_eq!(welcome.ca_pem.matches("BEGIN CERTIFICATE").count(), 2);
    assert!(welcome.ca_pem.starts_with(&old_root));

    replace::switch(&dir, &edge).unwrap();
    assert!(controller.ca.reload().unwrap());
    assert_eq!(served(&mut present, 2).await, Ok(true), "its certificate is to be of the new one");
    let (reply, key) = renewed(&controller, &mut present).await;
    let new_root = controller.ca.certificate_pem();
    assert_ne!(new_root, old_root);
    let mut new_alone = controller.caller(&new_root, &reply.certificate_pem, &key);
    assert_eq!(served(&mut new_alone, 3).await, Ok(false), "the new root alone, and a certificate by it");
    assert_eq!(served(&mut away, 1).await, Ok(true), "the old root alone, and a certificate by it");
    controller.join("rack3").await.attach(1).await.expect("who joins now trusts both");

    let mut session = attached(&mut away, 1).await.unwrap();
    replace::retire(&dir).unwrap();
    assert!(controller.ca.reload().unwrap());
    assert!(session.ends_within(LONG).await, "the old one's session ends");
    assert!(served(&mut away, 2).await.is_err(), "the old root and certificate");
    let mut old_certificate = controller.caller(&new_root, &away.certificate_pem, &away.key().serialize_pem());
    assert!(served(&mut old_certificate, 2).await.is_err(), "the old certificate");
    assert_eq!(served(&mut new_alone, 4).await, Ok(false));
    assert_eq!(controller.ca.trusted_pem(), new_root);
}

#[tokio::test]
async fn a_certificate_of_the_doors_that_is_made_anew_is_the_same_authoritys_and_agents_connect_anew() {
    let controller = Controller::new().await;
    let mut agent = controller.join("rack1").await;
    let mut session = agent.attach(1).await.unwrap();
    controller.ca.reissue();
    assert!(session.ends_within(LONG).await, "by the one before");
    assert_eq!(served(&mut agent, 1).await, Ok(false));
}

#[tokio::test]
async fn reading_the_same_authority_again_ends_no_session() {
    let controller = Controller::new().await;
    let mut agent = controller.join("rack1").await;
    let mut session = agent.attach(1).await.unwrap();
    assert!(!controller.ca.reload().unwrap());
    assert!(!session.ends_within(Duration::from_millis(200)).await);
}
