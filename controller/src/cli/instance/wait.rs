//! How long a verb waits.

use clap::Args;
use std::time::Duration;

/// The deadline of `--wait` and `--follow`.
#[derive(Debug, Clone, Copy, Args)]
pub struct Deadline {
    /// Seconds to wait at most; the work itself goes on afterwards
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, value_parser = clap::value_parser!(u64).range(1..=604_800))]
    timeout: u64,
}

impl Deadline {
    /// From now.
    pub fn timeout(self) -> Duration {
        Duration::from_secs(self.timeout)
    }
}
