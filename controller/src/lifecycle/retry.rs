//! Asking for what failed once more, by an operator: with a generation of its own, and all that the tenant had asked for.

use super::{
    delete, event, operation,
    power::{self, PowerAction},
    refusal::Refusal,
    rules::Rules,
    table::{Operation, Phase, Standing},
};
use crate::store::{Transaction, record::Instance};
use billet_proto::InstanceId;

const WANTED: &str = "in error, or have a power action that failed";
const FORGOTTEN: &str = "reinstalled with a new password (billet instance reinstall), or deleted: its password was forgotten when it failed";
const NO_CHANGE: &str = "given its addresses anew (billet instance ip): those that were asked for are not kept";

/// Begins it, and answers the instance, for its order to be sent.
pub(super) fn retry(tx: &mut dyn Transaction, rules: &Rules, id: InstanceId) -> Result<Instance, Refusal> {
    let mut found = operation::find(tx, None, &[id])?;
    let instance = found.pop().ok_or_else(|| Refusal::InstancesNotFound(vec![id]))?;
    let standing = instance.standing();
    let refused = |wanted| Refusal::InstanceState { instances: vec![(id, standing.told())], wanted };
    if instance.error.is_none() {
        return Err(refused(WANTED));
    }
    let Standing { operation, phase } = standing;
    match (operation, phase) {
        (Operation::Uninstall, Phase::Failed) => {
            delete::delete(tx, rules, None, id)?.ok_or_else(|| Refusal::InstancesNotFound(vec![id]))
        }
        (Operation::ModifyIp, Phase::Failed) if instance.network_change.is_some() => modify_ip(tx, rules, instance),
        (Operation::ModifyIp, Phase::Failed) => Err(refused(NO_CHANGE)),
        (Operation::Install | Operation::Reinstall | Operation::SwitchInstall, Phase::Failed) => {
            Err(refused(FORGOTTEN))
        }
        (Operation::PowerOff, Phase::Running) => power::of_instance(tx, rules, instance, PowerAction::Off),
        (Operation::PowerOn | Operation::Reboot, Phase::Stopped) => {
            power::of_instance(tx, rules, instance, PowerAction::On)
        }
        // It was handed over, and did not answer; or nobody read back that it was off.
        (Operation::PowerOn | Operation::Reboot, Phase::Running) => {
            power::of_instance(tx, rules, instance, PowerAction::Reboot)
        }
        _ => Err(refused(WANTED)),
    }
}

/// The addresses that it is to get are reserved still.
fn modify_ip(tx: &mut dyn Transaction, rules: &Rules, mut instance: Instance) -> Result<Instance, Refusal> {
    operation::begin(tx, rules, &mut instance, (Operation::ModifyIp, WANTED))?;
    tx.update_instance(&instance)?;
    let text = format!("{}: once more, by an operator", Operation::ModifyIp.word());
    event::record(tx, &instance, rules.now, "accepted", &text)?;
    Ok(instance)
}
