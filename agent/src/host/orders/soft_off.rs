//! Asking a system to shut down, as by its power button, before its power is cut: what it has in memory gets to its disk.

use super::Job;
use crate::{
    bmc::{Bmc, PowerState, ResetType},
    causes::chain,
    host::failure::Failure,
};
use billet_proto::link::Step;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Between two looks at a server whose system was asked to shut down.
const LOOK: Duration = Duration::from_secs(1);

/// Asks the right machine's system where it is on, and waits for `patience`, or as long as the configuration says where
/// that is less. That it is on still is no failure: the caller makes sure that it is off.
pub(super) async fn run(job: &Job, step: Step, patience: Duration) -> Result<(), Failure> {
    let bmc = job.bmc();
    job.reporter.started(step, "the BMC to say which machine it is in");
    job.identify(step).await?;
    let patience = job.tools.server.bmc.soft_off().min(patience);
    if !job.is_on(step).await? || patience.is_zero() {
        return Ok(());
    }
    job.reporter.started(step, "the system to shut down");
    if let Err(error) = bmc.reset(ResetType::GracefulShutdown).await {
        // Not every BMC can; then the power is cut.
        job.reporter.note("soft-off", &chain(&error));
        return Ok(());
    }
    let asked = Instant::now();
    while asked.elapsed() < patience {
        match bmc.power_state().await {
            Ok(PowerState::Off) => return Ok(()),
            Ok(PowerState::On) => {}
            Err(error) => job.reporter.note("soft-off", &chain(&error)),
        }
        sleep(LOOK).await;
    }
    let message = format!("the system did not shut down within {} s; the power is cut", patience.as_secs());
    job.reporter.note("soft-off", &message);
    Ok(())
}
