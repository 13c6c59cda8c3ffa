//! Other addresses: reserved at acceptance beside the old ones, which are free when the system answers at the new ones.

use super::{
    addressing, event, operation,
    refusal::Refusal,
    rules::Rules,
    table::{Operation, may_begin},
};
use crate::{
    placement,
    quota::{self, Wanted},
    request::ModifyIp,
    store::{
        StoreError, Transaction,
        record::{Instance, InstanceNic, NetworkChange, Subnet},
    },
};
use billet_proto::{InstanceId, ProjectId, VpcId};
use std::net::Ipv4Addr;

const WANTED: &str = "running, stopped, or in error from a change of address";
/// So many networks of changes that failed are kept beside the one that is to be: each has addresses and may have ports.
const MAX_FAILED: usize = 8;
const TOO_MANY: &str = "reinstalled, asked for an earlier change once more (by an operator), or deleted: too many changes of address \
                        failed without a boot of a ramdisk, and what they may have left is kept until then";

/// Accepts; answers the instance, for its order to be sent.
pub(super) fn accept(
    tx: &mut dyn Transaction,
    rules: &Rules,
    project: &ProjectId,
    (id, request): (InstanceId, &ModifyIp),
) -> Result<Instance, Refusal> {
    let mut found = operation::find(tx, Some(project), &[id])?;
    operation::all_may(&found, WANTED, |instance| may_begin(instance.standing(), Operation::ModifyIp))?;
    let mut instance = found.pop().ok_or_else(|| Refusal::InstancesNotFound(vec![id]))?;
    let (vpc_id, nics) = plan(tx, project, &instance, request)?;
    if instance.network_change.as_ref().is_some_and(|change| change.before.len() >= MAX_FAILED) {
        let instances = vec![(id, instance.standing().told())];
        return Err(Refusal::InstanceState { instances, wanted: TOO_MANY });
    }
    operation::begin(tx, rules, &mut instance, (Operation::ModifyIp, WANTED))?;
    let addresses: Vec<String> = nics.iter().map(|nic| nic.address.to_string()).collect();
    // Another try: what the last one attached and configured is there until an order undid it.
    instance.network_change = Some(NetworkChange::instead_of(instance.network_change.take(), vpc_id, nics));
    addressing::reserve_anew(tx, &instance)?;
    tx.update_instance(&instance)?;
    let text = format!("{}: {}", Operation::ModifyIp.word(), addresses.join(" and "));
    event::record(tx, &instance, rules.now, "accepted", &text)?;
    Ok(instance)
}

/// The network that is asked for; NICs of the parameter plane stay as they are.
fn plan(
    tx: &mut dyn Transaction,
    project: &ProjectId,
    instance: &Instance,
    request: &ModifyIp,
) -> Result<(VpcId, Vec<InstanceNic>), Refusal> {
    let vpc_id = request.vpc_id.unwrap_or(instance.vpc_id);
    if tx.vpc(vpc_id)?.is_none_or(|vpc| vpc.project_id != *project) {
        return Err(Refusal::invalid("vpc_id", "must name a VPC of this project", vpc_id));
    }
    let server = tx.server(instance.server_id)?.ok_or(StoreError::Corrupt("an instance's server"))?;
    let ports: Vec<usize> = placement::tenant_ports(&server).collect();
    if ports.len() < request.nics.len() {
        let rule = format!("must have at most {} elements: the server has no more NICs for a VPC", ports.len());
        return Err(Refusal::invalid("nics", rule, request.nics.len()));
    }
    let mut subnets: Vec<Subnet> = Vec::with_capacity(request.nics.len());
    for (index, nic) in request.nics.iter().enumerate() {
        let subnet = tx.subnet(nic.subnet_id)?;
        let subnet = subnet.filter(|subnet| subnet.project_id == *project && subnet.vpc_id == vpc_id);
        let field = format!("nics[{index}].subnet_id");
        subnets.push(subnet.ok_or_else(|| Refusal::invalid(field, "must name a subnet of the VPC", nic.subnet_id))?);
    }
    let field = |index: usize| format!("nics[{index}].ip_address");
    let addresses = addressing::choose_for(tx, &request.nics, &subnets, (Some(instance.id), &field))?;
    let added = addresses.iter().filter(|address| !has(instance, vpc_id, **address)).count();
    quota::check(tx, project, Wanted { addresses: count(added), ..Wanted::default() })?;
    let chosen = ports.into_iter().zip(addresses).zip(&subnets);
    let chosen = chosen.map(|((port, address), subnet)| InstanceNic {
        subnet_id: subnet.id,
        address,
        mac: server.macs[port],
        rail: None,
    });
    let plane = instance.nics.iter().filter(|nic| nic.rail.is_some()).cloned();
    Ok((vpc_id, chosen.chain(plane).collect()))
}

/// Whether the address is reserved for the instance already.
fn has(instance: &Instance, vpc_id: VpcId, address: Ipv4Addr) -> bool {
    let mut there = instance.networks().filter(|(of, _)| *of == vpc_id).flat_map(|(_, nics)| nics);
    there.any(|nic| nic.rail.is_none() && nic.address == address)
}

fn count(nics: usize) -> u32 {
    u32::try_from(nics).unwrap_or(u32::MAX)
}
