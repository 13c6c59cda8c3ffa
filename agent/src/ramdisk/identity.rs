//! This boot's identity, and with it the time of day.

use anyhow::Context;
use billet_proto::identity::{BootIdentity, PATH};
use nix::{
    sys::time::TimeSpec,
    time::{ClockId, clock_settime},
};
use std::time::Duration;

/// Reads the file, removes it, and sets the clock.
pub(super) fn take() -> anyhow::Result<BootIdentity> {
    let text =
        zeroize::Zeroizing::new(std::fs::read(PATH).with_context(|| format!("read this boot's identity {PATH}"))?);
    std::fs::remove_file(PATH).with_context(|| format!("remove {PATH}"))?;
    // The parser's words could show a part of the file.
    let identity: BootIdentity =
        serde_json::from_slice(&text).map_err(|error| anyhow::anyhow!("read {PATH}: line {}", error.line()))?;
    let now = TimeSpec::from_duration(Duration::from_millis(identity.unix_time_ms));
    // Without it certificates could look too young; the machine's own clock may still be right.
    if let Err(error) = clock_settime(ClockId::CLOCK_REALTIME, now) {
        tracing::warn!(%error, "the clock was not set");
    }
    Ok(identity)
}

/// Since the kernel started.
pub(super) fn uptime() -> Duration {
    nix::time::clock_gettime(ClockId::CLOCK_BOOTTIME).map(Duration::from).unwrap_or_default()
}
