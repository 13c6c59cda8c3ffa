//! A BMC whose readings of the power state are told to the controller.

use super::reporter::Reporter;
use crate::bmc::{Baseline, Bmc, BmcError, BootOverride, Identity, Peer, PowerState, ResetType, User};
use futures_util::future::BoxFuture;
use std::sync::Arc;

/// The BMC, for one order.
pub(super) struct Watched {
    bmc: Arc<dyn Bmc>,
    reporter: Reporter,
}

impl Watched {
    pub(super) fn new(bmc: Arc<dyn Bmc>, reporter: Reporter) -> Self {
        Self { bmc, reporter }
    }
}

impl Bmc for Watched {
    fn peer(&self) -> &Peer {
        self.bmc.peer()
    }

    fn identity(&self) -> BoxFuture<'_, Result<Identity, BmcError>> {
        self.bmc.identity()
    }

    fn power_state(&self) -> BoxFuture<'_, Result<PowerState, BmcError>> {
        Box::pin(async {
            let state = self.bmc.power_state().await?;
            self.reporter.power_read(state == PowerState::On);
            Ok(state)
        })
    }

    fn reset(&self, action: ResetType) -> BoxFuture<'_, Result<(), BmcError>> {
        self.bmc.reset(action)
    }

    fn set_boot_override<'a>(&'a self, wanted: &'a BootOverride) -> BoxFuture<'a, Result<(), BmcError>> {
        self.bmc.set_boot_override(wanted)
    }

    fn boot_override(&self) -> BoxFuture<'_, Result<BootOverride, BmcError>> {
        self.bmc.boot_override()
    }

    fn baseline(&self) -> BoxFuture<'_, Result<Baseline, BmcError>> {
        self.bmc.baseline()
    }

    fn restore_user<'a>(&'a self, wanted: &'a User, is: &'a User) -> BoxFuture<'a, Result<(), BmcError>> {
        self.bmc.restore_user(wanted, is)
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.bmc.close()
    }
}
