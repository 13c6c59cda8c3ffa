//! One simulated server: what a real one keeps on disk and in its BMC, and its worker, which takes the newest order and
//! answers those that come again.

use crate::{
    agent::Link,
    plan::MachinePlan,
    reporter::{Ended, Reporter},
    rules::Rules,
    works::{self, Job},
};
use billet_proto::link::Order;
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};
use tokio::task::AbortHandle;

/// A server.
pub(super) struct Machine {
    hardware: Arc<Hardware>,
    link: Link,
    rules: Arc<Rules>,
    newest: Option<Newest>,
}

/// What outlives an order.
pub(super) struct Hardware {
    pub(super) plan: MachinePlan,
    /// What the BMC says of the power.
    pub(super) on: AtomicBool,
    /// Of the system on the disk.
    host_key: Mutex<Option<String>>,
}

struct Newest {
    generation: u64,
    reporter: Reporter,
    task: AbortHandle,
    ended: Arc<Mutex<Option<Ended>>>,
}

impl Machine {
    pub(super) fn new(plan: MachinePlan, link: Link, rules: Arc<Rules>) -> Self {
        let hardware = Arc::new(Hardware { plan, on: AtomicBool::new(false), host_key: Mutex::new(None) });
        Self { hardware, link, rules, newest: None }
    }

    pub(super) fn plan(&self) -> &MachinePlan {
        &self.hardware.plan
    }

    /// Takes an order. One that is known is answered with where it stands or how it ended; an older one is refused.
    pub(super) fn take(&mut self, order: Order) {
        if let Some(newest) = &self.newest {
            if newest.generation > order.generation {
                return;
            }
            if newest.generation == order.generation {
                let (reporter, ended) = (newest.reporter.clone(), newest.ended.clone());
                tokio::spawn(async move {
                    let ended = ended.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    match ended {
                        Some(ended) => reporter.ended(&ended).await,
                        None => reporter.tell_again().await,
                    }
                });
                return;
            }
            newest.task.abort();
        }
        let generation = order.generation;
        let reporter = Reporter::new(self.link.clone(), &self.hardware.plan.id, generation);
        let ended: Arc<Mutex<Option<Ended>>> = Arc::default();
        let job = Job {
            hardware: self.hardware.clone(),
            link: self.link.clone(),
            rules: self.rules.clone(),
            reporter: reporter.clone(),
            generation,
        };
        let (told, kept) = (reporter.clone(), ended.clone());
        let task = tokio::spawn(async move {
            let end = works::run(&job, order.work).await;
            *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(end.clone());
            told.ended(&end).await;
        });
        self.newest = Some(Newest { generation, reporter, task: task.abort_handle(), ended });
    }
}

impl Hardware {
    pub(super) fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    pub(super) fn power(&self, on: bool) {
        self.on.store(on, Ordering::Relaxed);
    }

    pub(super) fn host_key(&self) -> Option<String> {
        self.host_key.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn keep_host_key(&self, key: Option<String>) {
        *self.host_key.lock().unwrap_or_else(PoisonError::into_inner) = key;
    }
}
