//! `running` means that the host key which the ramdisk made answered at the address.

use super::{Plan, leave, word::Word};
use crate::{
    bmc::BmcError,
    causes::chain,
    host::{
        failure::Failure,
        orders::{Job, boot::Watch},
        state::Installed,
    },
    probe::HostKey,
};
use billet_proto::{
    link::Step,
    planted::{self, Bug},
};
use std::{pin::pin, time::Duration};
use tokio::time::Instant;

const STEP: Step = Step::Verify;
/// One probe, and the pause after it.
const PROBE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(500);

/// The whole of the second reset, or of powering on: asking the controller, and the BMC.
const RESET: Duration = Duration::from_secs(60);
/// A server that lost its power is powered on so often.
const POWER_ONS: u32 = 3;

/// Probes until the key answers. A server that lost its power is powered on, to boot from its disk; once, at half the time,
/// the BMC resets one that gives no sign of life.
pub(super) async fn run(job: &Job, plan: &Plan, installed: Installed) -> Result<Installed, Failure> {
    let expected: HostKey =
        installed.host_key.parse().map_err(|_| Failure::new(STEP, "host_key_malformed", "the stored host key"))?;
    job.reporter.host_key(&installed.host_key);
    let (target, interface) = &plan.probe;
    let waiting = format!("host key {} to answer at {target}", expected.fingerprint());
    job.reporter.started(STEP, &waiting);
    let (deadline, began) = (job.deadlines.of(STEP), Instant::now());
    let (mut was_reset, mut power_ons) = (false, 0);
    let mut off = pin!(is_off(job));
    let mut last = String::from("nothing was tried");
    while began.elapsed() < deadline {
        let probe = job.tools.probe.host_key(*target, interface, &expected, PROBE);
        let answered = tokio::select! {
            answered = probe => answered,
            () = &mut off => {
                off.set(is_off(job));
                power_ons += 1;
                if power_ons > POWER_ONS {
                    let message = format!("{waiting}: the server is off; it was powered on {POWER_ONS} times");
                    return Err(Failure::new(STEP, "power_lost", message));
                }
                let what = format!("the BMC says that the server is off: it is powered on ({power_ons} of at most {POWER_ONS})");
                job.reporter.note("power-on", &what);
                once_more(job, "power-on", |word| leave::power_on(job, word)).await;
                continue;
            }
        };
        match answered {
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
            // A look that is not polled any more may hold the BMC's only session: what follows would wait for it.
            off.set(is_off(job));
            once_more(job, "reset", |word| leave::reset(job, word)).await;
        }
        tokio::time::sleep(PAUSE).await;
    }
    let message = format!("{waiting}: not within {} s; last: {last}", deadline.as_secs());
    Err(Failure::new(STEP, "host_key_not_seen", message))
}

/// Ends when the BMC says that the server is off.
async fn is_off(job: &Job) {
    let mut watch = Watch::new();
    while watch.looked(job).await != Some(true) {}
}

/// Resets or powers on, to boot from disk: only with a fresh word, for whoever does not know acts on nothing.
async fn once_more<A>(job: &Job, kind: &str, action: impl FnOnce(Word) -> A)
where
    A: Future<Output = Result<(), BmcError>>,
{
    let all = async {
        let failed = |error: BmcError| chain(&error);
        leave::to_disk(job).await.map_err(failed)?;
        let word = Word::wait(job).await.map_err(|failure| failure.message)?;
        action(word).await.map_err(failed)
    };
    let outcome = tokio::time::timeout(RESET, all).await;
    if let Err(why) = outcome.unwrap_or_else(|_| Err(format!("not within {} s", RESET.as_secs()))) {
        job.reporter.note(kind, &why);
    }
}
