//! The agent renews its certificate by itself, at half of its life or when the controller asks for it, and takes over
//! whom else to trust.
//!
//! Invariants: a new certificate is on disk with its key before it is used, because using it is what ends the one before;
//! until then the one before counts. What fails is tried again, for as long as the certificate is good and after.

use super::identity::{Identity, days};
use anyhow::Context;
use billet_proto::link::RenewReply;
use rand::Rng as _;
use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::{sync::watch, time::Instant};

/// The pause after the first failure, at the longest; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_secs(60);
/// Half a year is left at the first try, so that a try each hour is many.
const MAX_PAUSE: Duration = Duration::from_secs(60 * 60);
/// How often the clock is looked at: somebody may have set it.
const LOOK: Duration = Duration::from_secs(60 * 60);

/// What the controller said of certificates when the agent attached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Advice {
    /// Whom to trust from now on; empty: as before.
    pub ca_pem: String,
    /// Whether the certificate is to be renewed whatever its age.
    pub renew: bool,
}

/// Where certificates come from and go to. A trait because time is virtual in tests, and a network is not.
pub(super) trait Controller {
    /// Asks for a certificate.
    async fn renew(&self, csr_pem: String) -> Result<RenewReply, tonic::Status>;
    /// Uses another identity from the next connection on, and makes that connection now.
    fn adopt(&self, identity: &Identity) -> anyhow::Result<()>;
    /// What is said at each attachment.
    fn advice(&self) -> watch::Receiver<Advice>;
}

/// Renews until stopped.
pub(super) struct Renewer<C> {
    pub(super) controller: C,
    pub(super) identity: Identity,
    pub(super) state_dir: PathBuf,
    /// The time of day.
    pub(super) now: Arc<dyn Fn() -> SystemTime + Send + Sync>,
    /// How many days are left, while a person should know.
    pub(super) alarm: watch::Sender<Option<u64>>,
}

impl<C: Controller> Renewer<C> {
    /// Runs until `stop`.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut advice = self.controller.advice();
        let mut wanted = self.heed(&mut advice);
        let (mut pause, mut next) = (FIRST_PAUSE, Instant::now());
        while !*stop.borrow() {
            let now = (self.now)();
            self.alarm.send_replace(self.identity.lifetime.alarming_days(now));
            let due = self.identity.lifetime.half().duration_since(now).unwrap_or_default();
            let due = if wanted { Duration::ZERO } else { due.min(LOOK) };
            tokio::select! {
                () = tokio::time::sleep_until(next.max(Instant::now() + due)) => {}
                Ok(()) = advice.changed() => {
                    wanted |= self.heed(&mut advice);
                    continue;
                }
                _ = stop.changed() => return,
            }
            if !wanted && (self.now)() < self.identity.lifetime.half() {
                continue;
            }
            pause = match self.renew().await {
                Ok(()) => {
                    wanted = false;
                    self.pause_after()
                }
                Err(error) => {
                    let days_left = days(self.identity.lifetime.left((self.now)()));
                    tracing::warn!(error = format!("{error:#}"), days_left, "the certificate was not renewed");
                    (pause * 2).min(MAX_PAUSE)
                }
            };
            next = Instant::now() + jittered(pause);
        }
    }

    /// Whatever the controller wants, it does not get a new one each moment; and where the clock is wrong, so that a new
    /// certificate seems old at once, not each minute either.
    fn pause_after(&self) -> Duration {
        if (self.now)() < self.identity.lifetime.half() {
            return FIRST_PAUSE;
        }
        tracing::warn!("the new certificate is half over by this machine's clock: is the clock right?");
        MAX_PAUSE
    }

    /// Takes over whom to trust; answers whether the certificate is to be renewed now.
    fn heed(&mut self, advice: &mut watch::Receiver<Advice>) -> bool {
        let Advice { ca_pem, renew } = advice.borrow_and_update().clone();
        if !ca_pem.is_empty() && ca_pem != self.identity.ca_pem {
            match self.identity.trusting(ca_pem, &self.state_dir) {
                Ok(identity) => {
                    self.identity = identity;
                    tracing::info!("the controller named other authorities to trust");
                    if let Err(error) = self.controller.adopt(&self.identity) {
                        tracing::error!(
                            error = format!("{error:#}"),
                            "the authorities are used from the next start on"
                        );
                    }
                }
                Err(error) => tracing::error!(error = format!("{error:#}"), "the authorities before stay in force"),
            }
        }
        renew
    }

    async fn renew(&mut self) -> anyhow::Result<()> {
        let key = rcgen::KeyPair::generate().context("make a key")?;
        let request = rcgen::CertificateParams::new(Vec::new())
            .and_then(|params| params.serialize_request(&key))
            .and_then(|request| request.pem())
            .context("make a certificate request")?;
        let RenewReply { certificate_pem, ca_pem } = self.controller.renew(request).await.context("ask for it")?;
        let identity = Identity::new(certificate_pem, key.serialize_pem(), ca_pem)?;
        identity.keep(&self.state_dir)?;
        self.identity = identity;
        self.controller.adopt(&self.identity).context("use it")?;
        tracing::info!(days = days(self.identity.lifetime.left((self.now)())), "the certificate was renewed");
        Ok(())
    }
}

/// Between half of it and the whole, so that agents which failed together do not come back together.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(rand::rng().random_range(0.5..=1.0))
}

#[cfg(test)]
mod tests;
