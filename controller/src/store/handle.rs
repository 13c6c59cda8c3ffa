//! How asynchronous code reaches a store: on a thread of its own, or right where it is called.

use super::{Result, Store, StoreError, Transaction};
use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::{
    mpsc::{self, error::TrySendError},
    oneshot,
};

/// Runs one transaction; what it answers tells the caller, when it is told whether everything so far is on disk.
type Job = Box<dyn FnOnce(&mut dyn Store) -> Told + Send>;
type Told = Box<dyn FnOnce(OnDisk) + Send>;
type OnDisk = std::result::Result<(), StoreError>;

/// Work waiting for the store's thread; more is answered with an error rather than queued.
const QUEUE: usize = 1024;
/// Transactions that share one flush to the disk at most; each flush costs as much as several of them, on a slow disk as
/// hundreds.
const SHARED: usize = 128;
/// Nobody waits longer for others' transactions before the flush that his own needs.
const SHARING: Duration = Duration::from_millis(2);

/// A cheap, cloneable way to the one store.
#[derive(Clone)]
pub struct Handle(Way);

#[derive(Clone)]
enum Way {
    Threads {
        jobs: mpsc::Sender<Job>,
        /// None: what reads waits among the others.
        views: Option<mpsc::Sender<Job>>,
    },
    Inline(Arc<Mutex<dyn Store>>, Option<Pause>),
}

/// What passes before a transaction begins, and again before its caller hears of it.
pub type Pause = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

impl Handle {
    /// Gives the store a thread of its own, which ends when the last handle is dropped.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn threaded(mut store: impl Store + 'static) -> std::io::Result<Self> {
        let (jobs, mut queue) = mpsc::channel::<Job>(QUEUE);
        let thread = std::thread::Builder::new().name("store".into());
        thread.spawn(move || while run_some(&mut store, &mut queue).is_some() {})?;
        Ok(Self(Way::Threads { jobs, views: None }))
    }

    /// As [`Handle::threaded`], and each of these readers of the same database has a thread for [`Handle::view`].
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn with_readers(
        store: impl Store + 'static,
        readers: impl IntoIterator<Item = impl Store + 'static>,
    ) -> std::io::Result<Self> {
        let mut handle = Self::threaded(store)?;
        let (sender, queue) = mpsc::channel::<Job>(QUEUE);
        let queue = Arc::new(Mutex::new(queue));
        for mut reader in readers {
            let queue = queue.clone();
            let next = move || queue.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
            let view = move || {
                while let Some(job) = next() {
                    job(&mut reader)(Ok(()));
                }
            };
            std::thread::Builder::new().name("store-view".into()).spawn(view)?;
        }
        if let Way::Threads { views, .. } = &mut handle.0 {
            *views = Some(sender);
        }
        Ok(handle)
    }

    /// Runs every transaction in the caller's thread: for simulations, which have no threads.
    pub fn inline(store: impl Store + 'static) -> Self {
        Self(Way::Inline(Arc::new(Mutex::new(store)), None))
    }

    /// As this handle, which is inline, with a pause before each transaction and before its answer: a process that ends
    /// meanwhile leaves work that was never begun, or that is done and was told to nobody. Other handles stay as they are.
    #[must_use]
    pub fn paced(&self, pause: Pause) -> Self {
        match &self.0 {
            Way::Inline(store, _) => Self(Way::Inline(store.clone(), Some(pause))),
            Way::Threads { .. } => self.clone(),
        }
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
            Way::Inline(store, pause) => {
                if let Some(pause) = pause {
                    pause().await;
                }
                let done = {
                    let mut store = store.lock().unwrap_or_else(PoisonError::into_inner);
                    in_transaction(&mut *store, work).and_then(|done| store.flush().map(|()| done).map_err(E::from))
                };
                if let Some(pause) = pause {
                    pause().await;
                }
                done
            }
            Way::Threads { jobs, .. } => on_thread(jobs, work).await,
        }
    }

    /// Runs `work`, which changes nothing, beside what writes: it sees all that was answered before, and may see what
    /// reaches the disk only a moment later. To decide what is written, read in the transaction that writes it.
    ///
    /// # Errors
    /// What `work` answers, or what the store says.
    pub async fn view<T, E>(
        &self,
        work: impl FnOnce(&mut dyn Transaction) -> std::result::Result<T, E> + Send + 'static,
    ) -> std::result::Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        match &self.0 {
            Way::Threads { views: Some(views), .. } => on_thread(views, work).await,
            Way::Threads { views: None, .. } | Way::Inline(..) => self.run(work).await,
        }
    }
}

async fn on_thread<T, E>(
    jobs: &mpsc::Sender<Job>,
    work: impl FnOnce(&mut dyn Transaction) -> std::result::Result<T, E> + Send + 'static,
) -> std::result::Result<T, E>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    let (answer, answered) = oneshot::channel();
    let job: Job = Box::new(move |store| {
        let done = in_transaction(store, work);
        Box::new(move |on_disk: OnDisk| {
            // The caller may have gone away; the transaction is complete either way.
            let _ = answer.send(on_disk.map_err(E::from).and(done));
        })
    });
    jobs.try_send(job).map_err(|error| match error {
        TrySendError::Full(_) => StoreError::Busy,
        TrySendError::Closed(_) => StoreError::Unreachable,
    })?;
    answered.await.map_err(|_| StoreError::Unreachable)?
}

/// Runs what waits, up to a bound, each in a transaction of its own; then one flush for all, and only then the answers.
/// None at the end: the last handle is gone, or the disk failed, and what is in the database is no longer known.
fn run_some(store: &mut dyn Store, queue: &mut mpsc::Receiver<Job>) -> Option<()> {
    let mut next = Some(queue.blocking_recv()?);
    let (mut told, began) = (Vec::new(), Instant::now());
    while let Some(job) = next.take() {
        let tell = job(store);
        if store.is_flushed() {
            // It read what is on disk already, or changed nothing.
            tell(Ok(()));
        } else {
            told.push(tell);
        }
        if told.len() < SHARED && began.elapsed() < SHARING {
            next = queue.try_recv().ok();
        }
    }
    let flushed = store.flush();
    if let Err(error) = &flushed {
        tracing::error!(%error, source = ?std::error::Error::source(error), "the store stops: the disk failed");
    }
    for tell in told {
        tell(if flushed.is_ok() { Ok(()) } else { Err(StoreError::Unreachable) });
    }
    flushed.ok()
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

#[cfg(test)]
mod tests;
