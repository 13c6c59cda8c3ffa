//! Quotas, the audit log and remembered answers.

use super::sample::{furnished, id, image, instance, reservation, vpc, within};
use crate::{
    clock::Timestamp,
    lifecycle::table::Phase,
    store::{
        StoreError,
        access::{AuditWanted, Audited, Remembered, Usage},
        record::{Image, Instance},
    },
};
use billet_proto::ImageId;

fn line(at: u64, caller: &str, objects: &[&str]) -> Audited {
    Audited {
        seq: 0,
        at: Timestamp(at),
        request_id: format!("request-{at}"),
        caller: caller.into(),
        role: "tenant".into(),
        project_id: Some("lab".parse().unwrap()),
        peer: "192.0.2.7:1".into(),
        action: "DELETE /v1/{project_id}/instances/{id}".into(),
        objects: objects.iter().map(ToString::to_string).collect(),
        status: 204,
        code: String::new(),
    }
}

fn wanted() -> AuditWanted {
    AuditWanted { limit: 10, ..AuditWanted::default() }
}

#[test]
fn usage_counts_what_a_project_has_and_not_what_is_gone_or_shared() {
    let mut store = furnished();
    let lab = instance(1, 1).project_id;
    let before = within(&mut store, |tx| tx.usage(&lab)).unwrap();
    within(&mut store, |tx| {
        tx.insert_instance(&instance(1, 1))?;
        tx.insert_instance(&Instance { phase: Phase::Terminated, ..instance(2, 2) })?;
        tx.reserve(&reservation(1, "10.0.1.9", 1))?;
        tx.reserve(&reservation(2, "10.0.1.9", 1))?;
        tx.insert_image(&Image { id: ImageId::new(id(91)), project_id: Some(instance(1, 1).project_id), ..image() })?;
        tx.insert_image(&Image { id: ImageId::new(id(92)), project_id: None, ..image() })
    })
    .unwrap();
    assert_eq!((before.vpcs, before.subnets), (2, 2));
    within(&mut store, |tx| tx.delete_vpc(vpc(2).id, Timestamp(60))).unwrap();
    let after = within(&mut store, |tx| tx.usage(&lab)).unwrap();
    assert_eq!(after, Usage { instances: 1, addresses: 2, images: before.images + 1, vpcs: 1, subnets: 2 });
    assert_eq!(within(&mut store, |tx| tx.usage(&"other".parse().unwrap())).unwrap().instances, 0);
}

#[test]
fn the_audit_log_is_read_newest_first_and_by_what_is_asked() {
    let mut store = furnished();
    within(&mut store, |tx| {
        tx.insert_audited(&line(1, "alice", &["a", "b"]))?;
        tx.insert_audited(&line(2, "bob", &["b"]))?;
        tx.insert_audited(&Audited { project_id: None, ..line(3, "alice", &[]) })
    })
    .unwrap();
    for (wanted, expected) in [
        (wanted(), vec![3, 2, 1]),
        (AuditWanted { limit: 1, ..wanted() }, vec![3]),
        (AuditWanted { before: Some(3), ..wanted() }, vec![2, 1]),
        (AuditWanted { from: Some(Timestamp(2)), to: Some(Timestamp(3)), ..wanted() }, vec![2]),
        (AuditWanted { project_id: Some("lab".parse().unwrap()), ..wanted() }, vec![2, 1]),
        (AuditWanted { caller: Some("alice".into()), ..wanted() }, vec![3, 1]),
        (AuditWanted { object: Some("b".into()), ..wanted() }, vec![2, 1]),
        (AuditWanted { request_id: Some("request-1".into()), ..wanted() }, vec![1]),
        (AuditWanted { object: Some("' OR 1=1".into()), ..wanted() }, vec![]),
    ] {
        let found = within(&mut store, |tx| tx.audited(&wanted)).unwrap();
        assert_eq!(found.iter().map(|line| line.seq).collect::<Vec<_>>(), expected, "{wanted:?}");
    }
    let first = within(&mut store, |tx| tx.audited(&AuditWanted { before: Some(2), ..wanted() })).unwrap();
    assert_eq!(first, [Audited { seq: 1, ..line(1, "alice", &["a", "b"]) }]);
}

#[test]
fn the_audit_log_is_append_only_but_for_retention() {
    let mut store = furnished();
    within(&mut store, |tx| (1..=3).try_for_each(|at| tx.insert_audited(&line(at, "alice", &[])))).unwrap();
    for sql in ["UPDATE audit SET caller = 'bob'", "DELETE FROM audit", "DELETE FROM audit WHERE seq = 1"] {
        let refused = store.connection.execute(sql, []).unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{sql}: {refused}");
    }
    assert_eq!(within(&mut store, |tx| tx.purge_audited(Timestamp(3))).unwrap(), 2);
    assert_eq!(within(&mut store, |tx| tx.audited(&wanted())).unwrap().len(), 1);
    assert!(store.connection.execute("DELETE FROM audit", []).is_err(), "the mark is back");
}

#[test]
fn an_answer_is_remembered_once_for_each_project_caller_and_token_until_it_is_old() {
    let mut store = furnished();
    let answer = Remembered {
        project: "lab".into(),
        caller: "alice".into(),
        token: "t".into(),
        request_mac: [9; 32],
        status: 202,
        answer: "{}".into(),
        created_at: Timestamp(5),
    };
    within(&mut store, |tx| tx.remember(&answer)).unwrap();
    let twice = within(&mut store, |tx| tx.remember(&Remembered { request_mac: [1; 32], ..answer.clone() }));
    assert!(matches!(twice, Err(StoreError::Taken("client token"))), "{twice:?}");
    within(&mut store, |tx| tx.remember(&Remembered { caller: "bob".into(), ..answer.clone() })).unwrap();
    let found = within(&mut store, |tx| tx.remembered("lab", "alice", "t")).unwrap();
    assert_eq!(found, Some(answer));
    assert_eq!(within(&mut store, |tx| tx.remembered("other", "alice", "t")).unwrap(), None);
    assert_eq!(within(&mut store, |tx| tx.purge_remembered(Timestamp(5))).unwrap(), 0);
    assert_eq!(within(&mut store, |tx| tx.purge_remembered(Timestamp(6))).unwrap(), 2);
}
