//! The order that an unfinished instance stands for: built from the rows each time it is sent, so that it is the same
//! after any crash.

use super::{
    rules::Rules,
    secrets::InstanceSecrets,
    table::{Operation, Phase},
    task,
};
use crate::{
    api::ports::{Secrets, SecretsError},
    request::Hostname,
    store::{
        StoreError, Transaction,
        record::{Instance, InstanceNic, PlaneSubnet},
    },
};
use billet_proto::{
    AgentId, VpcId,
    link::{Image, Install, NicConfig, NicRole, Order, Power, PowerAction, PowerOff, Reconfigure, order::Work},
};

/// Why there is no order.
#[derive(Debug, thiserror::Error)]
pub(super) enum OrderError {
    #[error("read what the order says")]
    Store(#[from] StoreError),
    #[error("open the instance's secrets")]
    Secrets(#[from] SecretsError),
}

/// The order, and the agent that it is for; none when nothing is in progress or the server has no owner.
pub(super) fn of(
    tx: &mut dyn Transaction,
    rules: &Rules,
    secrets: &InstanceSecrets,
    instance: &Instance,
) -> Result<Option<(AgentId, Order)>, OrderError> {
    let Some(server) = tx.server(instance.server_id)? else { return Ok(None) };
    let Some(agent) = server.owner.filter(|_| instance.phase.has_order()) else { return Ok(None) };
    let work = match instance.operation {
        _ if instance.phase == Phase::Cancelling => Work::PowerOff(PowerOff { nics: given_up(tx, instance)? }),
        Operation::Install | Operation::Reinstall | Operation::SwitchInstall => install(tx, secrets, instance)?,
        Operation::ModifyIp => reconfigure(tx, secrets, instance)?,
        // A password that waits is written by a boot into the ramdisk.
        Operation::PowerOn | Operation::Reboot if instance.next_password_hash.is_some() => {
            reconfigure(tx, secrets, instance)?
        }
        Operation::PowerOn => power(PowerAction::On, instance),
        Operation::Reboot => power(PowerAction::Reboot, instance),
        Operation::PowerOff => power(PowerAction::Off, instance),
        Operation::Uninstall => Work::PowerOff(PowerOff { nics: all_ports(tx, instance)? }),
    };
    let order = Order {
        server_id: server.id.to_string(),
        generation: instance.generation,
        deadlines: rules.of_order(),
        work: Some(work),
    };
    Ok(Some((agent, order)))
}

fn install(tx: &mut dyn Transaction, secrets: &InstanceSecrets, instance: &Instance) -> Result<Work, OrderError> {
    let image = tx.image(instance.image_id)?.ok_or(StoreError::Corrupt("an instance's image"))?;
    Ok(Work::Install(Install {
        instance_id: instance.id.to_string(),
        hostname: hostname(instance),
        image: Some(Image {
            image_id: image.id.to_string(),
            manifest_digest: image.manifest_digest.to_vec(),
            size_bytes: image.size_bytes,
            os_type: image.os_type,
        }),
        nics: nics(tx, (instance.vpc_id, &instance.nics))?,
        password_hash: secrets.password(instance)?.to_string(),
        metadata: secrets.metadata(instance)?.into_iter().collect(),
        clear_other_bootable_disks: instance.clear_other_bootable_disks,
        ssh_keys: instance.ssh_keys.clone(),
        user_data: secrets.user_data(instance)?.map(|data| data.to_vec()).unwrap_or_default(),
        old_nics: all_ports(tx, instance)?,
    }))
}

fn reconfigure(tx: &mut dyn Transaction, secrets: &InstanceSecrets, instance: &Instance) -> Result<Work, OrderError> {
    let change = instance.network_change.as_ref().filter(|_| instance.operation == Operation::ModifyIp);
    let now = change.map_or((instance.vpc_id, &instance.nics[..]), |change| (change.vpc_id, &change.nics[..]));
    Ok(Work::Reconfigure(Reconfigure {
        instance_id: instance.id.to_string(),
        hostname: hostname(instance),
        nics: nics(tx, now)?,
        rewrite_network: change.is_some(),
        password_hash: secrets.next_password(instance)?.map(|hash| hash.to_string()).unwrap_or_default(),
        old_nics: all_ports(tx, instance)?,
    }))
}

/// Every port that a network provider may have moved for the instance, wherever changes of address had come to.
fn all_ports(tx: &mut dyn Transaction, instance: &Instance) -> Result<Vec<NicConfig>, StoreError> {
    let mut ports = Vec::new();
    for network in instance.networks() {
        ports.extend(movable(nics(tx, network)?));
    }
    Ok(ports)
}

/// The ports to detach from the tenant's networks where an operation is given up: none where the system that is installed is
/// powered on later as it is, without being brought into service again.
fn given_up(tx: &mut dyn Transaction, instance: &Instance) -> Result<Vec<NicConfig>, StoreError> {
    if instance.operation.is_power() { Ok(Vec::new()) } else { all_ports(tx, instance) }
}

fn power(action: PowerAction, instance: &Instance) -> Work {
    Work::Power(Power { action: action.into(), instance_id: instance.id.to_string() })
}

fn hostname(instance: &Instance) -> String {
    Hostname::derive(&instance.name, instance.id).as_str().to_owned()
}

/// Every open order of one agent's servers.
pub(super) fn of_agent(
    tx: &mut dyn Transaction,
    rules: &Rules,
    secrets: &InstanceSecrets,
    agent: AgentId,
) -> Result<Vec<Order>, OrderError> {
    let (servers, instances) = tx.unfinished_of(agent)?;
    let mut orders = Vec::new();
    for server in servers {
        orders.extend(task::order::readable(tx, rules, &server)?.map(|(_, order)| order));
    }
    for instance in instances {
        match of(tx, rules, secrets, &instance) {
            Ok(Some((owner, order))) if owner == agent => orders.push(order),
            Ok(_) => {}
            // One instance that cannot be read must not keep the others from going on; its deadline ends it.
            Err(error) => tracing::error!(instance = %instance.id, %error, "no order can be made"),
        }
    }
    Ok(orders)
}

/// All NICs: those of the VPC first, the primary one at their head.
fn nics(tx: &mut dyn Transaction, (vpc_id, of): (VpcId, &[InstanceNic])) -> Result<Vec<NicConfig>, StoreError> {
    let mut nics = Vec::with_capacity(of.len());
    let on_plane = of.iter().any(|nic| nic.rail.is_some());
    let plane = if on_plane { tx.plane_subnets()? } else { Vec::new() };
    for nic in of {
        nics.push(match nic.rail {
            None => in_vpc(tx, vpc_id, nic)?,
            Some(rail) => {
                let subnet = plane.iter().find(|subnet| subnet.id == nic.subnet_id);
                on_rail(nic, rail, subnet.ok_or(StoreError::Corrupt("an instance's parameter-plane subnet"))?)
            }
        });
    }
    Ok(nics)
}

/// The ports that a network provider moves: the parameter plane's stay where they are.
fn movable(nics: Vec<NicConfig>) -> Vec<NicConfig> {
    nics.into_iter().filter(|nic| nic.role() == NicRole::Vpc).collect()
}

fn in_vpc(tx: &mut dyn Transaction, vpc_id: VpcId, nic: &InstanceNic) -> Result<NicConfig, StoreError> {
    let subnet = tx.subnet(nic.subnet_id)?.ok_or(StoreError::Corrupt("an instance's subnet"))?;
    Ok(NicConfig {
        mac: nic.mac.to_string(),
        vpc_id: vpc_id.to_string(),
        subnet_id: subnet.id.to_string(),
        address: nic.address.to_string(),
        prefix_length: subnet.cidr.prefix_length().into(),
        gateway: subnet.gateway.to_string(),
        dns: subnet.dns.iter().map(ToString::to_string).collect(),
        ..NicConfig::default()
    })
}

/// Without name servers: those are the primary NIC's alone.
fn on_rail(nic: &InstanceNic, rail: u32, subnet: &PlaneSubnet) -> NicConfig {
    NicConfig {
        mac: nic.mac.to_string(),
        subnet_id: subnet.id.to_string(),
        address: nic.address.to_string(),
        prefix_length: subnet.cidr.prefix_length().into(),
        gateway: subnet.gateway.map(|gateway| gateway.to_string()).unwrap_or_default(),
        role: NicRole::ParameterPlane.into(),
        rail,
        mtu: subnet.mtu,
        ..NicConfig::default()
    }
}
