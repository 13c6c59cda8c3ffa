//! `running` means that the host key which the ramdisk made answered at the address.

use super::{Plan, leave};
use crate::{
    host::{
        failure::{Failure, chain},
        orders::Job,
        state::Stage,
    },
    probe::{HostKey, ssh_host_key},
};
use billet_proto::link::Step;
use std::time::Duration;
use tokio::time::Instant;

const STEP: Step = Step::Verify;
/// One probe, and the pause after it.
const PROBE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(500);

/// Probes until the key answers; once, at half the time, the BMC resets a server that gives no sign of life.
pub(super) async fn run(job: &Job, plan: &Plan, key: &str) -> Result<String, Failure> {
    let expected: HostKey = key.parse().map_err(|_| Failure::new(STEP, "host_key_malformed", "the stored host key"))?;
    job.save(STEP, Stage::Verifying { host_key: key.to_owned() })?;
    job.reporter.host_key(key);
    let (target, interface) = &plan.probe;
    let waiting = format!("host key {} to answer at {target}", expected.fingerprint());
    job.reporter.started(STEP, &waiting);
    let (deadline, began) = (job.deadlines.of(STEP), Instant::now());
    let mut was_reset = false;
    let mut last = String::from("nothing was tried");
    while began.elapsed() < deadline {
        match ssh_host_key(*target, Some(interface), &expected, PROBE).await {
            Ok(()) => {
                job.reporter.finished(STEP, "the host key answered");
                return Ok(expected.to_string());
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
            if let Err(error) = leave::reset(job).await {
                job.reporter.note("reset", &chain(&error));
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
    let message = format!("{waiting}: not within {} s; last: {last}", deadline.as_secs());
    Err(Failure::new(STEP, "host_key_not_seen", message))
}
