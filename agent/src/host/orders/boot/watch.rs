//! Watching over a machine that a ramdisk is expected from, or at work in: does it live, and has it power still?
//!
//! Not hearing is no reason to act, for what is cut may be the network: the BMC is asked. Only a machine that has no power, or
//! of which nothing was heard for long although it has, is taken for lost.

use crate::{
    bmc::{Bmc, PowerState, Retry},
    causes::chain,
    host::{failure::Failure, orders::Job},
};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// The BMC is asked when nothing was heard for this long: three signs of life of a ramdisk, which are 5 s apart.
const LOOK: Duration = Duration::from_secs(15);
/// "Off" is asked for a second time after this: firmware takes the power away for some seconds when its settings changed.
const CONFIRM: Duration = Duration::from_secs(5);
/// A ramdisk is lost when nothing was heard for this long and its machine is on. A cut of the network, or a restart of a
/// switch, of 60 s is survived.
pub(in crate::host::orders) const SILENCE: Duration = Duration::from_secs(90);

/// The BMC says that the machine is off, and no order said so.
pub(super) const POWER_LOST: &str = "power_lost";
/// The ramdisk gives no sign of life.
pub(super) const RAMDISK_SILENT: &str = "ramdisk_silent";

/// One machine under watch.
pub(in crate::host::orders) struct Watch {
    heard: Instant,
    next_look: Instant,
    was_off: bool,
    /// The BMC needs an operator: it is not asked again, for a second wrong password may lock the account.
    is_over: bool,
    told: String,
}

impl Watch {
    /// Begins now.
    pub(in crate::host::orders) fn new() -> Self {
        let now = Instant::now();
        Self { heard: now, next_look: now + LOOK, was_off: false, is_over: false, told: String::new() }
    }

    /// There was a sign of life.
    pub(super) fn heard(&mut self) {
        self.heard = Instant::now();
        self.next_look = self.heard + LOOK;
        self.was_off = false;
    }

    /// Ends when the machine is lost: it is off, or where it is on, nothing was heard for `silence`. May be dropped and
    /// begun again.
    pub(super) async fn lost(&mut self, job: &Job, silence: Option<Duration>) -> Failure {
        loop {
            let is_off = self.looked(job).await;
            let silent = self.heard.elapsed();
            let (cause, message) = match (is_off, silence) {
                (Some(true), _) => (POWER_LOST, "the BMC says that the server is off: it lost its power".to_owned()),
                (Some(false), Some(most)) if silent >= most => {
                    let message = format!("the server is on, and nothing was heard of it for {} s", silent.as_secs());
                    (RAMDISK_SILENT, message)
                }
                _ => continue,
            };
            return Failure::new(job.reporter.step(), cause, message);
        }
    }

    /// Asks the BMC when it is time to; whether the machine is off, as it says for the second time, or on. Nothing is known
    /// where it does not say.
    pub(in crate::host::orders) async fn looked(&mut self, job: &Job) -> Option<bool> {
        if self.is_over {
            std::future::pending::<()>().await;
        }
        sleep_until(self.next_look).await;
        let state = job.bmc().power_state().await;
        self.next_look = Instant::now() + LOOK;
        let was_off = std::mem::take(&mut self.was_off);
        match state {
            Ok(PowerState::Off) if was_off => Some(true),
            Ok(PowerState::Off) => {
                self.was_off = true;
                self.next_look = Instant::now() + CONFIRM;
                None
            }
            Ok(PowerState::On) => Some(false),
            Err(error) => {
                self.is_over = !matches!(error.retry(), Retry::After(_));
                let why = chain(&error);
                if why != self.told {
                    job.reporter.note("bmc", &format!("it does not say whether the server is on: {why}"));
                    self.told = why;
                }
                None
            }
        }
    }
}
