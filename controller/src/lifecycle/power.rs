//! Power of a server that an instance is on. A password that waits is written at this boot.

use super::{
    cancel, event, operation,
    refusal::Refusal,
    rules::Rules,
    server_event,
    table::{Operation, Phase},
};
use crate::store::{StoreError, Transaction, record::Instance};

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

/// Begins it, and writes instance and server; one that is there already stays as it is. Answers the instance as it then
/// stands, for its order to be sent where it has one.
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
        (PowerAction::Off, Phase::Stopped) if was_read_off(tx, &instance)? => return Ok(instance),
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

/// Whether the BMC said that a stopped one is off. One that could not be powered on may have come on since, and after a restore
/// nobody knows: its BMC is asked.
fn was_read_off(tx: &mut dyn Transaction, instance: &Instance) -> Result<bool, StoreError> {
    let is_given_up = instance.error.as_ref().is_some_and(|error| error.cause == cancel::CAUSE);
    let server = tx.server(instance.server_id)?.ok_or(StoreError::Corrupt("an instance's server"))?;
    Ok((instance.operation == Operation::PowerOff || is_given_up) && server.power_on == Some(false))
}
