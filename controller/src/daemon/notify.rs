//! What systemd is told: readiness, status, signs of life (sd_notify(3)). Without systemd it is told to nobody.

use sd_notify::NotifyState;
use std::time::Duration;

/// All doors are open.
pub(super) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The token file is read again; [`ready`] follows.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(%error, "systemd cannot be told"),
    }
}

/// What the daemon is doing.
pub(super) fn status(text: &str) {
    tell(&[NotifyState::Status(text)]);
}

/// The daemon is stopping.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Gives signs of life at half the watchdog's time; ends at once where there is no watchdog.
pub(super) async fn watchdog() {
    let Some(time) = sd_notify::watchdog_enabled() else { return };
    let mut beat = tokio::time::interval((time / 2).max(Duration::from_millis(100)));
    loop {
        beat.tick().await;
        tell(&[NotifyState::Watchdog]);
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "systemd cannot be told");
    }
}
