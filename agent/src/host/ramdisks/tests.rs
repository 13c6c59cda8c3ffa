use super::*;
use tonic::Code;

const SERVER: &str = "0198170e-4ca7-7000-8000-000000000001";

fn offer() -> Offer {
    Offer { task: Task::Install(billet_proto::link::Install::default()), disk: DiskHint::default() }
}

fn digest(secret: &str) -> Digest {
    Digest::of(secret.as_bytes())
}

/// A worker that takes every ramdisk, and what sessions it was asked to keep.
fn willing(mut calls: mpsc::Receiver<Call>) -> Arc<Mutex<Vec<Digest>>> {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keeping = kept.clone();
    tokio::spawn(async move {
        while let Some(call) = calls.recv().await {
            if let Call::Enlist { session, answer, .. } = call {
                keeping.lock().unwrap().push(session);
                let _ = answer.send(Ok(()));
            }
        }
    });
    kept
}

async fn enlist(ramdisks: &Ramdisks, token: &str, session: &str) -> Result<String, Code> {
    let reply = ramdisks.enlist(token, Inventory::default(), 1, session.into()).await;
    reply.map(|reply| reply.session).map_err(|status| status.code())
}

#[tokio::test]
async fn a_token_becomes_one_session_and_is_spent_by_its_first_use() {
    let ramdisks = Ramdisks::default();
    let server: ServerId = SERVER.parse().unwrap();
    willing(ramdisks.expect(server, 7, "token", offer()));
    assert_eq!(enlist(&ramdisks, "other", "s0").await, Err(Code::PermissionDenied));
    assert_eq!(enlist(&ramdisks, "token", "s1").await.unwrap(), "s1");
    assert_eq!(enlist(&ramdisks, "token", "s2").await.unwrap(), "s1", "the answer was lost: the same again");
    let session = ramdisks.session("s1").unwrap();
    assert_eq!((session.server, session.generation), (server, 7));
    assert_eq!(enlist(&ramdisks, "token", "s3").await, Err(Code::PermissionDenied));
    assert!(ramdisks.session("s1").is_ok());
    ramdisks.close(server);
    assert_eq!(ramdisks.session("s1").err().unwrap().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_newer_order_voids_the_token_of_the_older() {
    let ramdisks = Ramdisks::default();
    let server: ServerId = SERVER.parse().unwrap();
    willing(ramdisks.expect(server, 1, "old", offer()));
    willing(ramdisks.expect(server, 2, "new", offer()));
    assert_eq!(enlist(&ramdisks, "old", "s").await, Err(Code::PermissionDenied));
    assert_eq!(enlist(&ramdisks, "new", "s").await.unwrap(), "s");
}

#[tokio::test]
async fn after_a_restart_an_answer_that_was_lost_can_be_asked_for_again() {
    let ramdisks = Ramdisks::default();
    let server: ServerId = SERVER.parse().unwrap();
    let known = (Some(digest("token")), digest("lost"));
    ramdisks.await_order(server, known);
    assert_eq!(enlist(&ramdisks, "token", "s").await, Err(Code::Unavailable), "its order did not come yet");
    assert_eq!(ramdisks.session("lost").err().unwrap().code(), Code::Unavailable);
    let kept = willing(ramdisks.resume(server, 7, known, offer()));
    assert_eq!(enlist(&ramdisks, "token", "s").await.unwrap(), "s");
    assert_eq!(*kept.lock().unwrap(), [digest("s")], "the worker keeps the new session");
    assert_eq!(ramdisks.session("lost").err().unwrap().code(), Code::Unauthenticated);
    assert!(ramdisks.session("s").is_ok());
}

#[tokio::test]
async fn after_a_restart_a_token_that_was_used_up_is_worth_nothing() {
    let ramdisks = Ramdisks::default();
    let server: ServerId = SERVER.parse().unwrap();
    willing(ramdisks.resume(server, 7, (None, digest("s")), offer()));
    assert_eq!(enlist(&ramdisks, "token", "other").await, Err(Code::PermissionDenied));
    assert!(ramdisks.session("s").is_ok());
}

#[tokio::test]
async fn what_the_worker_refuses_is_told_and_becomes_no_session() {
    let ramdisks = Ramdisks::default();
    let server: ServerId = SERVER.parse().unwrap();
    let mut calls = ramdisks.expect(server, 7, "token", offer());
    tokio::spawn(async move {
        while let Some(Call::Enlist { answer, .. }) = calls.recv().await {
            let _ = answer.send(Err(Status::permission_denied("another machine")));
        }
    });
    assert_eq!(enlist(&ramdisks, "token", "s").await, Err(Code::PermissionDenied));
    assert_eq!(ramdisks.session("s").err().unwrap().code(), Code::Unauthenticated);
}
