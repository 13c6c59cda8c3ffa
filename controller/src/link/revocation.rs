//! An open call of an agent ends when the agent's certificates are revoked: it was let in by one of them.

use super::renewal::unknown;
use crate::store::{Handle, record::Agent};
use futures_util::{Stream, stream::unfold};
use std::pin::Pin;
use tokio::sync::{mpsc, watch};
use tonic::Status;

/// Tells that the certificates are revoked with which an agent made a call.
pub(super) struct Revocation {
    agent: Agent,
    store: Handle,
    told: watch::Receiver<u64>,
}

impl Revocation {
    /// `told` counts revocations of any agent, from before the agent was found out: none is missed.
    pub(super) fn of(agent: &Agent, store: &Handle, told: watch::Receiver<u64>) -> Self {
        Self { agent: agent.clone(), store: store.clone(), told }
    }

    /// Waits for it.
    pub(super) async fn happens(mut self) {
        // Without a teller there are no sessions any more either.
        while self.told.changed().await.is_ok() {
            let id = self.agent.id;
            let known = self.store.read(move |tx| tx.agent(id)).await;
            // One that joined anew did so with another certificate. Where nobody knows, the caller shall come again.
            let same = |agent: &Agent| agent.revoked_at.is_none() && agent.joined_at == self.agent.joined_at;
            if !known.is_ok_and(|agent| agent.is_some_and(|agent| same(&agent))) {
                return;
            }
        }
    }

    /// The messages, until it happens.
    pub(super) fn ends<T: Send + 'static>(self, messages: mpsc::Receiver<Result<T, Status>>) -> Messages<T> {
        let happens: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(self.happens());
        Box::pin(unfold(Some((messages, happens)), |open| async {
            let (mut messages, mut happens) = open?;
            tokio::select! {
                biased;
                () = &mut happens => Some((Err(unknown()), None)),
                message = messages.recv() => message.map(|message| (message, Some((messages, happens)))),
            }
        }))
    }
}

/// What is answered, one after the other.
pub(super) type Messages<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;
