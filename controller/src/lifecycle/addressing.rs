//! Which addresses an instance's NICs get in its VPC and in the parameter plane.

use super::{refusal::Refusal, table::Operation};
use crate::{
    addresses::{AddressError, Pool},
    parameter_plane,
    request::NicRequest,
    store::{
        StoreError, Transaction,
        record::{AddressUse, Instance, InstanceNic, NetworkChange, PlaneReservation, Reservation, Server, Subnet},
    },
};
use billet_proto::InstanceId;
use std::{collections::HashSet, net::Ipv4Addr};

/// Chooses an address for each NIC, in order; `subnets` are the NICs', all of one VPC. An address that the project holds,
/// and that no instance has, is given to the NIC that names it, and to no other. Changes nothing.
///
/// # Errors
/// When one asked for breaks a rule or is taken, or none is left; the field is `network_interfaces[N].ipv4_address`.
pub(super) fn choose(
    tx: &mut dyn Transaction,
    nics: &[NicRequest],
    subnets: &[Subnet],
) -> Result<Vec<Ipv4Addr>, Refusal> {
    choose_for(tx, nics, subnets, (None, &|index| format!("network_interfaces[{index}].ipv4_address")))
}

/// As [`choose`], for an instance that is there and may keep what it has; `field` names the address of a NIC.
///
/// # Errors
/// As [`choose`].
pub(super) fn choose_for(
    tx: &mut dyn Transaction,
    nics: &[NicRequest],
    subnets: &[Subnet],
    (instance, field): (Option<InstanceId>, &dyn Fn(usize) -> String),
) -> Result<Vec<Ipv4Addr>, Refusal> {
    let usable = |known: &AddressUse| known.is_at_hand() || (instance.is_some() && known.instance_id == instance);
    let mut chosen = vec![None; nics.len()];
    let mut given = HashSet::new();
    // Those asked for by address first, so that no automatic one takes what a later NIC asks for.
    for asked in [true, false] {
        for (index, (nic, subnet)) in nics.iter().zip(subnets).enumerate() {
            if nic.address.is_some() == asked {
                let address = pick_address(tx, nic.address, subnet, &given, usable)?;
                let address = address.map_err(|error| refuse(field(index), &error, nic, subnet))?;
                given.insert(address);
                chosen[index] = Some(address);
            }
        }
    }
    Ok(chosen.into_iter().flatten().collect())
}

/// Chooses an address for each NIC of the server in the parameter plane, by rail. Changes nothing.
///
/// # Errors
/// When a rail has no subnet, or no free address: the server is not ready, and the rail is named.
pub(super) fn on_plane(tx: &mut dyn Transaction, server: &Server) -> Result<Vec<InstanceNic>, Refusal> {
    let nics = parameter_plane::nics(server);
    if nics.is_empty() {
        return Ok(Vec::new());
    }
    let subnets = tx.plane_subnets()?;
    let chosen = parameter_plane::choose(&nics, &subnets, |subnet, given| tx.free_plane_address(subnet, given))?;
    chosen.map_err(|error| Refusal::ServersNotReady { ids: vec![server.id], why: error.to_string() })
}

/// Reserves the addresses of an instance: those that it has, and those that a change of address is to give it or may have
/// given it.
pub(super) fn reserve(tx: &mut dyn Transaction, instance: &Instance) -> Result<(), StoreError> {
    let (instance_id, mut reserved) = (instance.id, HashSet::new());
    for (vpc_id, nics) in instance.networks() {
        for &InstanceNic { subnet_id, address, rail, .. } in nics {
            // A change may keep some, and those of the parameter plane stay as they are.
            if !reserved.insert((subnet_id, address)) {
                continue;
            }
            match rail {
                None => tx.reserve(&Reservation { vpc_id, subnet_id, address, instance_id })?,
                Some(_) => tx.reserve_on_plane(&PlaneReservation { subnet_id, address, instance_id })?,
            }
        }
    }
    Ok(())
}

/// Reserves what an instance has and is to have now, and nothing else: all other addresses of it are free.
pub(super) fn reserve_anew(tx: &mut dyn Transaction, instance: &Instance) -> Result<(), StoreError> {
    tx.release(instance.id)?;
    reserve(tx, instance)
}

/// Ends a change of address: the instance has what it brought about. The caller writes the instance.
pub(super) fn settle(tx: &mut dyn Transaction, instance: &mut Instance) -> Result<(), StoreError> {
    let Some(NetworkChange { vpc_id, nics, .. }) = instance.network_change.take() else { return Ok(()) };
    (instance.vpc_id, instance.nics) = (vpc_id, nics);
    reserve_anew(tx, instance)
}

/// The order in progress read back that the server is off, and detached every port: of the changes of address that failed
/// before it, nothing is left. The caller writes the instance.
pub(super) fn forget_failed(tx: &mut dyn Transaction, instance: &mut Instance) -> Result<(), StoreError> {
    match &mut instance.network_change {
        None => return Ok(()),
        Some(change) if instance.operation == Operation::ModifyIp => change.before.clear(),
        Some(_) => instance.network_change = None,
    }
    reserve_anew(tx, instance)
}

/// An address of one subnet that is not among those `given` already: the lowest free one, or the one asked for, which must
/// be free or in a use that is `usable`.
pub(crate) fn pick_address(
    tx: &mut dyn Transaction,
    asked: Option<Ipv4Addr>,
    subnet: &Subnet,
    given: &HashSet<Ipv4Addr>,
    usable: impl FnOnce(&AddressUse) -> bool,
) -> Result<Result<Ipv4Addr, AddressError>, StoreError> {
    let Some(address) = asked else {
        return Ok(tx.free_address(subnet, given)?.ok_or(AddressError::Exhausted(subnet.cidr)));
    };
    let pool = Pool { cidr: subnet.cidr, gateway: subnet.gateway, reserved: &subnet.reserved };
    if let Err(error) = pool.check(address) {
        return Ok(Err(error));
    }
    let free = tx.address_use(subnet.vpc_id, address)?.as_ref().is_none_or(usable);
    Ok(if free && !given.contains(&address) { Ok(address) } else { Err(AddressError::Taken(address)) })
}

fn refuse(field: String, error: &AddressError, nic: &NicRequest, subnet: &Subnet) -> Refusal {
    match nic.address {
        Some(address) => {
            Refusal::invalid(field, format!("must be free for a host in {}: {error}", subnet.cidr), address)
        }
        None => Refusal::invalid(field, format!("{error}"), "automatic"),
    }
}
