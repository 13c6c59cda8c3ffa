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
    /// Whose signature it was, and the digest of the secret that it was made with. A signature is good once, a key until it
    /// is taken away or has another secret.
    Key(Arc<str>, [u8; 32]),
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
            Self::Key(access_key, secret_sha256) => match auth.keys()?.find(access_key) {
                Some(key) if key.secret_sha256() == *secret_sha256 => Ok(key.caller.clone()),
                Some(_) | None => Err(Denied::Unknown("the access key is not known any more")),
            },
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        auth::{AccessKeys, CurrentKeys},
        lifecycle::tests::world::World,
    };

    #[tokio::test]
    async fn a_key_is_good_until_it_is_taken_away_or_has_another_secret() {
        let world = World::new().await;
        let keys = |access_key: &str, secret: &str| {
            let text = format!(
                "[[key]]\nname = \"alice\"\naccess_key = \"{access_key}\"\nsecret_key = \"{secret}\"\n\
                 role = \"tenant\"\nproject = \"lab\"\n"
            );
            AccessKeys::parse(&text, &world.sealer).unwrap()
        };
        let old = keys("ALICESKEY", "a-secret-of-many-letters");
        let credential = old.find("ALICESKEY").unwrap().credential("ALICESKEY");
        for (now, is_good) in [
            (keys("ALICESKEY", "a-secret-of-many-letters"), true),
            (keys("ALICESKEY", "another-secret-of-letters"), false),
            (keys("ANOTHERKEY", "a-secret-of-many-letters"), false),
        ] {
            let auth = Authenticator { keys: Some(CurrentKeys::new(now)), ..Authenticator::default() };
            assert_eq!(credential.caller(&auth, world.edge.now()).await.is_ok(), is_good);
        }
    }
}
