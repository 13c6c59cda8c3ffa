//! PID 1 of the ramdisk: brings the machine up far enough to ask its agent for work, does it, and leaves.
//!
//! Invariants: nothing is written to any disk before the agent answered the boot token; a failure is told and then
//! waited with, never repaired by guessing; no secret is on the console.

mod agent;
mod boot_variables;
mod heartbeat;
mod identity;
mod init;
mod inventory;
mod modules;
mod network;
#[cfg(test)]
mod played_agent;
mod ports;
mod smbios;
mod steps;
mod work;

pub use agent::{Agent, AgentError};
pub use heartbeat::Heartbeat;
use std::time::Duration;
pub use steps::{StepError, hand_over};

/// After the work, well or not, the agent resets or powers off; where it does not, the machine powers itself off.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Runs as PID 1; never returns.
pub fn run() -> ! {
    init::console();
    match init::prepare().and_then(|()| block_on()) {
        Ok(()) => tracing::info!("the agent resets the machine now"),
        Err(error) => tracing::error!("{error:#}"),
    }
    std::thread::sleep(PATIENCE);
    init::power_off()
}

fn block_on() -> anyhow::Result<()> {
    // The work is done on this thread, and may block it; signs of life and connections have the other one.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(work::run())
}
