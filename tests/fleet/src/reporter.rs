//! What an order tells the controller, and telling it again when it asks where the order stands.

use crate::agent::Link;
use billet_proto::link::{Done, Failed, Finished, Note, PowerRead, Report, Started, Step, report::What};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Reports of one order; cheap to clone.
#[derive(Clone)]
pub(super) struct Reporter {
    link: Link,
    server: Arc<str>,
    generation: u64,
    stands: Arc<Mutex<Stands>>,
}

struct Stands {
    step: Step,
    waiting_for: String,
    host_key: Option<String>,
}

/// How an order ended.
#[derive(Debug, Clone)]
pub(super) enum Ended {
    Done(Step, Done),
    Failed(Step, Failed),
}

impl Reporter {
    pub(super) fn new(link: Link, server: &str, generation: u64) -> Self {
        let stands = Stands { step: Step::Unspecified, waiting_for: String::new(), host_key: None };
        Self { link, server: server.into(), generation, stands: Arc::new(Mutex::new(stands)) }
    }

    /// A step begins, or goes on waiting for something else.
    pub(super) async fn started(&self, step: Step, waiting_for: &str) {
        {
            let mut stands = self.stands();
            stands.step = step;
            waiting_for.clone_into(&mut stands.waiting_for);
        }
        self.tell(step, What::Started(Started { waiting_for: waiting_for.into(), ..Started::default() })).await;
    }

    pub(super) async fn finished(&self, step: Step, detail: &str) {
        self.tell(step, What::Finished(Finished { detail: detail.into() })).await;
    }

    pub(super) async fn power_read(&self, on: bool) {
        let step = self.stands().step;
        self.tell(step, What::PowerRead(PowerRead { on })).await;
    }

    /// The key that must answer in the end.
    pub(super) async fn host_key(&self, key: &str) {
        let step = {
            let mut stands = self.stands();
            stands.host_key = Some(key.to_owned());
            stands.step
        };
        self.tell(step, What::Note(Note { kind: "host-key".into(), message: key.into() })).await;
    }

    /// Tells again where the order stands.
    pub(super) async fn tell_again(&self) {
        let (step, waiting_for, key) = {
            let stands = self.stands();
            (stands.step, stands.waiting_for.clone(), stands.host_key.clone())
        };
        if step == Step::Unspecified {
            return;
        }
        self.tell(step, What::Started(Started { waiting_for, ..Started::default() })).await;
        if let Some(message) = key {
            self.tell(step, What::Note(Note { kind: "host-key".into(), message })).await;
        }
    }

    /// Tells how the order ended; the controller may have missed every step, so the last one comes before its end.
    pub(super) async fn ended(&self, ended: &Ended) {
        match ended {
            Ended::Done(last, done) => {
                self.tell(*last, What::Started(Started::default())).await;
                self.tell(*last, What::Done(done.clone())).await;
            }
            Ended::Failed(step, failed) => self.tell(*step, What::Failed(failed.clone())).await,
        }
    }

    pub(super) async fn tell(&self, step: Step, what: What) {
        let report = Report {
            server_id: self.server.to_string(),
            generation: self.generation,
            step: step.into(),
            what: Some(what),
        };
        self.link.report(report).await;
    }

    fn stands(&self) -> MutexGuard<'_, Stands> {
        self.stands.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
