//! Power of a server that an instance is on. A password that waits is written at this boot.

use super::{
    event, operation,
    refusal::Refusal,
    rules::Rules,
    server_event,
    table::{Operation, Phase},
};
use crate::store::{Transaction, record::Instance};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PowerAction {
    /// On.
    On,
    /// Off; the operating system is asked first.
    Off,
    /// Off and on.
    Reboot,
}

/// Begins it, and writes instance and server; one that is to be on and runs stays as it is. A stopped one that is to be off is
/// powered off by its BMC, whatever that said last: there are buttons, and racks that come on by themselves. Answers the instance
/// as it then stands, for its order to be sent where it has one.
///
/// # Errors
/// [`Refusal::InstanceState`] where the instance is neither running nor stopped, or a reboot is asked of a stopped one.
pub(super) fn of_instance(
    tx: &mut dyn Transaction,
    rules: &Rules,
    mut instance: Instance,
    action: PowerAction,
) -> Result<Instance, Refusal> {
    let operation = match (action, instance.phase) {
        (PowerAction::On, Phase::Running) => return Ok(instance),
        (PowerAction::On, _) => Operation::PowerOn,
        (PowerAction::Off, _) => Operation::PowerOff,
        (PowerAction::Reboot, _) => Operation::Reboot,
    };
    let wanted = match operation {
        Operation::Reboot => "running",
        _ => "running or stopped",
    };
    let mut server = operation::begin(tx, rules, &mut instance, (operation, wanted))?;
    server.operation_state = format!("{}-processing", operation.word());
    server_event::record(
        tx,
        rules,
        &server,
        server_event::POWER_BEGAN,
        format!("{}, for its tenant", operation.word()),
    )?;
    tx.update_server(&server)?;
    tx.update_instance(&instance)?;
    event::record(tx, &instance, rules.now, "accepted", operation.word())?;
    Ok(instance)
}
