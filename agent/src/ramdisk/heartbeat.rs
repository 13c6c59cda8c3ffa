//! Signs of life: the agent takes a ramdisk of which it hears nothing for long for lost, and boots another.

use super::agent::Agent;
use std::time::Duration;
use tokio::{task::JoinHandle, time::MissedTickBehavior};

/// Between two signs of life. The agent asks the BMC after three that it did not hear, and acts after eighteen.
const BEAT: Duration = Duration::from_secs(5);

/// Goes on until it is dropped: a ramdisk that gave up falls silent.
pub struct Heartbeat(JoinHandle<()>);

impl Heartbeat {
    /// Beats from now on, whatever the work waits for.
    #[must_use]
    pub fn spawn(agent: Agent) -> Self {
        Self::each(BEAT, agent)
    }

    pub(super) fn each(beat: Duration, agent: Agent) -> Self {
        Self(tokio::spawn(async move {
            let mut beat = tokio::time::interval(beat);
            beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                beat.tick().await;
                agent.live().await;
            }
        }))
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.0.abort();
    }
}
