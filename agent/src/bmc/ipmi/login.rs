//! The account's password: tried, changed, used.

use super::{IpmiBmc, Suite};
use crate::bmc::{
    Bmc, BmcError, Login,
    commands::UserPassword,
    rmcpplus::{Account, CallError, Connection, HandshakeError},
};
use futures_util::future::BoxFuture;
use secrecy::SecretString;

impl IpmiBmc {
    async fn open_once(&self, password: &SecretString) -> Result<(), BmcError> {
        let inner = &self.inner;
        let account = Account { password: password.clone(), ..inner.account() };
        let known = inner.state.lock().await.suite;
        let opened = inner.open_as(&account, known).await;
        let (connection, _) = opened.map_err(|error| inner.explain("open a session", error))?;
        connection.close().await;
        Ok(())
    }

    /// The slot that has our account's name, and lets in where several have it: one, or it could be another's password that
    /// is changed.
    async fn own_slot(&self) -> Result<u8, BmcError> {
        let peer = self.peer().clone();
        let users = self.read_users(&mut Vec::new()).await?;
        let mut own: Vec<_> = users.iter().filter(|user| user.is_named(&peer.user)).collect();
        if own.len() > 1 {
            own.retain(|user| user.lets_in());
        }
        match own[..] {
            [user] => Ok(user.slot),
            _ => {
                let reason = "it tells no account, or several, of that name";
                Err(BmcError::Refused { peer, doing: "find the account", code: 0xcb, reason })
            }
        }
    }

    async fn write_password(&self, password: &SecretString) -> Result<(), BmcError> {
        let (slot, doing) = (self.own_slot().await?, "change the password");
        // To find the slot takes as long as the accounts are many, and no longer: reading them has its own bounds.
        self.within(self.inner.deadline, doing, self.inner.call(doing, || UserPassword::Set(slot, password))).await
    }
}

impl Login for IpmiBmc {
    fn try_password<'a>(&'a self, password: &'a SecretString) -> BoxFuture<'a, Result<(), BmcError>> {
        Box::pin(self.within(self.inner.deadline, "open a session", self.open_once(password)))
    }

    fn set_password<'a>(&'a self, password: &'a SecretString) -> BoxFuture<'a, Result<(), BmcError>> {
        Box::pin(self.write_password(password))
    }

    fn use_password(&self, password: SecretString) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.inner.use_password(password);
            self.close().await;
        })
    }
}

impl super::Inner {
    /// One login, with the suite that worked; with the other where the BMC does not have it.
    pub(super) async fn open_as(
        &self,
        account: &Account,
        known: Option<Suite>,
    ) -> Result<(Connection, Suite), CallError> {
        super::check_lengths(account)?;
        let address = self.peer.address;
        let first = known.unwrap_or(Suite::Sha256);
        match Connection::open(address, account, first).await {
            Err(CallError::Handshake(HandshakeError::NoSuite(_) | HandshakeError::ZeroedCode))
                if first == Suite::Sha256 =>
            {
                let connection = Connection::open(address, account, Suite::Sha1).await?;
                Ok((connection, Suite::Sha1))
            }
            outcome => Ok((outcome?, first)),
        }
    }
}
