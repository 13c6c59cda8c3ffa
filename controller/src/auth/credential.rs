//! What a call was taken by, to be looked at again while its answer goes on.

use super::{Authenticator, Caller, Denied};
use crate::clock::Timestamp;
use std::{fmt, sync::Arc};
use zeroize::Zeroizing;

/// A credential that was good; cheap to clone.
#[derive(Clone)]
pub enum Credential {
    /// `X-Auth-Token`'s.
    Token(Arc<Zeroizing<String>>),
    /// Whose signature it was: an access key's name for callers. A signature is good once, a key until it is taken away.
    Key(Arc<str>),
}

impl Credential {
    /// Whose it is now. Keystone may be asked, though no oftener than it is about any other call's token.
    ///
    /// # Errors
    /// When it is nobody's any more, or nobody could tell.
    pub async fn caller(&self, auth: &Authenticator, now: Timestamp) -> Result<Caller, Denied> {
        match self {
            Self::Token(token) => match auth.known(token, now) {
                Some(known) => known,
                None => auth.ask(token, now).await,
            },
            Self::Key(name) => match auth.keys()?.find(name) {
                Some(key) => Ok(key.caller.clone()),
                None => Err(Denied::Unknown("the access key is not known any more")),
            },
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(redacted)")
    }
}
