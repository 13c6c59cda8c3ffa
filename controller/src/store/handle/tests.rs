use super::*;
use std::sync::mpsc as std_mpsc;

/// A store that counts its flushes, and whose disk may fail.
struct Counting {
    inner: crate::store::sqlite::SqliteStore,
    flushes: std_mpsc::Sender<()>,
    fails: bool,
}

impl Store for Counting {
    fn begin(&mut self) -> Result<Box<dyn Transaction + '_>> {
        self.inner.begin()
    }
    fn flush(&mut self) -> Result<()> {
        if self.inner.is_flushed() {
            return Ok(());
        }
        let _ = self.flushes.send(());
        if self.fails {
            return Err(StoreError::Database("no disk".into()));
        }
        self.inner.flush()
    }
    fn is_flushed(&self) -> bool {
        self.inner.is_flushed()
    }
}

fn store(fails: bool) -> (Counting, std_mpsc::Receiver<()>) {
    let (flushes, counted) = std_mpsc::channel();
    let inner = crate::store::sqlite::SqliteStore::open_in_memory().unwrap();
    (Counting { inner, flushes, fails }, counted)
}

fn note(number: u8) -> impl FnOnce(&mut dyn Transaction) -> Result<()> + Send + 'static {
    move |tx| {
        let expires_at = crate::clock::Timestamp(1);
        let token = super::super::record::JoinToken {
            secret_sha256: [number; 32],
            agent_name: format!("a{number}"),
            expires_at,
        };
        tx.insert_join_token(&token)
    }
}

#[tokio::test]
async fn transactions_that_wait_together_share_one_flush_and_one_that_fails_spoils_no_other() {
    let (store, counted) = store(false);
    let handle = Handle::threaded(store).unwrap();
    // The thread is held until all the others wait.
    let (go, held) = std_mpsc::channel::<()>();
    let first = handle.run(move |_| {
        let _ = held.recv();
        Ok::<_, StoreError>(())
    });
    let others = (0..10).map(|number| handle.run(note(number)));
    // The same row again: refused, and rolled back alone.
    let again = handle.run(note(3));
    let release = async {
        tokio::task::yield_now().await;
        go.send(()).unwrap();
    };
    let all = futures_util::future::join_all(others);
    let (first, all, again, ()) = tokio::join!(first, all, again, release);
    assert!(first.is_ok() && all.iter().all(std::result::Result::is_ok));
    assert!(matches!(again, Err(StoreError::Taken("join token"))), "{again:?}");
    let flushes = counted.try_iter().count();
    assert!((1..=3).contains(&flushes), "ten transactions took {flushes} flushes");
}

#[tokio::test]
async fn reading_waits_for_no_flush() {
    let (store, counted) = store(false);
    let handle = Handle::threaded(store).unwrap();
    assert!(handle.read(|tx| tx.servers()).await.unwrap().is_empty());
    assert_eq!(counted.try_iter().count(), 0);
}

#[tokio::test]
async fn nothing_is_answered_as_done_when_the_disk_fails_and_the_store_is_used_no_further() {
    let (store, _counted) = store(true);
    let handle = Handle::threaded(store).unwrap();
    assert!(matches!(handle.run(note(1)).await, Err(StoreError::Unreachable)));
    assert!(matches!(handle.read(|tx| tx.servers()).await, Err(StoreError::Unreachable)));
}

#[tokio::test]
async fn what_reads_waits_for_no_write_sees_what_was_answered_and_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let store = crate::store::sqlite::SqliteStore::open(&path).unwrap();
    let reader = crate::store::sqlite::SqliteStore::open_reader(&path).unwrap();
    let handle = Handle::with_readers(store, [reader]).unwrap();
    let held = |tx: &mut dyn Transaction| tx.quota(None);
    let quota = super::super::access::Quota { instances: 1, addresses: 2, images: 3, vpcs: 4, subnets: 5 };
    handle.run(move |tx| tx.set_quota(None, &quota)).await.unwrap();
    assert_eq!(handle.view(held).await.unwrap(), Some(quota));
    // A write goes on; it ends after the look, and is seen then.
    let (go, held_up) = std_mpsc::channel::<()>();
    let writing = handle.run(move |tx| {
        tx.set_quota(None, &super::super::access::Quota { instances: 9, ..quota })?;
        let _ = held_up.recv();
        Ok::<_, StoreError>(())
    });
    let looking = async {
        let seen = handle.view(held).await;
        go.send(()).unwrap();
        seen.unwrap()
    };
    let (written, seen) = tokio::join!(writing, looking);
    written.unwrap();
    assert_eq!(seen, Some(quota));
    assert_eq!(handle.view(held).await.unwrap().map(|quota| quota.instances), Some(9));
    assert!(matches!(handle.view(note(1)).await, Err(StoreError::Database(_))));
}
