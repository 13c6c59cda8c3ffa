//! The order that an unfinished instance stands for: built from the rows each time it is sent, so that it is the same
//! after any crash.

use super::{rules::Rules, secrets::InstanceSecrets, table::Operation, task};
use crate::{
    api::ports::{Secrets, SecretsError},
    request::Hostname,
    store::{StoreError, Transaction, record::Instance},
};
use billet_proto::{
    AgentId,
    link::{Image, Install, NicConfig, Order, PowerOff, order::Work},
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
    let work = if instance.operation == Operation::Uninstall {
        Work::PowerOff(PowerOff { nics: nics(tx, instance)? })
    } else {
        let image = tx.image(instance.image_id)?.ok_or(StoreError::Corrupt("an instance's image"))?;
        Work::Install(Install {
            instance_id: instance.id.to_string(),
            hostname: Hostname::derive(&instance.name, instance.id).as_str().to_owned(),
            image: Some(Image {
                image_id: image.id.to_string(),
                manifest_digest: image.manifest_digest.to_vec(),
                size_bytes: image.size_bytes,
                os_type: image.os_type,
            }),
            nics: nics(tx, instance)?,
            password_hash: secrets.password(instance)?.to_string(),
            metadata: secrets.metadata(instance)?.into_iter().collect(),
            clear_other_bootable_disks: instance.clear_other_bootable_disks,
            ssh_keys: instance.ssh_keys.clone(),
            user_data: Vec::new(),
        })
    };
    let order = Order {
        server_id: server.id.to_string(),
        generation: instance.generation,
        deadlines: rules.of_order(),
        work: Some(work),
    };
    Ok(Some((agent, order)))
}

/// Every open order of one agent's servers.
pub(super) fn of_agent(
    tx: &mut dyn Transaction,
    rules: &Rules,
    secrets: &InstanceSecrets,
    agent: AgentId,
) -> Result<Vec<Order>, OrderError> {
    let tasks = tx.unfinished_servers()?;
    let tasks = tasks.iter().filter_map(|server| task::order::of(rules, server));
    let mut orders: Vec<Order> = tasks.filter(|(owner, _)| *owner == agent).map(|(_, order)| order).collect();
    for instance in tx.unfinished_instances()? {
        match of(tx, rules, secrets, &instance) {
            Ok(Some((owner, order))) if owner == agent => orders.push(order),
            Ok(_) => {}
            // One instance that cannot be read must not keep the others from going on; its deadline ends it.
            Err(error) => tracing::error!(instance = %instance.id, %error, "no order can be made"),
        }
    }
    Ok(orders)
}

fn nics(tx: &mut dyn Transaction, instance: &Instance) -> Result<Vec<NicConfig>, StoreError> {
    let mut nics = Vec::with_capacity(instance.nics.len());
    for nic in &instance.nics {
        let subnet = tx.subnet(nic.subnet_id)?.ok_or(StoreError::Corrupt("an instance's subnet"))?;
        nics.push(NicConfig {
            mac: nic.mac.to_string(),
            vpc_id: instance.vpc_id.to_string(),
            subnet_id: subnet.id.to_string(),
            address: nic.address.to_string(),
            prefix_length: subnet.cidr.prefix_length().into(),
            gateway: subnet.gateway.to_string(),
            dns: subnet.dns.iter().map(ToString::to_string).collect(),
            ..NicConfig::default()
        });
    }
    Ok(nics)
}
