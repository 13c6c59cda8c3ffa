//! Forgets what was written of callers and is too old: lines of the audit log, and answers to `X-Client-Token`.

use crate::{
    api::idempotency::KEPT,
    clock::Edge,
    lifecycle::Lifecycle,
    store::{Handle, StoreError},
};
use std::time::Duration;

/// How often.
const PAUSE: Duration = Duration::from_secs(10 * 60);

/// Goes on until it is aborted.
pub(super) async fn run(store: Handle, edge: Edge, lifecycle: Lifecycle, audit: Duration) {
    let mut beat = tokio::time::interval(PAUSE);
    loop {
        beat.tick().await;
        // What a clock that is far ahead takes for old would be gone.
        if !lifecycle.has_right_time() {
            continue;
        }
        if let Err(error) = once(&store, &edge, audit).await {
            tracing::error!(%error, "what is too old cannot be forgotten");
        }
    }
}

/// In small transactions, so that nobody waits long.
async fn once(store: &Handle, edge: &Edge, audit: Duration) -> Result<(), StoreError> {
    let now = edge.now();
    let (answers, lines) = (now.before(KEPT), now.before(audit));
    while store.read(move |tx| tx.purge_remembered(answers)).await? > 0 {}
    while store.read(move |tx| tx.purge_audited(lines)).await? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{
        access::{AuditWanted, Remembered},
        sqlite::SqliteStore,
    };
    use crate::{clock::Timestamp, lifecycle::tests::world::World};

    fn answer(token: &str, created_at: Timestamp) -> Remembered {
        Remembered {
            project: "lab".into(),
            caller: "alice".into(),
            token: token.into(),
            request_mac: [0; 32],
            status: 202,
            answer: "{}".into(),
            created_at,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_forgotten_by_a_clock_that_may_be_wrong() {
        let world = World::new().await;
        let keep = async |created_at| {
            let answer = answer("token", created_at);
            world.store.read(move |tx| tx.remember(&answer)).await.unwrap();
        };
        let is_kept = async || {
            tokio::time::sleep(PAUSE * 2).await;
            world.store.read(|tx| tx.remembered("lab", "alice", "token")).await.unwrap().is_some()
        };
        keep(world.edge.now().before(KEPT * 2)).await;
        let (store, edge, hour) = (world.store.clone(), world.edge.clone(), Duration::from_secs(60 * 60));
        let forgetting = tokio::spawn(run(store, edge, world.lifecycle.clone(), hour));
        assert!(is_kept().await, "it has just begun");
        world.clock.advance(hour);
        assert!(!is_kept().await);
        keep(world.edge.now()).await;
        world.lifecycle.look(None).await.unwrap();
        world.clock.jump(365 * 24 * 3600 * 1000);
        assert!(is_kept().await, "nobody looked at the clock yet");
        world.lifecycle.look(None).await.unwrap();
        assert!(is_kept().await);
        world.clock.advance(hour);
        assert!(!is_kept().await);
        forgetting.abort();
    }

    #[tokio::test]
    async fn what_is_too_old_is_forgotten_and_nothing_else() {
        let (store, edge) = (Handle::inline(SqliteStore::open_in_memory().unwrap()), Edge::system());
        let (now, hour) = (edge.now(), 60 * 60 * 1000);
        let at = move |hours: u64| Timestamp(now.0 - hours * hour);
        let (old, young) = (answer("old", at(25)), answer("young", at(23)));
        let lines = [at(49), at(47)].map(|at| crate::store::access::Audited {
            seq: 0,
            at,
            request_id: String::new(),
            caller: String::new(),
            role: String::new(),
            project_id: None,
            peer: String::new(),
            action: String::new(),
            objects: vec![],
            status: 200,
            code: String::new(),
        });
        let written = store.read(move |tx| {
            tx.remember(&old)?;
            tx.remember(&young)?;
            lines.iter().try_for_each(|line| tx.insert_audited(line))
        });
        written.await.unwrap();
        once(&store, &edge, Duration::from_secs(48 * 60 * 60)).await.unwrap();
        let left = store.read(|tx| {
            let wanted = AuditWanted { limit: 10, ..AuditWanted::default() };
            let answers = [tx.remembered("lab", "alice", "old")?, tx.remembered("lab", "alice", "young")?];
            Ok((answers.map(|answer| answer.is_some()), tx.audited(&wanted)?.len()))
        });
        assert_eq!(left.await.unwrap(), ([false, true], 1));
    }
}
