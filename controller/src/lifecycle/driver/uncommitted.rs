//! A bug for the simulation to find: orders of what is not committed yet.

use super::Lifecycle;
use crate::{
    lifecycle::{order, refusal::Refusal, rules::Rules},
    store::{StoreError, Transaction, record::Instance},
};
use billet_proto::{AgentId, link::Order};

/// Why nothing was committed.
enum Undone {
    Ordered(Vec<(AgentId, Order)>),
    Refused,
}

impl From<StoreError> for Undone {
    fn from(_: StoreError) -> Self {
        Self::Refused
    }
}

impl Lifecycle {
    /// Sends the orders of what is about to be accepted.
    pub(super) async fn dispatch_uncommitted(
        &self,
        work: impl FnOnce(&mut dyn Transaction, &Rules) -> Result<Vec<Instance>, Refusal> + Send + 'static,
    ) {
        let (rules, secrets) = (self.rules(), self.parts.secrets.clone());
        let would = move |tx: &mut dyn Transaction| -> Result<(), Undone> {
            let instances = work(tx, &rules).map_err(|_| Undone::Refused)?;
            let made = instances.iter().filter_map(|it| order::of(tx, &rules, &secrets, it).ok().flatten());
            Err(Undone::Ordered(made.collect()))
        };
        if let Err(Undone::Ordered(orders)) = self.parts.store.run(would).await {
            for (agent, order) in orders {
                self.parts.dispatch.send(agent, order);
            }
        }
    }
}
