//! The order that a task stands for: built from the row each time it is sent.

use super::deadline;
use crate::{
    lifecycle::{baseline, rules::Rules},
    store::{
        Result, StoreError, Transaction,
        record::{Server, TaskKind, WipePolicy},
    },
};
use billet_proto::{
    AgentId,
    link::{Inspect, Order, Power, PowerAction, Step, StepDeadline, Wipe, WipeMethod, order::Work},
};

/// As [`of`]; one whose rows do not read back keeps no other from going on: that is told, and its deadline ends it.
pub(in crate::lifecycle) fn readable(
    tx: &mut dyn Transaction,
    rules: &Rules,
    server: &Server,
) -> Result<Option<(AgentId, Order)>> {
    match of(tx, rules, server) {
        Err(error @ StoreError::Corrupt(_)) => {
            tracing::error!(server = %server.id, %error, "no order can be made");
            Ok(None)
        }
        made => made,
    }
}

/// The order, and the agent that it is for; none where no task is in progress, or nobody owns the server.
pub(in crate::lifecycle) fn of(
    tx: &mut dyn Transaction,
    rules: &Rules,
    server: &Server,
) -> Result<Option<(AgentId, Order)>> {
    let (Some(task), Some(agent)) = (&server.task, server.owner) else { return Ok(None) };
    let power = |action: PowerAction| Work::Power(Power { action: action.into(), instance_id: String::new() });
    let baseline = baseline::of_order(tx, server)?;
    let work = match task.kind {
        TaskKind::Inspect { allow_reset, .. } => Work::Inspect(Inspect { allow_reset, baseline }),
        TaskKind::Wipe { policy } => {
            let method = match policy {
                WipePolicy::Full => WipeMethod::Full,
                WipePolicy::Metadata => WipeMethod::Metadata,
            };
            let allowed = rules.policy.wipe_methods.iter().map(Into::into).collect();
            Work::Wipe(Wipe { method: method.into(), disks: task.disks.clone(), allowed, baseline })
        }
        TaskKind::PowerOn => power(PowerAction::On),
        TaskKind::PowerOff => power(PowerAction::Off),
        TaskKind::Reboot => power(PowerAction::Reboot),
    };
    let mut deadlines = rules.of_order();
    if matches!(task.kind, TaskKind::Wipe { .. }) {
        let seconds = u32::try_from(deadline::wipe(rules, task).as_secs()).unwrap_or(u32::MAX);
        deadlines.push(StepDeadline { step: Step::Wipe.into(), seconds });
    }
    let order = Order { server_id: server.id.to_string(), generation: task.generation, deadlines, work: Some(work) };
    Ok(Some((agent, order)))
}
