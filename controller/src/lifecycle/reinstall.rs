//! Reinstalling: the same server, addresses and metadata; the disk is written anew, and nothing of it is kept.

use super::{
    create, event, operation,
    refusal::Refusal,
    rules::Rules,
    secrets::InstanceSecrets,
    table::{Operation, may_begin},
};
use crate::{
    request::ImageOs,
    store::{Transaction, record::Instance},
};
use billet_proto::{ImageId, InstanceId, ProjectId};

const WANTED: &str = "running, stopped, or in error other than from a deletion";

/// Checks that all may be reinstalled, and changes nothing; answers the operating systems that the password is for.
pub(super) fn check(
    tx: &mut dyn Transaction,
    project: &ProjectId,
    ids: &[InstanceId],
    image: Option<ImageId>,
) -> Result<Vec<ImageOs>, Refusal> {
    let instances = operation::find(tx, Some(project), ids)?;
    operation::all_may(&instances, WANTED, |instance| may_begin(instance.standing(), Operation::Reinstall))?;
    let mut images: Vec<ImageId> = match image {
        Some(image) => vec![image],
        None => instances.iter().map(|instance| instance.image_id).collect(),
    };
    images.sort();
    images.dedup();
    images.into_iter().map(|image| create::installable_os(tx, project, image)).collect()
}

/// Accepts for all or for none; answers them, for their orders to be sent.
pub(super) fn accept(
    tx: &mut dyn Transaction,
    rules: &Rules,
    secrets: &InstanceSecrets,
    project: &ProjectId,
    (ids, image, password_hash): (&[InstanceId], Option<ImageId>, &str),
) -> Result<Vec<Instance>, Refusal> {
    check(tx, project, ids, image)?;
    let mut accepted = operation::find(tx, Some(project), ids)?;
    for instance in &mut accepted {
        let image = image.unwrap_or(instance.image_id);
        let operation = if image == instance.image_id { Operation::Reinstall } else { Operation::SwitchInstall };
        let server = operation::begin(tx, rules, instance, (operation, WANTED))?;
        instance.image_id = image;
        instance.password_hash = Some(secrets.seal_password(instance.id, password_hash));
        instance.next_password_hash = None;
        // What is installed will have a key of its own: nothing of the old one may be believed any more.
        (instance.host_key, instance.proof, instance.boot_trust) = (None, None, None);
        (instance.disk_serial, instance.receipt) = (None, None);
        instance.clear_other_bootable_disks = server.clear_other_bootable_disks;
        tx.update_instance(instance)?;
        event::record(tx, instance, rules.now, "accepted", operation.word())?;
    }
    Ok(accepted)
}
