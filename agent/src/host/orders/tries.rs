//! Trying again what may pass by itself: a bounded number of times, with pauses drawn by lot, within the time that there is;
//! each try is told, with when the next one begins.

use super::Job;
use crate::{
    bmc::{BmcError, Retry},
    host::{backoff::Backoff, failure::Failure},
    network::{Network, NetworkError, Port},
};
use billet_proto::link::Step;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// A BMC or a switch that did not do something five times, over about a minute, needs somebody who looks at it.
const TRIES: u32 = 5;
/// What is drawn by lot, beside the least that the error itself asks for.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(16);
/// The least before a port's move that failed is tried again.
const PORT_PAUSE: Duration = Duration::from_secs(1);

/// An error of something outside.
pub(super) trait Fails: Send {
    fn retry(&self) -> Retry;
    fn failure(&self, step: Step) -> Failure;
}

impl Fails for BmcError {
    fn retry(&self) -> Retry {
        Self::retry(self)
    }
    fn failure(&self, step: Step) -> Failure {
        Failure::bmc(step, self)
    }
}

/// A hook's "no" may be a switch that is busy, and each move may come again.
impl Fails for NetworkError {
    fn retry(&self) -> Retry {
        Retry::After(PORT_PAUSE)
    }
    fn failure(&self, step: Step) -> Failure {
        Failure::network(step, self)
    }
}

/// The tries of one thing.
pub(super) struct Tries<'a> {
    job: &'a Job,
    step: Step,
    waiting_for: &'static str,
    made: u32,
    backoff: Backoff,
    end: Instant,
}

impl Job {
    /// The tries of what a step waits for, while the step has time.
    pub(super) fn tries<'a>(&'a self, step: Step, waiting_for: &'static str) -> Tries<'a> {
        let left = self.deadlines.of(step).saturating_sub(self.reporter.spent(step));
        self.tries_within(step, waiting_for, left)
    }

    /// The tries of what a step waits for, with a time of their own.
    pub(super) fn tries_within<'a>(&'a self, step: Step, waiting_for: &'static str, time: Duration) -> Tries<'a> {
        let backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        Tries { job: self, step, waiting_for, made: 0, backoff, end: Instant::now() + time }
    }

    pub(super) async fn attach(&self, mut tries: Tries<'_>, port: Port, network: Network) -> Result<(), Failure> {
        while let Err(error) = self.tools.provider.attach(port, network).await {
            tries.again(&error).await?;
        }
        Ok(())
    }

    pub(super) async fn detach(&self, mut tries: Tries<'_>, port: Port, network: Network) -> Result<(), Failure> {
        while let Err(error) = self.tools.provider.detach(port, network).await {
            tries.again(&error).await?;
        }
        Ok(())
    }
}

impl Tries<'_> {
    /// Waits until the next try, or fails: with what cannot pass, after the last try, or where there is no time for another.
    pub(super) async fn again(&mut self, error: &impl Fails) -> Result<(), Failure> {
        self.made += 1;
        let mut failure = error.failure(self.step);
        let last = failure.message.clone();
        if self.made > 1 {
            failure.message = format!("{last} (tried {} times)", self.made);
        }
        let Retry::After(least) = error.retry() else { return Err(failure) };
        let pause = least + self.backoff.pause();
        if self.made == TRIES || Instant::now() + pause >= self.end {
            return Err(failure);
        }
        let waiting_for = format!("{}; last: {last}", self.waiting_for);
        let tell = |pause| self.job.reporter.tries(self.step, &waiting_for, self.made + 1, pause);
        tell(pause);
        sleep(pause).await;
        tell(Duration::ZERO);
        Ok(())
    }
}
