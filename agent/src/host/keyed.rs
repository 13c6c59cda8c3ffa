//! A BMC whose account's password is changed at release, in two phases, so that no crash locks us out.
//!
//! ```text
//! next on disk ─► BMC told ─► somebody logged in with it ─► next is current, by a rename
//! ```
//! Wherever that stops, the BMC has one of two passwords that are both on disk. A login that is refused with the current one
//! tries the next one, once for each start of the agent and each change: a third wrong password in a row may lock the account.

use super::bmc_password::{self, BmcPassword};
use crate::bmc::{Baseline, Bmc, BmcError, BootOverride, Identity, Login, Peer, PowerState, ResetType, User};
use futures_util::future::BoxFuture;
use secrecy::SecretString;
use std::{io, sync::Arc};
use tokio::sync::Mutex;

/// The BMC, with what it takes to log in.
pub(super) struct Keyed {
    bmc: Arc<dyn Login>,
    password: BmcPassword,
    /// The next password was tried, and is not tried again. Held while the password is being changed.
    tried: Mutex<bool>,
}

impl Keyed {
    pub(super) fn new(bmc: Arc<dyn Login>, password: BmcPassword) -> Self {
        Self { bmc, password, tried: Mutex::new(false) }
    }

    /// Calls; where the login is refused and there is a next password that works, once more with that.
    async fn call<'a, T>(
        &'a self,
        call: impl Fn(&'a dyn Login) -> BoxFuture<'a, Result<T, BmcError>>,
    ) -> Result<T, BmcError> {
        match call(&*self.bmc).await {
            Err(error) if error.is_login_refused() => {
                if self.take_next().await {
                    call(&*self.bmc).await
                } else {
                    Err(error)
                }
            }
            outcome => outcome,
        }
    }

    /// Whether the next password is the one, and is used from now on.
    async fn take_next(&self) -> bool {
        let mut tried = self.tried.lock().await;
        let next = match self.password.next() {
            Ok(Some(next)) if !*tried => next,
            Ok(_) => return false,
            Err(error) => {
                tracing::error!(bmc = %self.bmc.peer(), "{error:#}");
                return false;
            }
        };
        *tried = true;
        match self.bmc.try_password(&next).await {
            Ok(()) => {
                tracing::warn!(bmc = %self.bmc.peer(), "the password was being changed when the agent ended: it is the new one");
                if let Err(error) = self.settle(next).await {
                    tracing::error!(bmc = %self.bmc.peer(), %error, "the new password is used, and found again as it was now");
                }
                true
            }
            Err(error) => {
                tracing::error!(bmc = %self.bmc.peer(), %error, "neither the password nor the one that was to follow it lets us in");
                false
            }
        }
    }

    /// Whether or not it could be kept as the current one: it is on disk, and the one that lets us in.
    async fn settle(&self, next: SecretString) -> Result<(), BmcError> {
        let kept = self.password.promote();
        self.bmc.use_password(next).await;
        kept.map_err(|source| self.unkept(source))
    }

    async fn change(&self) -> Result<(), BmcError> {
        // Whatever was left of an earlier change: the current password is the right one where this is answered.
        self.power_state().await?;
        let mut tried = self.tried.lock().await;
        let current = self.password.current().map_err(|error| self.unkept(io::Error::other(error)))?;
        let next = bmc_password::make().map_err(|source| self.unkept(source))?;
        self.password.propose(&next).map_err(|source| self.unkept(source))?;
        *tried = false;
        let told = self.bmc.set_password(&next).await;
        if let Err(error) = &told
            && error.is_refusal()
        {
            self.password.withdraw().map_err(|source| self.unkept(source))?;
            return told;
        }
        // An answer that was lost, or a session that ended with the old password, may mean that it was done.
        match self.bmc.try_password(&next).await {
            Ok(()) => self.settle(next).await,
            Err(error) if error.is_login_refused() => {
                // By the session that is open, or by the old password: the BMC is to have that, and to let us in by it.
                self.bmc.set_password(&current).await?;
                self.bmc.try_password(&current).await?;
                self.password.withdraw().map_err(|source| self.unkept(source))?;
                Err(told.err().unwrap_or(error))
            }
            // Both stay on disk: the next call finds out.
            Err(error) => Err(error),
        }
    }

    fn unkept(&self, source: io::Error) -> BmcError {
        BmcError::PasswordNotKept { peer: self.bmc.peer().clone(), source }
    }
}

impl Bmc for Keyed {
    fn peer(&self) -> &Peer {
        self.bmc.peer()
    }

    fn identity(&self) -> BoxFuture<'_, Result<Identity, BmcError>> {
        Box::pin(self.call(|bmc| bmc.identity()))
    }

    fn power_state(&self) -> BoxFuture<'_, Result<PowerState, BmcError>> {
        Box::pin(self.call(|bmc| bmc.power_state()))
    }

    fn reset(&self, action: ResetType) -> BoxFuture<'_, Result<(), BmcError>> {
        Box::pin(self.call(move |bmc| bmc.reset(action)))
    }

    fn set_boot_override<'a>(&'a self, wanted: &'a BootOverride) -> BoxFuture<'a, Result<(), BmcError>> {
        Box::pin(self.call(move |bmc| bmc.set_boot_override(wanted)))
    }

    fn boot_override(&self) -> BoxFuture<'_, Result<BootOverride, BmcError>> {
        Box::pin(self.call(|bmc| bmc.boot_override()))
    }

    fn baseline(&self) -> BoxFuture<'_, Result<Baseline, BmcError>> {
        Box::pin(self.call(|bmc| bmc.baseline()))
    }

    fn restore_user<'a>(&'a self, was: &'a User, is: &'a User) -> BoxFuture<'a, Result<(), BmcError>> {
        Box::pin(self.call(move |bmc| bmc.restore_user(was, is)))
    }

    fn change_password(&self) -> BoxFuture<'_, Result<(), BmcError>> {
        Box::pin(self.change())
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.bmc.close()
    }
}

#[cfg(test)]
mod tests;
