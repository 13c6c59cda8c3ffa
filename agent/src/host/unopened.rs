//! A BMC whose password and key are read when it is called first: where they cannot be, each call says so, reads them again, and no other
//! server waits for that.

use crate::bmc::{Baseline, Bmc, BmcError, BootOverride, Identity, Peer, PowerState, ResetType, Rotate, User};
use futures_util::future::BoxFuture;
use std::{
    future::ready,
    io,
    sync::{Arc, OnceLock},
};

/// Reads the secrets, and answers the BMC that they are for.
type Open = dyn Fn() -> anyhow::Result<Arc<dyn Rotate>> + Send + Sync;

/// The BMC, as soon as its secrets were read.
pub(super) struct Unopened {
    peer: Peer,
    open: Box<Open>,
    bmc: OnceLock<Arc<dyn Rotate>>,
}

impl Unopened {
    pub(super) fn new(peer: Peer, open: impl Fn() -> anyhow::Result<Arc<dyn Rotate>> + Send + Sync + 'static) -> Self {
        Self { peer, open: Box::new(open), bmc: OnceLock::new() }
    }

    /// The BMC.
    ///
    /// # Errors
    /// [`BmcError::PasswordUnreadable`].
    pub(super) fn opened(&self) -> Result<&Arc<dyn Rotate>, BmcError> {
        if let Some(bmc) = self.bmc.get() {
            return Ok(bmc);
        }
        let opened = (self.open)().map_err(|error| BmcError::PasswordUnreadable {
            peer: self.peer.clone(),
            source: io::Error::other(error),
        })?;
        Ok(self.bmc.get_or_init(|| opened))
    }

    fn call<'a, T: Send + 'a>(
        &'a self,
        call: impl FnOnce(&'a dyn Rotate) -> BoxFuture<'a, Result<T, BmcError>>,
    ) -> BoxFuture<'a, Result<T, BmcError>> {
        match self.opened() {
            Ok(bmc) => call(bmc.as_ref()),
            Err(error) => Box::pin(ready(Err(error))),
        }
    }
}

impl Bmc for Unopened {
    fn peer(&self) -> &Peer {
        &self.peer
    }

    fn identity(&self) -> BoxFuture<'_, Result<Identity, BmcError>> {
        self.call(|bmc| bmc.identity())
    }

    fn power_state(&self) -> BoxFuture<'_, Result<PowerState, BmcError>> {
        self.call(|bmc| bmc.power_state())
    }

    fn reset(&self, action: ResetType) -> BoxFuture<'_, Result<(), BmcError>> {
        self.call(|bmc| bmc.reset(action))
    }

    fn set_boot_override<'a>(&'a self, wanted: &'a BootOverride) -> BoxFuture<'a, Result<(), BmcError>> {
        self.call(|bmc| bmc.set_boot_override(wanted))
    }

    fn boot_override(&self) -> BoxFuture<'_, Result<BootOverride, BmcError>> {
        self.call(|bmc| bmc.boot_override())
    }

    fn baseline(&self) -> BoxFuture<'_, Result<Baseline, BmcError>> {
        self.call(|bmc| bmc.baseline())
    }

    fn restore_user<'a>(&'a self, wanted: &'a User, is: &'a User) -> BoxFuture<'a, Result<(), BmcError>> {
        self.call(|bmc| bmc.restore_user(wanted, is))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        match self.bmc.get() {
            Some(bmc) => bmc.close(),
            // It has no session.
            None => Box::pin(ready(())),
        }
    }
}

impl Rotate for Unopened {
    fn change_password(&self) -> BoxFuture<'_, Result<(), BmcError>> {
        self.call(|bmc| bmc.change_password())
    }
}
