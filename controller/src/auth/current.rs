//! What a reload of the files of credentials replaces.

use super::{AccessKeys, Tokens};
use std::{future::pending, sync::Arc};
use tokio::sync::watch;

/// Something that a reload replaces as a whole. Clones share it.
#[derive(Debug)]
pub struct Current<T>(Arc<watch::Sender<Arc<T>>>);

/// The tokens in force.
pub type CurrentTokens = Current<Tokens>;
/// The access keys in force.
pub type CurrentKeys = Current<AccessKeys>;

impl<T> Current<T> {
    /// Begins with this.
    pub fn new(value: T) -> Self {
        Self(Arc::new(watch::Sender::new(Arc::new(value))))
    }
    /// Puts another in force; calls in progress go on, but for those that watch for it.
    pub fn replace(&self, value: T) {
        self.0.send_replace(Arc::new(value));
    }
    /// What is in force.
    pub fn get(&self) -> Arc<T> {
        Arc::clone(&self.0.borrow())
    }
}

impl<T> Clone for Current<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// Tells that other credentials came into force.
#[derive(Debug)]
pub struct Reloads {
    tokens: Option<watch::Receiver<Arc<Tokens>>>,
    keys: Option<watch::Receiver<Arc<AccessKeys>>>,
}

impl Reloads {
    /// From now on.
    pub(super) fn of(tokens: Option<&CurrentTokens>, keys: Option<&CurrentKeys>) -> Self {
        Self { tokens: tokens.map(|current| current.0.subscribe()), keys: keys.map(|current| current.0.subscribe()) }
    }

    /// Waits for the next; for ever where nothing is reloaded. It may be dropped and called again.
    pub async fn next(&mut self) {
        tokio::select! {
            () = changed(&mut self.tokens) => {}
            () = changed(&mut self.keys) => {}
        }
    }
}

async fn changed<T>(current: &mut Option<watch::Receiver<T>>) {
    if let Some(current) = current
        && current.changed().await.is_ok()
    {
        return;
    }
    pending().await
}
