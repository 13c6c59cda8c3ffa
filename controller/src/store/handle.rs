//! How asynchronous code reaches a store: on a thread of its own, or right where it is called.

use super::{Result, Store, StoreError, Transaction};
use std::sync::{Arc, Mutex};
use tokio::sync::{mpsc, oneshot};

type Job = Box<dyn FnOnce(&mut dyn Store) + Send>;

/// Work waiting for the store's thread; more is answered with an error rather than queued.
const QUEUE: usize = 1024;

/// A cheap, cloneable way to the one store.
#[derive(Clone)]
pub struct Handle(Way);

#[derive(Clone)]
enum Way {
    Thread(mpsc::Sender<Job>),
    Inline(Arc<Mutex<dyn Store>>),
}

impl Handle {
    /// Gives the store a thread of its own, which ends when the last handle is dropped.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn threaded(mut store: impl Store + 'static) -> std::io::Result<Self> {
        let (jobs, mut queue) = mpsc::channel::<Job>(QUEUE);
        std::thread::Builder::new().name("store".into()).spawn(move || {
            while let Some(job) = queue.blocking_recv() {
                job(&mut store);
            }
        })?;
        Ok(Self(Way::Thread(jobs)))
    }

    /// Runs every transaction in the caller's thread: for simulations, which have no threads.
    pub fn inline(store: impl Store + 'static) -> Self {
        Self(Way::Inline(Arc::new(Mutex::new(store))))
    }

    /// Runs `work` in one transaction, and commits when it answers `Ok`.
    ///
    /// # Errors
    /// What `work` answers, or what the store says; nothing is changed then.
    pub async fn run<T, E>(
        &self,
        work: impl FnOnce(&mut dyn Transaction) -> std::result::Result<T, E> + Send + 'static,
    ) -> std::result::Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        match &self.0 {
            Way::Inline(store) => {
                let mut store = store.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                in_transaction(&mut *store, work)
            }
            Way::Thread(jobs) => {
                let (answer, answered) = oneshot::channel();
                let job: Job = Box::new(move |store| {
                    // The caller may have gone away; the transaction is complete either way.
                    let _ = answer.send(in_transaction(store, work));
                });
                jobs.try_send(job).map_err(|_| StoreError::Unreachable)?;
                answered.await.map_err(|_| StoreError::Unreachable)?
            }
        }
    }
}

fn in_transaction<T, E: From<StoreError>>(
    store: &mut dyn Store,
    work: impl FnOnce(&mut dyn Transaction) -> std::result::Result<T, E>,
) -> std::result::Result<T, E> {
    let mut transaction = store.begin()?;
    let value = work(&mut *transaction)?;
    transaction.commit()?;
    Ok(value)
}

/// Shorthand for transactions whose only errors are the store's.
impl Handle {
    /// As [`Handle::run`], with the store's own errors.
    ///
    /// # Errors
    /// What the store says.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Transaction) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.run(work).await
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("store::Handle")
    }
}
