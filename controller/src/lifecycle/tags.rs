//! An instance's labels: the only thing of it that changes without an order.

use super::{operation, refusal::Refusal, rules::Rules};
use crate::{request::TagChange, store::Transaction};
use billet_proto::{InstanceId, ProjectId};

/// Adds, replaces or takes off labels.
///
/// # Errors
/// [`Refusal::InstancesNotFound`], or [`Refusal::Invalid`] where they would be too many.
pub(super) fn change(
    tx: &mut dyn Transaction,
    rules: &Rules,
    project: &ProjectId,
    (id, change): (InstanceId, &TagChange),
) -> Result<(), Refusal> {
    for mut instance in operation::find(tx, Some(project), &[id])? {
        instance.tags = change.apply(&instance.tags)?;
        instance.updated_at = rules.now;
        tx.update_instance(&instance)?;
    }
    Ok(())
}
