//! Work on servers themselves: run, committed, and then sent.

use super::{Lifecycle, unhurried};
use crate::{
    lifecycle::{
        inspect, maintain, power::PowerAction, refusal::Refusal, remove, rules::Rules, server_power, task, wipe,
    },
    request::ServerAction,
    store::{Transaction, record::Server},
};
use billet_proto::{ProjectId, ServerId};

/// What the operator wants with one server.
pub(super) fn act(
    tx: &mut dyn Transaction,
    rules: &Rules,
    id: ServerId,
    action: ServerAction,
) -> Result<Server, Refusal> {
    match action {
        ServerAction::Inspect { allow_reset, accept_baseline } => {
            inspect::ask(tx, rules, id, (allow_reset, accept_baseline))
        }
        ServerAction::Maintain { reason } => maintain::take_out(tx, rules, id, reason),
        ServerAction::Ready => maintain::put_back(tx, rules, id),
        ServerAction::Wipe { policy } => wipe::ask(tx, rules, id, policy),
        ServerAction::Cancel => task::cancel(tx, rules, id),
        ServerAction::AcceptUnwiped => maintain::accept_unwiped(tx, rules, id),
        ServerAction::Offboard { confirm_off: false } => maintain::retire(tx, rules, id),
        ServerAction::Offboard { confirm_off: true } => remove::remove(tx, rules, id),
    }
}

impl Lifecycle {
    /// Runs an operation on one server, and sends what it began.
    pub(super) async fn on_server<T: Send + 'static>(
        &self,
        id: ServerId,
        work: impl FnOnce(&mut dyn Transaction, &Rules) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (rules, lifecycle) = (self.rules(), self.clone());
        unhurried(async move {
            let done = lifecycle.transact(move |tx| work(tx, &rules)).await?;
            lifecycle.dispatch_task(id).await;
            Ok(done)
        })
        .await
    }

    /// Sends the order of the task that nobody began yet, if there is one and its agent is there.
    pub(super) async fn dispatch_task(&self, id: ServerId) {
        let rules = self.rules();
        let make = move |tx: &mut dyn Transaction| {
            let server = tx.server(id)?;
            let fresh = server.filter(|server| server.task.as_ref().is_some_and(|task| task.step.is_empty()));
            fresh.map_or(Ok(None), |server| task::order::of(tx, &rules, &server))
        };
        match self.parts.store.read(make).await {
            Ok(Some((agent, order))) => self.parts.dispatch.send(agent, order),
            Ok(None) => {}
            Err(error) => tracing::error!(server = %id, %error, "no order can be made"),
        }
    }
    /// Powers servers, and sends what that began.
    pub(super) async fn power(
        &self,
        project: Option<ProjectId>,
        ids: Vec<ServerId>,
        action: PowerAction,
    ) -> Result<(), Refusal> {
        let (rules, lifecycle) = (self.rules(), self.clone());
        unhurried(async move {
            let of_servers =
                move |tx: &mut dyn Transaction| server_power::of_servers(tx, &rules, project.as_ref(), (&ids, action));
            let begun = lifecycle.transact(of_servers).await?;
            for instance in begun.instances {
                lifecycle.dispatch(instance).await;
            }
            for server in begun.servers {
                lifecycle.dispatch_task(server).await;
            }
            Ok(())
        })
        .await
    }
}
