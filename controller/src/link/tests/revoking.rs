//! Certificates that count no more.

use super::door::{Controller, LONG, new_key};
use crate::api::ports::{LifecycleApi as _, Presence as _};
use billet_proto::{AgentId, link::ReadChunksRequest};
use std::time::Duration;
use tonic::Code;

/// What the operator is promised.
const PROMISED: Duration = Duration::from_secs(5);

async fn revoke(controller: &Controller, name: &str) -> AgentId {
    let agent = controller.world.lifecycle.revoke_agent(name.into()).await.unwrap().unwrap();
    controller.sessions.agent_revoked(agent.id);
    agent.id
}

#[tokio::test]
async fn revoking_ends_the_session_at_once_and_lets_the_certificate_in_no_more() {
    let controller = Controller::new().await;
    let (mut rack1, mut rack2) = (controller.join("rack1").await, controller.join("rack2").await);
    let mut session = rack1.attach(1).await.unwrap();
    let mut other = rack2.attach(1).await.unwrap();
    let id = revoke(&controller, "rack1").await;
    assert!(session.ends_within(PROMISED).await, "the session goes on");
    assert!(!controller.sessions.agent_online(id));
    for refused in [rack1.attach(2).await.err(), rack1.renew().await.err()] {
        assert_eq!(refused.map(|status| status.code()), Some(Code::Unauthenticated));
    }
    assert!(!other.ends_within(Duration::from_millis(200)).await, "another agent's goes on");
}

#[tokio::test]
async fn revoking_ends_the_next_certificate_too() {
    let controller = Controller::new().await;
    let mut old = controller.join("rack1").await;
    let (reply, key) = old.renew().await.unwrap();
    revoke(&controller, "rack1").await;
    let mut next = controller.caller(&reply.ca_pem, &reply.certificate_pem, &key);
    assert_eq!(next.attach(1).await.err().map(|status| status.code()), Some(Code::Unauthenticated));
}

#[tokio::test]
async fn a_new_token_lets_the_agent_in_as_who_it_was_and_with_another_key_alone() {
    let controller = Controller::new().await;
    let mut before = controller.join("rack1").await;
    before.attach(9).await.unwrap();
    let id = revoke(&controller, "rack1").await;
    let token = controller.token("rack1").await;
    let refused = controller.join_by(&token, before.key()).await.err();
    assert_eq!(refused.map(|status| status.code()), Some(Code::PermissionDenied), "the revoked key");
    let mut again = controller.join_by(&token, new_key()).await.unwrap();
    again.attach(1).await.expect("a new certificate, and epochs from the beginning");
    assert!(controller.sessions.agent_online(id), "the same agent");
    assert_eq!(before.attach(10).await.err().map(|status| status.code()), Some(Code::Unauthenticated));
}

#[tokio::test]
async fn tokens_that_were_made_before_a_revocation_are_worth_nothing_after_it() {
    let controller = Controller::new().await;
    let spare = controller.token("rack1").await;
    controller.join("rack1").await;
    revoke(&controller, "rack1").await;
    let refused = controller.join_by(&spare, new_key()).await.err();
    assert_eq!(refused.map(|status| status.code()), Some(Code::PermissionDenied));
}

#[tokio::test]
async fn an_image_that_is_being_read_is_read_no_further() {
    let controller = Controller::new().await;
    let mut agent = controller.owner().await;
    controller.write_image(16);
    let instance = controller.world.create().await.unwrap();
    let generation = controller.world.instance(instance).await.generation;
    let server_id = controller.world.server_id().to_string();
    let wanted = ReadChunksRequest { server_id, generation, indices: (0..16).collect() };
    let mut chunks = agent.link.read_chunks(wanted).await.unwrap().into_inner();
    tokio::time::timeout(LONG, chunks.message()).await.unwrap().unwrap().expect("a first chunk");
    revoke(&controller, "rack0").await;
    let rest = async {
        loop {
            match chunks.message().await {
                Ok(Some(_)) => {}
                Ok(None) => return None,
                Err(status) => return Some(status.code()),
            }
        }
    };
    let ended = tokio::time::timeout(PROMISED, rest).await.expect("the read goes on");
    assert_eq!(ended, Some(Code::Unauthenticated));
}
