//! A BMC whose account's password is changed at release, in two phases, so that no crash locks us out.
//!
//! ```text
//! next on disk ─► BMC told ─► somebody logged in with it ─► next is current, by a rename
//! ```
//! Wherever that stops, the BMC has one of two passwords that are both on disk. Only a login settles which: what the BMC said
//! to the change itself counts for nothing, for the request is sent again where its answer is late, and one that was done may be
//! refused the second time. Nor does a refused login: a BMC may take a while to have what it was told. One that said yes is asked
//! again after pauses; the current one is used in between, so that wrong ones do not add up, and never are there more than three in a
//! row while the session lives by which the BMC was told. So the next password stays until it is the current one, and another change
//! tells the same one again.
//!
//! A login that is refused with the current one tries the next one; once that is refused too, not again before the next change,
//! the agent's next start, or ten minutes have passed: a third wrong password in a row may lock the account.
//!
//! What settles it goes on where its caller is dropped.

use super::bmc_password::{self, BmcPassword};
use crate::bmc::{Baseline, Bmc, BmcError, BootOverride, Identity, Login, Peer, PowerState, ResetType, Rotate, User};
use futures_util::future::BoxFuture;
use secrecy::SecretString;
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};
use tokio::{
    sync::Mutex,
    time::{Duration, Instant, sleep},
};

/// Long enough for the count of wrong passwords to begin anew, short enough for what a BMC has late to be found.
const REFUSED_FOR: Duration = Duration::from_secs(600);
/// Between two tries of a password that the BMC said yes to: BMCs write such things to flash at leisure, some seconds later.
const PAUSES: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(10)];

/// The BMC, with what it takes to log in.
pub(super) struct Keyed {
    inner: Arc<Inner>,
}

struct Inner {
    bmc: Arc<dyn Login>,
    password: BmcPassword,
    /// Where the BMC refused both passwords: until when the next one is not tried again. Held while it is found out or changed.
    refused_until: Mutex<Option<Instant>>,
    /// The one in use was refused, and the next one could not be tried yet: it comes first.
    in_doubt: AtomicBool,
    /// How often another one was put in use.
    uses: AtomicU64,
}

impl Keyed {
    pub(super) fn new(bmc: Arc<dyn Login>, password: BmcPassword) -> Self {
        let (refused_until, in_doubt, uses) = (Mutex::new(None), AtomicBool::new(false), AtomicU64::new(0));
        Self { inner: Arc::new(Inner { bmc, password, refused_until, in_doubt, uses }) }
    }

    /// Calls; where the login is refused and there is a next password that works, once more with that.
    async fn call<'a, T>(
        &'a self,
        call: impl Fn(&'a dyn Login) -> BoxFuture<'a, Result<T, BmcError>>,
    ) -> Result<T, BmcError> {
        let bmc = &*self.inner.bmc;
        let mut before = self.inner.uses.load(Ordering::Acquire);
        if self.inner.in_doubt.load(Ordering::Acquire) {
            self.take_next(before).await?;
            before = self.inner.uses.load(Ordering::Acquire);
        }
        match call(bmc).await {
            Err(error) if error.is_login_refused() => {
                if self.take_next(before).await? {
                    call(bmc).await
                } else {
                    Err(error)
                }
            }
            outcome => outcome,
        }
    }

    /// Whether another password than `before` is in use now. An error where the next one does not let us in.
    async fn take_next(&self, before: u64) -> Result<bool, BmcError> {
        self.go_on(|inner| async move { inner.take_next(before).await }).await
    }

    /// Does it to its end, whatever becomes of the caller.
    async fn go_on<T, F>(&self, work: impl FnOnce(Arc<Inner>) -> F) -> Result<T, BmcError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, BmcError>> + Send + 'static,
    {
        let done = tokio::spawn(work(self.inner.clone())).await;
        done.unwrap_or_else(|gone| Err(self.inner.unkept(io::Error::other(gone))))
    }
}

