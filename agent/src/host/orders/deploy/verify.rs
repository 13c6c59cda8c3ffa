//! `running` means that the host key which the ramdisk made answered at the address.

use super::{Plan, leave, word::Word};
use crate::{
    causes::chain,
    host::{
        failure::Failure,
        orders::Job,
        state::{Installed, Stage},
    },
    probe::HostKey,
};
use billet_proto::{
    link::Step,
    planted::{self, Bug},
};
use std::time::Duration;
use tokio::time::Instant;

const STEP: Step = Step::Verify;
/// One probe, and the pause after it.
const PROBE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(500);

/// The whole of the second reset: asking the controller, and the BMC.
const RESET: Duration = Duration::from_secs(60);

/// Probes until the key answers; once, at half the time, the BMC resets a server that gives no sign of life.
pub(super) async fn run(job: &Job, plan: &Plan, installed: Installed) -> Result<Installed, Failure> {
    let expected: HostKey =
        installed.host_key.parse().map_err(|_| Failure::new(STEP, "host_key_malformed", "the stored host key"))?;
    job.save(STEP, Stage::Verifying(installed.clone()))?;
    job.reporter.host_key(&installed.host_key);
    let (target, interface) = &plan.probe;
    let waiting = format!("host key {} to answer at {target}", expected.fingerprint());
    job.reporter.started(STEP, &waiting);
    let (deadline, began) = (job.deadlines.of(STEP), Instant::now());
    let mut was_reset = false;
    let mut last = String::from("nothing was tried");
    while began.elapsed() < deadline {
        match job.tools.probe.host_key(*target, interface, &expected, PROBE).await {
            _ if planted::is(Bug::HostKeyNotAsked) => return Ok(installed),
            Ok(()) => {
                job.reporter.finished(STEP, "the host key answered");
                return Ok(installed);
            }
            Err(error) => {
                let why = chain(&error);
                if !error.may_pass() && why != last {
                    job.reporter.note("other-host-key", &why);
                }
                last = why;
            }
        }
        if !was_reset && began.elapsed() > deadline / 2 {
            was_reset = true;
            job.reporter
                .note("reset", &format!("no sign of life after half the time ({last}); the BMC resets the server"));
            reset_once_more(job).await;
        }
        tokio::time::sleep(PAUSE).await;
    }
    let message = format!("{waiting}: not within {} s; last: {last}", deadline.as_secs());
    Err(Failure::new(STEP, "host_key_not_seen", message))
}

/// Only with a fresh word: whoever does not know acts on nothing.
async fn reset_once_more(job: &Job) {
    let reset = async {
        Word::wait(job).await.map_err(|failure| failure.message)?;
        leave::reset(job).await.map_err(|error| chain(&error))
    };
    let outcome = tokio::time::timeout(RESET, reset).await;
    if let Err(why) = outcome.unwrap_or_else(|_| Err(format!("not within {} s", RESET.as_secs()))) {
        job.reporter.note("reset", &why);
    }
}
