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
