//! Accepting an instance: checks against the store, the choice of server and addresses, and the rows.

use super::{
    addressing, choose, event,
    refusal::Refusal,
    rules::Rules,
    secrets::InstanceSecrets,
    server_event,
    server_table::{ServerEvent, next},
    table::{Operation, Phase},
    waiting,
};
use crate::{
    clock::Edge,
    placement,
    quota::{self, Wanted},
    request::{CreateInstance, ImageOs, NicRequest},
    store::{
        Transaction,
        record::{Image, Instance, InstanceNic, Server},
    },
};
use billet_proto::{ImageId, InstanceId, ProjectId, ServerId, VpcId};

/// A request whose every id names something that fits.
pub(super) struct Planned {
    pub(super) server: Server,
    pub(super) nics: Vec<InstanceNic>,
}

/// The part of a request that names things: all that a plan needs, and nothing secret.
#[derive(Clone)]
pub(super) struct Wish {
    image_id: ImageId,
    vpc_id: VpcId,
    nics: Vec<NicRequest>,
    server_id: Option<ServerId>,
}

impl Wish {
    pub(super) fn of(request: &CreateInstance, server_id: Option<ServerId>) -> Self {
        let CreateInstance { image_id, vpc_id, nics, .. } = request;
        Self { image_id: *image_id, vpc_id: *vpc_id, nics: nics.clone(), server_id }
    }
}

/// An instance that is to be.
pub(super) struct New<'a> {
    pub(super) project: &'a ProjectId,
    pub(super) request: &'a CreateInstance,
    pub(super) name: String,
    /// None: any idle one.
    pub(super) server_id: Option<ServerId>,
    pub(super) password_hash: &'a str,
}

fn visible_image(tx: &mut dyn Transaction, project: &ProjectId, id: ImageId) -> Result<Image, Refusal> {
    let image = tx.image(id)?.filter(|image| image.project_id.as_ref().is_none_or(|owner| owner == project));
    image.ok_or_else(|| Refusal::invalid("image_id", "must name an image that this project can see", id))
}

/// The operating system of an image, whose administrator's name a password may not contain.
pub(super) fn image_os(tx: &mut dyn Transaction, project: &ProjectId, id: ImageId) -> Result<ImageOs, Refusal> {
    let image = visible_image(tx, project, id)?;
    let unknown = || Refusal::invalid("image_id", "must name an image of a known operating system", &image.os_type);
    ImageOs::from_word(&image.os_type).ok_or_else(unknown)
}

/// As [`image_os`], of an image that can be installed.
pub(super) fn installable_os(tx: &mut dyn Transaction, project: &ProjectId, id: ImageId) -> Result<ImageOs, Refusal> {
    let os_type = visible_image(tx, project, id)?.os_type;
    match ImageOs::from_word(&os_type) {
        Some(ImageOs::Linux) => Ok(ImageOs::Linux),
        _ => {
            let rule = "must name an image whose os_type is Linux: others cannot be installed yet";
            Err(Refusal::invalid("image_id", rule, os_type))
        }
    }
}

/// The operating system of what is installed; none when its image is gone.
pub(super) fn os_of(tx: &mut dyn Transaction, id: ImageId) -> Result<Option<ImageOs>, Refusal> {
    Ok(tx.image(id)?.and_then(|image| ImageOs::from_word(&image.os_type)))
}

