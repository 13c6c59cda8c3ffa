//! Certificates that are replaced by others.

use super::door::{Controller, new_key, request};
use crate::store::access::AuditWanted;
use billet_proto::link::RenewRequest;
use std::time::Duration;
use tonic::Code;

#[tokio::test]
async fn an_agent_is_known_by_both_certificates_until_it_called_with_the_new_one() {
    let controller = Controller::new().await;
    let mut old = controller.join("rack1").await;
    let (reply, key) = old.renew().await.unwrap();
    let mut new = controller.caller(&reply.ca_pem, &reply.certificate_pem, &key);
    old.attach(1).await.expect("the answer may be lost, so the old one counts");
    new.attach(2).await.expect("the new one counts");
    let refused = old.attach(3).await.err().expect("the new one was seen");
    assert_eq!(refused.code(), Code::Unauthenticated);
    new.attach(3).await.expect("the new one is the only one");
}

#[tokio::test]
async fn an_answer_that_was_lost_is_asked_for_again_and_the_one_that_was_not_used_counts_no_more() {
    let controller = Controller::new().await;
    let mut old = controller.join("rack1").await;
    let (lost, lost_key) = old.renew().await.unwrap();
    assert_eq!(old.renew().await.unwrap_err().code(), Code::ResourceExhausted, "a moment later");
    controller.world.clock.advance(Duration::from_secs(10));
    let (reply, key) = old.renew().await.unwrap();
    let mut unused = controller.caller(&lost.ca_pem, &lost.certificate_pem, &lost_key);
    assert_eq!(unused.attach(1).await.err().map(|status| status.code()), Some(Code::Unauthenticated));
    old.attach(1).await.unwrap();
    controller.caller(&reply.ca_pem, &reply.certificate_pem, &key).attach(1).await.unwrap();
}

#[tokio::test]
async fn a_renewed_certificate_is_for_another_key_and_is_written_down() {
    let controller = Controller::new().await;
    let mut agent = controller.join("rack1").await;
    let key = new_key();
    let csr_pem = request(&key);
    controller.world.clock.advance(Duration::from_secs(10));
    let reply = agent.link.renew(RenewRequest { csr_pem: csr_pem.clone() }).await.unwrap().into_inner();
    let mut agent = controller.caller(&reply.ca_pem, &reply.certificate_pem, &key.serialize_pem());
    let same = agent.link.renew(RenewRequest { csr_pem }).await.unwrap_err();
    assert_eq!(same.code(), Code::InvalidArgument, "{same}");
    let wanted = AuditWanted { object: Some("rack1".into()), limit: 10, ..AuditWanted::default() };
    let lines = controller.world.store.read(move |tx| tx.audited(&wanted)).await.unwrap();
    let actions: Vec<_> = lines.iter().map(|line| line.action.as_str()).collect();
    assert_eq!(actions, ["Link/Renew", "Enrollment/Join"], "newest first");
    assert!(lines.iter().all(|line| line.caller == "agent/rack1" && !line.peer.is_empty()), "{lines:?}");
}
