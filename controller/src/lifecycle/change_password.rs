//! Another password: kept, sealed, until the next boot that is asked for here, which writes it to the disk.

use super::{create, event, operation, refusal::Refusal, rules::Rules, secrets::InstanceSecrets, table::Phase};
use crate::{
    request::ImageOs,
    store::{Transaction, record::Instance},
};
use billet_proto::{InstanceId, ProjectId};

const WANTED: &str = "running or stopped";

/// Checks that all may get another password, and changes nothing; answers the operating systems that it is for.
pub(super) fn check(
    tx: &mut dyn Transaction,
    project: &ProjectId,
    ids: &[InstanceId],
) -> Result<Vec<ImageOs>, Refusal> {
    let instances = find(tx, project, ids)?;
    let mut systems = Vec::new();
    for instance in instances {
        systems.extend(create::os_of(tx, instance.image_id)?);
    }
    systems.dedup();
    Ok(systems)
}

fn find(tx: &mut dyn Transaction, project: &ProjectId, ids: &[InstanceId]) -> Result<Vec<Instance>, Refusal> {
    let instances = operation::find(tx, Some(project), ids)?;
    operation::all_may(&instances, WANTED, |i| matches!(i.phase, Phase::Running | Phase::Stopped))?;
    Ok(instances)
}

/// Takes it for all or for none.
pub(super) fn accept(
    tx: &mut dyn Transaction,
    rules: &Rules,
    secrets: &InstanceSecrets,
    project: &ProjectId,
    (ids, password_hash): (&[InstanceId], &str),
) -> Result<(), Refusal> {
    for mut instance in find(tx, project, ids)? {
        instance.next_password_hash = Some(secrets.seal_next_password(instance.id, password_hash));
        instance.updated_at = rules.now;
        tx.update_instance(&instance)?;
        event::record(tx, &instance, rules.now, "note", "a new password waits for the next boot")?;
    }
    Ok(())
}