/// Checks a wish and chooses; changes nothing.
pub(super) fn plan(
    tx: &mut dyn Transaction,
    edge: &Edge,
    project: &ProjectId,
    request: &Wish,
) -> Result<Planned, Refusal> {
    installable_os(tx, project, request.image_id)?;
    quota::check(tx, project, Wanted::instances(1, request.nics.len()))?;
    let vpc = tx.vpc(request.vpc_id)?.filter(|vpc| vpc.project_id == *project);
    let vpc = vpc.ok_or_else(|| Refusal::invalid("vpc_id", "must name a VPC of this project", request.vpc_id))?;
    let mut subnets = Vec::with_capacity(request.nics.len());
    for (index, nic) in request.nics.iter().enumerate() {
        let subnet = tx.subnet(nic.subnet_id)?;
        let subnet = subnet.filter(|subnet| subnet.project_id == *project && subnet.vpc_id == vpc.id);
        let field = format!("network_interfaces[{index}].subnet_id");
        subnets.push(subnet.ok_or_else(|| Refusal::invalid(field, "must name a subnet of vpc_id", nic.subnet_id))?);
    }
    let server = choose::server(tx, edge, project, request.server_id, request.nics.len())?;
    let addresses = addressing::choose(tx, &request.nics, &subnets)?;
    let plane = addressing::on_plane(tx, &server)?;
    let nics = placement::tenant_ports(&server)
        .zip(addresses)
        .zip(&subnets)
        .map(|((port, address), subnet)| InstanceNic {
            subnet_id: subnet.id,
            address,
            mac: server.macs[port],
            rail: None,
        })
        .chain(plane)
        .collect();
    Ok(Planned { server, nics })
}

/// Writes instance, reservations, server and event.
pub(super) fn accept(
    tx: &mut dyn Transaction,
    rules: &Rules,
    edge: &Edge,
    secrets: &InstanceSecrets,
    New { project, request, name, server_id, password_hash }: New<'_>,
) -> Result<Instance, Refusal> {
    let Planned { mut server, nics } = plan(tx, edge, project, &Wish::of(request, server_id))?;
    let id = InstanceId::new(edge.id());
    server.generation += 1;
    server.manage_state = next(&server, ServerEvent::Taken).ok_or_else(|| Refusal::ServersNotReady {
        ids: vec![server.id],
        why: format!("it is {}", server.manage_state.as_str()),
    })?;
    // The last wipe is this instance's only where nobody wrote since.
    let wipe_before = server.last_wipe.clone().filter(|_| !server.unwiped);
    // From here on an order may reach the ramdisk without our knowing: only a wipe makes this untrue again.
    server.unwiped = true;
    let mut instance = Instance {
        id,
        version: 0,
        project_id: project.clone(),
        name,
        description: request.description.clone(),
        image_id: request.image_id,
        vpc_id: request.vpc_id,
        server_id: server.id,
        nics,
        operation: Operation::Install,
        operation_began_at: rules.now,
        network_change: None,
        phase: Phase::Waiting,
        waiting_for: "the server's agent to take the order".into(),
        waiting: waiting::to_be_taken(rules.now),
        deadline: None,
        generation: server.generation,
        password_hash: Some(secrets.seal_password(id, password_hash)),
        next_password_hash: None,
        metadata: secrets.seal_metadata(id, request.metadata.pairs()),
        user_data: request.user_data.as_ref().map(|data| secrets.seal_user_data(id, data.bytes())),
        ssh_keys: request.ssh_keys.clone(),
        tags: request.tags.clone(),
        error: None,
        host_key: None,
        proof: None,
        boot_trust: None,
        disk_serial: None,
        wipe_before,
        receipt: None,
        clear_other_bootable_disks: server.clear_other_bootable_disks,
        created_at: rules.now,
        updated_at: rules.now,
        launched_at: None,
        terminated_at: None,
    };
    instance.deadline = rules.deadline(&instance, Phase::Waiting);
    tx.insert_instance(&instance)?;
    addressing::reserve(tx, &instance)?;
    tx.update_server(&server)?;
    server_event::record(tx, rules, &server, server_event::PLACED, format!("instance {id}"))?;
    let addresses: Vec<String> = instance.nics.iter().map(|nic| nic.address.to_string()).collect();
    let text = format!("on server {}, with {}", server.id, addresses.join(" and "));
    tx.insert_event(&event::plain(&instance, rules.now, "accepted", "", &text))?;
    Ok(instance)
}
