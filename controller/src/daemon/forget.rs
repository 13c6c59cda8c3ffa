//! Forgets what was written of callers and is too old: lines of the audit log, and answers to `X-Client-Token`.

use crate::{
    api::idempotency::KEPT,
    clock::Edge,
    store::{Handle, StoreError},
};
use std::time::Duration;

/// How often.
const PAUSE: Duration = Duration::from_secs(10 * 60);

/// After a start.
const SETTLED: Duration = Duration::from_secs(60 * 60);

/// Goes on until it is aborted.
pub(super) async fn run(store: Handle, edge: Edge, audit: Duration) {
    // A clock that is wrong when the machine starts is right by then: what it took for old would be gone.
    let mut beat = tokio::time::interval_at(tokio::time::Instant::now() + SETTLED, PAUSE);
    loop {
        beat.tick().await;
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
    use crate::clock::Timestamp;
    use crate::store::{
        access::{AuditWanted, Remembered},
        sqlite::SqliteStore,
    };

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
    async fn nothing_is_forgotten_in_the_first_hour() {
        let (store, edge) = (Handle::inline(SqliteStore::open_in_memory().unwrap()), Edge::system());
        let old = answer("old", edge.now().before(KEPT * 2));
        store.read(move |tx| tx.remember(&old)).await.unwrap();
        let is_kept = async || store.read(|tx| tx.remembered("lab", "alice", "old")).await.unwrap().is_some();
        let forgetting = tokio::spawn(run(store.clone(), edge, Duration::from_secs(1)));
        tokio::time::sleep(SETTLED - Duration::from_secs(1)).await;
        assert!(is_kept().await);
        tokio::time::sleep(Duration::from_secs(2)).await;
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
