//! What is on the disk of an instance that is told to be usable.

use crate::{
    ledger::Ledger,
    machine::{Disk, Machine},
    secrets::first_hash,
};
use billet_agent::network::Network as Segment;
use billet_controller::{lifecycle::table::Phase, store::record::Instance};

/// What the API calls usable is what was ordered.
pub(super) fn look(instance: &Instance, machine: &Machine, ledger: &Ledger) {
    let (body, name) = (machine.lock(), ledger.name(instance.id));
    let Disk::System(system) = &body.disk else {
        return ledger.violate(format!(
            "{name} is {} and {} has {:?}",
            instance.phase.word(),
            body.name(),
            kind(&body.disk)
        ));
    };
    let address = instance.nics.first().map(|nic| nic.address);
    let first = first_hash(&instance.name);
    let has_its_password = ledger.may_have_password(instance.id, &first, &system.password_hash);
    let its_network = Segment::Vpc { vpc_id: system.vpc };
    // Where the controller did not wait for the end, its agent may be at it still.
    let runs = instance.phase == Phase::Running && instance.error.is_none();
    let wrong = [
        (runs && !body.segments.contains(&its_network), "no port on its network"),
        (system.instance != instance.id, "another's system"),
        (system.image != instance.image_id, "another image"),
        (Some(system.address) != address, "another address"),
        (Some(&system.host_key) != instance.host_key.as_ref(), "another host key"),
        (!has_its_password, "another password"),
        (system.hostname != instance.name, "another host name"),
        (!system.is_proven && runs, "never proved it"),
    ];
    for (_, what) in wrong.into_iter().filter(|(is_wrong, _)| *is_wrong) {
        ledger.violate(format!("{name} is {} and has {what}", instance.phase.word()));
    }
}

fn kind(disk: &Disk) -> &'static str {
    match disk {
        Disk::Blank => "zeros",
        Disk::Half(_) => "half an image",
        Disk::Image(_) => "no configuration",
        Disk::System(_) => "a system",
    }
}
