//! Changing the password of the account that we log in with.

use super::{Bmc, BmcError};
use futures_util::future::BoxFuture;
use secrecy::SecretString;

/// A BMC whose account's password can be changed.
pub trait Login: Bmc {
    /// Opens a session of its own with that password, once, and gives it back; the session that is open stays.
    ///
    /// # Errors
    /// [`BmcError::AuthFailed`] when it is not the right one.
    fn try_password<'a>(&'a self, password: &'a SecretString) -> BoxFuture<'a, Result<(), BmcError>>;

    /// Gives our account that password, by the session that is open; it is not tried here.
    ///
    /// # Errors
    /// When the BMC does not answer or refuses.
    fn set_password<'a>(&'a self, password: &'a SecretString) -> BoxFuture<'a, Result<(), BmcError>>;

    /// Logs in with that password from now on; the session that is open is given back.
    fn use_password(&self, password: SecretString) -> BoxFuture<'_, ()>;
}

/// A BMC whose account's password is made here, and kept.
pub trait Rotate: Bmc {
    /// Gives our account another password, kept on disk: whatever ends half-way, and where the caller is dropped too, one of
    /// those that are there lets us in afterwards.
    ///
    /// # Errors
    /// When the BMC does not answer or refuses, or the password cannot be kept.
    fn change_password(&self) -> BoxFuture<'_, Result<(), BmcError>>;
}