impl Inner {
    async fn take_next(&self, before: u64) -> Result<bool, BmcError> {
        let mut refused_until = self.refused_until.lock().await;
        if self.uses.load(Ordering::Acquire) != before {
            return Ok(true);
        }
        let next = match self.password.next() {
            Ok(Some(next)) if refused_until.is_none_or(|until| until <= Instant::now()) => next,
            Ok(_) => return Ok(false),
            Err(error) => {
                tracing::error!(bmc = %self.bmc.peer(), "{error:#}");
                return Ok(false);
            }
        };
        // Until the BMC says something to it.
        self.in_doubt.store(true, Ordering::Release);
        match self.bmc.try_password(&next).await {
            Ok(()) => {
                tracing::warn!(bmc = %self.bmc.peer(), "the password was being changed when the agent ended: it is the new one");
                if let Err(error) = self.settle(next).await {
                    tracing::error!(bmc = %self.bmc.peer(), %error, "the new password is used, and found again as it was now");
                }
                Ok(true)
            }
            Err(error) if error.is_login_refused() => {
                tracing::error!(bmc = %self.bmc.peer(), %error, "neither the password nor the one that was to follow it lets us in");
                *refused_until = refused_from_now();
                self.in_doubt.store(false, Ordering::Release);
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether or not it could be kept as the current one: it is on disk, and the one that lets us in.
    async fn settle(&self, next: SecretString) -> Result<(), BmcError> {
        let kept = self.password.promote();
        self.put_in_use(next).await;
        kept.map_err(|source| self.unkept(source))
    }

    async fn put_in_use(&self, password: SecretString) {
        self.bmc.use_password(password).await;
        self.uses.fetch_add(1, Ordering::AcqRel);
        self.in_doubt.store(false, Ordering::Release);
    }

    async fn change(&self) -> Result<(), BmcError> {
        let mut refused_until = self.refused_until.lock().await;
        // One that was opened before the last change says nothing of the password now.
        self.bmc.close().await;
        let kept = self.resolve(&mut refused_until).await?;
        // By a new login: a wrong one is found before another is proposed.
        self.bmc.power_state().await?;
        let current = self.current()?;
        let next = match kept {
            Some(next) => next,
            None => self.propose().map_err(|source| self.unkept(source))?,
        };
        *refused_until = None;
        let told = self.bmc.set_password(&next).await;
        let pauses: &[Duration] = if told.is_ok() { &PAUSES } else { &[] };
        let mut pauses = pauses.iter();
        loop {
            let error = match self.bmc.try_password(&next).await {
                Ok(()) => return self.settle(next).await,
                Err(error) if error.is_login_refused() => error,
                // Both stay on disk: the next call finds out.
                Err(error) => return Err(error),
            };
            match self.bmc.try_password(&current).await {
                Ok(()) => {}
                Err(error) if error.is_login_refused() => {
                    *refused_until = refused_from_now();
                    told?;
                    return self.give_back(next, &current, &mut refused_until).await;
                }
                Err(error) => return Err(error),
            }
            let Some(pause) = pauses.next() else { return Err(told.err().unwrap_or(error)) };
            sleep(*pause).await;
        }
    }

    /// It said yes, and let us in with neither: where it has not come to have the next one in between, it is to have the current one
    /// again, by the session that is open.
    async fn give_back(
        &self,
        next: SecretString,
        current: &SecretString,
        refused_until: &mut Option<Instant>,
    ) -> Result<(), BmcError> {
        sleep(PAUSES[0]).await;
        let error = match self.bmc.try_password(&next).await {
            Ok(()) => {
                *refused_until = None;
                return self.settle(next).await;
            }
            Err(error) => error,
        };
        self.bmc.set_password(current).await?;
        self.bmc.try_password(current).await?;
        *refused_until = None;
        Err(error)
    }

    /// One to follow the current one, on disk.
    fn propose(&self) -> io::Result<SecretString> {
        let next = bmc_password::make()?;
        self.password.propose(&next)?;
        Ok(next)
    }

    /// Finds out, by new logins, which one an earlier change left. Answers the next one where the BMC does not have it; none where
    /// it is the current one now, or there was none.
    async fn resolve(&self, refused_until: &mut Option<Instant>) -> Result<Option<SecretString>, BmcError> {
        let Some(next) = self.password.next().map_err(|error| self.unkept(io::Error::other(error)))? else {
            return Ok(None);
        };
        match self.bmc.try_password(&next).await {
            Ok(()) => return self.settle(next).await.map(|()| None),
            Err(error) if error.is_login_refused() => {}
            Err(error) => return Err(error),
        }
        let current = self.current()?;
        let tried = self.bmc.try_password(&current).await;
        *refused_until = if tried.as_ref().is_err_and(BmcError::is_login_refused) { refused_from_now() } else { None };
        tried?;
        self.put_in_use(current).await;
        Ok(Some(next))
    }

    fn current(&self) -> Result<SecretString, BmcError> {
        self.password.current().map_err(|error| self.unkept(io::Error::other(error)))
    }

    fn unkept(&self, source: io::Error) -> BmcError {
        BmcError::PasswordNotKept { peer: self.bmc.peer().clone(), source }
    }
}

fn refused_from_now() -> Option<Instant> {
    Some(Instant::now() + REFUSED_FOR)
}

impl Bmc for Keyed {
    fn peer(&self) -> &Peer {
        self.inner.bmc.peer()
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

    fn restore_user<'a>(&'a self, wanted: &'a User, is: &'a User) -> BoxFuture<'a, Result<(), BmcError>> {
        Box::pin(self.call(move |bmc| bmc.restore_user(wanted, is)))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            // The session by which the password is being changed stays: it may be what gives the one before back.
            if let Ok(_unchanging) = self.inner.refused_until.try_lock() {
                self.inner.bmc.close().await;
            }
        })
    }
}

impl Rotate for Keyed {
    fn change_password(&self) -> BoxFuture<'_, Result<(), BmcError>> {
        Box::pin(self.go_on(|inner| async move { inner.change().await }))
    }
}

#[cfg(test)]
mod tests;
